"""A headless browser with windows of any size, theme and language, and the log-in forms of Airflow.

    with launch_browser() as browser, Windows(browser) as windows:
        page = windows.open("http://127.0.0.1:8080", viewport=Viewport(width=390, scheme="dark", locale="zh-CN"))

The browser is Debian's Chromium, controlled by Playwright. Playwright waits for the elements that a step needs, up to a
time limit.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal, Self

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Frame, Page, StorageState, expect, sync_playwright

CHROMIUM: Final = Path("/usr/bin/chromium")

_STEP_MS: Final = 15_000
_LOAD_MS: Final = 30_000


@dataclass(frozen=True)
class Viewport:
    """Size, theme and language of a window.

    :param width: in pixels.
    :param height: in pixels.
    :param scheme: the system's color scheme.
    :param locale: the browser's language.
    """

    width: int = 1440
    height: int = 900
    scheme: Literal["light", "dark"] = "light"
    locale: str = "en-GB"


@contextlib.contextmanager
def launch_browser() -> Iterator[Browser]:
    """Run a browser."""
    expect.set_options(timeout=_STEP_MS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        try:
            yield browser
        finally:
            browser.close()


class Windows:
    """Opens isolated windows, and closes them at the end of the block.

    `complaints` contains the errors in the browser's console and the uncaught errors of the pages, including violations
    of the content security policy.
    """

    def __init__(self, browser: Browser) -> None:
        self._browser = browser
        self._open = contextlib.ExitStack()
        self.complaints: list[str] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._open.close()

    def open(self, url: str, viewport: Viewport | None = None, state: StorageState | None = None) -> Page:
        """Open a window, and return its empty page.

        :param url: the base URL; the page may use relative ones.
        :param state: the storage state of an earlier window, for example of a logged-in user.
        """
        viewport = viewport or Viewport()
        context = self._browser.new_context(
            base_url=url,
            viewport={"width": viewport.width, "height": viewport.height},
            color_scheme=viewport.scheme,
            locale=viewport.locale,
            storage_state=state,
            timezone_id="Europe/Berlin",
        )
        self._open.callback(context.close)
        context.set_default_timeout(_STEP_MS)
        context.set_default_navigation_timeout(_LOAD_MS)
        context.on("weberror", lambda error: self.complaints.append(str(error.error)))
        context.on("console", lambda message: message.type == "error" and self.complaints.append(message.text))
        return context.new_page()


def log_in_to_airflow_3(page: Page, name: str, password: str) -> None:
    """Log in with Airflow 3's form."""
    page.goto("/")
    _sign_in(page, name, password, button="Sign in")
    expect(page.get_by_role("link", name="Home").first).to_be_visible()


def log_in_to_airflow_2(page: Page, name: str, password: str) -> None:
    """Log in with Airflow 2's form."""
    page.goto("/login/")
    _sign_in(page, name, password, button="Sign In")
    expect(page.get_by_role("link", name="DAGs").first).to_be_visible()


def _sign_in(page: Page, name: str, password: str, *, button: str) -> None:
    page.get_by_label("Username").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name=button).click()


def accessibility_violations(part: Page | Frame) -> list[str]:
    """Return the accessibility violations that axe calls serious or critical.

    :param part: a page or one of its frames; frames are checked separately.
    """
    found: list[dict[str, Any]] = Axe().run(part).response["violations"]
    return [
        f"{violation['id']}: {violation['help']}: {node['html'][:200]}"
        for violation in found
        if violation["impact"] in ("serious", "critical")
        for node in violation["nodes"]
    ]
