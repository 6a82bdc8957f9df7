"""Fixtures for searches for leaks: everything that is logged at any level and printed, and the search itself."""

from __future__ import annotations

import contextlib
import http.client
import logging
from collections.abc import Callable, Iterator
from typing import Protocol

import pytest

from tests.support.leaks import leaks, signatures
from tests.trust.attack_report import AttackReport

CapturedOutput = Callable[[], str]


class RequireNoLeak(Protocol):
    """Searches texts for the master secret, the Authorization header and, unless disabled, the signature."""

    def __call__(self, attack: str, *texts: str | bytes, signature: bool = True) -> None: ...


@pytest.fixture
def require_no_leak(attacks: AttackReport) -> RequireNoLeak:
    def require(attack: str, *texts: str | bytes, signature: bool = True) -> None:
        found = leaks(*texts) + (signatures(*texts) if signature else [])
        attacks.require("nothing leaks", attack, not found, (found, texts))

    return require


@pytest.fixture
def output(
    caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[CapturedOutput]:
    """Return what was logged and printed since the last call, including urllib3 and the standard library."""
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    with contextlib.ExitStack() as levels:
        for name in (None, "urllib3", "requests", "http.client", "airflow_provider_oppo_image"):
            levels.enter_context(caplog.at_level(logging.DEBUG, name))

        def output() -> str:
            text = caplog.text + "".join(capsys.readouterr())
            caplog.clear()
            return text

        yield output


@pytest.fixture
def _masking_disabled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Disable Airflow's masking of secrets, as in `dag.test()`."""
    monkeypatch.setattr("airflow_provider_oppo_image.hooks.oppo_image.mask_secret", lambda _: None)
