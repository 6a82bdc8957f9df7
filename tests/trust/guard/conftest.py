"""What the tests of the guard start from: ports that listen, a host that counts as public, and a door for URLs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.conftest import CONNECTION_VARIABLE
from tests.support.doors import DOORS, connect_to
from tests.support.listeners import Listeners
from tests.support.outside import Outside
from tests.support.scene import Scene


@pytest.fixture(scope="session")
def listeners() -> Iterator[Listeners]:
    with Listeners() as listeners:
        yield listeners


@pytest.fixture(scope="session")
def the_outside() -> Iterator[Outside]:
    with Outside() as outside:
        yield outside


@pytest.fixture
def outside(the_outside: Outside, monkeypatch: pytest.MonkeyPatch) -> Outside:
    the_outside.let_in(monkeypatch)
    return the_outside


@pytest.fixture(params=DOORS)
def scene(
    request: pytest.FixtureRequest, outside: Outside, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
) -> Scene:
    monkeypatch.setenv(CONNECTION_VARIABLE, connect_to("https://service.example"))
    return Scene(request.param, outside, listeners, monkeypatch)
