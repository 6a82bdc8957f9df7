"""One sandbox and one picture host for all tests here; each test finds the sandbox empty."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from airflow_provider_oppo_image.contract import IMAGE_PATH, PUSH_PATH
from airflow_provider_oppo_image.sandbox.options import SANDBOX_APP_KEY, SANDBOX_MASTER_SECRET, SandboxOptions
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.picture_host import PictureHost

CREDENTIALS = (SANDBOX_APP_KEY, SANDBOX_MASTER_SECRET)


@dataclass
class Caller:
    """A client that knows nothing: it sends what it is told and returns the status and the JSON."""

    url: str
    host: PictureHost

    def call(self, method: str, path: str, auth: Any = CREDENTIALS, **kwargs: Any) -> tuple[int, Any]:
        response = requests.request(method, self.url + path, auth=auth, timeout=10, **kwargs)
        return response.status_code, response.json() if response.content else None

    def upload(self, body: Any, **kwargs: Any) -> tuple[int, Any]:
        return self.call("POST", IMAGE_PATH, json=body, **kwargs)

    def push(self, body: Any, path: str = PUSH_PATH, **kwargs: Any) -> tuple[int, Any]:
        return self.call("POST", path, json=body, **kwargs)

    def picture(self, kind: str) -> str:
        """Upload a good picture and return its id."""
        url = self.host.serve(f"/{kind}.png", artwork.good(kind))
        status, body = self.upload({f"{kind}_picture_url": url})
        assert status == 200
        return str(body[f"{kind}_picture_id"])


def message(cid: str | None = None, **oppo: Any) -> dict[str, Any]:
    """A push to everybody."""
    options = {"cid": cid, "third_party_channel": {"oppo": oppo}}
    notification = {"android": {"title": "Spring sale", "alert": "Today only"}}
    return {"to": "all", "body": {"platform": "all", "notification": notification, "options": options}}


@pytest.fixture(scope="package")
def running() -> Iterator[SandboxServer]:
    # The limit has tests of its own; here it would only see how fast this machine is.
    with SandboxServer(SandboxOptions(requests_per_second=None)) as sandbox:
        yield sandbox


@pytest.fixture(scope="package")
def running_host() -> Iterator[PictureHost]:
    with PictureHost() as host:
        yield host


@pytest.fixture
def sandbox(running: SandboxServer) -> SandboxServer:
    running.forget()
    running.recover()
    return running


@pytest.fixture
def host(running_host: PictureHost) -> PictureHost:
    running_host.pages.clear()
    running_host.requests.clear()
    return running_host


@pytest.fixture
def caller(sandbox: SandboxServer, host: PictureHost) -> Caller:
    return Caller(sandbox.url, host)
