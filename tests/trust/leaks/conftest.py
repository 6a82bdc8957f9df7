"""Ears: everything that is logged at any level, and printed, while a test runs."""

from __future__ import annotations

import contextlib
import http.client
import logging
from collections.abc import Callable, Iterator

import pytest

Heard = Callable[[], str]


@pytest.fixture
def heard(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[Heard]:
    """What was logged and printed since the last time, urllib3's and the standard library's own lines included."""
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    with contextlib.ExitStack() as levels:
        for name in (None, "urllib3", "requests", "http.client", "airflow_provider_oppo_image"):
            levels.enter_context(caplog.at_level(logging.DEBUG, name))

        def heard() -> str:
            text = caplog.text + "".join(capsys.readouterr())
            caplog.clear()
            return text

        yield heard


@pytest.fixture
def _unmasked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have Airflow mask nothing, as in `dag.test()`: what it would have masked is seen."""
    monkeypatch.setattr("airflow_provider_oppo_image.hooks.oppo_image.mask_secret", lambda _: None)
