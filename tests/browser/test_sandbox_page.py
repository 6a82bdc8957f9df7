"""The sandbox's page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pytest
import requests
from playwright.sync_api import Frame, Locator, Page, expect

from airflow_provider_oppo_image.contract import IMAGE_PATH, PUSH_PATH
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts.demo_campaigns import CAMPAIGNS, LAST_YEAR, make_pictures
from tests.support.browser import Viewport, Windows
from tests.support.picture_host import PictureHost


@pytest.fixture
def busy_sandbox(sandbox: SandboxServer, host: PictureHost, tmp_path: Path) -> SandboxServer:
    """A sandbox that received the pictures of three campaigns and the pushes of two."""

    def ask(path: str, body: Any) -> Any:
        credentials = (sandbox.options.app_key, sandbox.options.master_secret)
        return requests.post(sandbox.url + path, json=body, auth=credentials, timeout=20).json()

    make_pictures(tmp_path, [*CAMPAIGNS, LAST_YEAR])
    for campaign in (*CAMPAIGNS, LAST_YEAR):
        big = host.serve(f"/{campaign.big}", (tmp_path / campaign.big).read_bytes(), content_type="image/jpeg")
        small = host.serve(f"/{campaign.small}", (tmp_path / campaign.small).read_bytes())
        oppo: dict[str, Any] = {"style": 3}
        oppo |= ask(IMAGE_PATH, {"big_picture_url": big})
        oppo |= ask(IMAGE_PATH, {"small_picture_url": small})
        if campaign is not LAST_YEAR:
            android = {"title": campaign.title, "alert": campaign.text}
            options = {"cid": campaign.name, "third_party_channel": {"oppo": oppo}}
            body = {"platform": "all", "notification": {"android": android}, "options": options}
            assert "msg_id" in ask(PUSH_PATH, {"to": "all", "body": body})
    return sandbox


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1080, 390])
def test_page_is_accessible_and_complete(
    width: int,
    scheme: Literal["light", "dark"],
    windows: Windows,
    busy_sandbox: SandboxServer,
    axe: Callable[[Page | Frame], list[str]],
    keep_screenshot: Callable[[Page | Locator, str], None],
) -> None:
    page = windows.open(busy_sandbox.url, Viewport(width=width, height=676, scheme=scheme))
    page.goto("/")
    expect(page.get_by_role("article")).to_have_count(3)
    expect(page.get_by_role("article").first).to_contain_text("876 x 324 px")
    widths = page.get_by_role("img").evaluate_all("all => all.map(picture => picture.naturalWidth)")
    assert sorted(set(widths)) == [144, 984]
    assert axe(page) == []
    assert not page.evaluate("document.scrollingElement.scrollWidth > document.scrollingElement.clientWidth")
    assert windows.complaints == []
    if (width, scheme) == (1080, "light"):
        keep_screenshot(page, "sandbox")
