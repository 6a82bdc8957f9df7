"""Fixtures: one sandbox and one picture host for all tests here, both empty at the start of each test."""

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
class ApiCaller:
    """A client without rules of its own: it returns the HTTP status and the JSON of each response."""

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
    """Return a push to everybody."""
    options = {"cid": cid, "third_party_channel": {"oppo": oppo}}
    notification = {"android": {"title": "Spring sale", "alert": "Today only"}}
    return {"to": "all", "body": {"platform": "all", "notification": notification, "options": options}}


def error_of(response: tuple[int, Any]) -> tuple[int, int]:
    """Return the status and the code of a response that contains an error and nothing else."""
    status, body = response
    assert set(body) == {"error"}
    assert body["error"]["message"]
    return status, body["error"]["code"]


@pytest.fixture(scope="package")
def package_sandbox() -> Iterator[SandboxServer]:
    # Without a rate limit, which depends on the speed of the machine and has its own tests.
    with SandboxServer(SandboxOptions(requests_per_second=None)) as sandbox:
        yield sandbox


@pytest.fixture(scope="package")
def package_host() -> Iterator[PictureHost]:
    with PictureHost() as host:
        yield host


@pytest.fixture
def sandbox(package_sandbox: SandboxServer) -> SandboxServer:
    package_sandbox.forget()
    package_sandbox.recover()
    return package_sandbox


@pytest.fixture
def host(package_host: PictureHost) -> PictureHost:
    package_host.pages.clear()
    package_host.requests.clear()
    return package_host


@pytest.fixture
def caller(sandbox: SandboxServer, host: PictureHost) -> ApiCaller:
    return ApiCaller(sandbox.url, host)
