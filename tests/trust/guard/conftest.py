"""Fixtures for attacks on the address policy: listening ports, a host that counts as public, and a URL probe."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import CONNECTION_VARIABLE
from tests.support.check_entry_points import ENTRY_POINTS, connection_json
from tests.support.listeners import Listeners
from tests.support.public_host import PublicHost
from tests.support.url_probe import UrlProbe


@pytest.fixture(scope="session")
def listeners() -> Iterator[Listeners]:
    with Listeners() as listeners:
        yield listeners


@pytest.fixture(scope="session")
def session_public_host() -> Iterator[PublicHost]:
    with PublicHost() as host:
        yield host


@pytest.fixture
def public_host(session_public_host: PublicHost, monkeypatch: pytest.MonkeyPatch) -> PublicHost:
    session_public_host.allow(monkeypatch)
    return session_public_host


@pytest.fixture(params=ENTRY_POINTS)
def probe(
    request: pytest.FixtureRequest, public_host: PublicHost, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> UrlProbe:
    monkeypatch.setenv(CONNECTION_VARIABLE, connection_json("https://service.example"))
    return UrlProbe(request.param, public_host, listeners, monkeypatch)
