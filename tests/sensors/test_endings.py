"""Each outcome ends in the same way in each mode, with each flag."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any

import pytest

import airflow_provider_oppo_image.pictures.check as check_module
from airflow_provider_oppo_image.pictures import polling
from tests.conftest import CONNECTION_VARIABLE
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.support.sensor_runs import MODES, Ending, Mode, change_after, ending

FLAGS = ("none", "soft_fail", "silent_fail", "never_fail")

# The result of Airflow's poke mode, which the other modes must match: one row per outcome, one column per flag.
MAY_BE_RETRIED: Ending = "failed, may be retried"
EXPECTED: dict[str, tuple[Ending, Ending, Ending, Ending]] = {
    "ready": ("succeeded", "succeeded", "succeeded", "succeeded"),
    "ready later": ("succeeded", "succeeded", "succeeded", "succeeded"),
    "never there": ("timed out", "skipped", "timed out", "timed out"),
    "wrong": ("failed", "skipped", "failed", "skipped"),
    "wrong later": ("failed", "skipped", "failed", "skipped"),
    "always wrong, waited for": ("timed out", "skipped", "timed out", "timed out"),
    "wrong, then replaced, waited for": ("succeeded", "succeeded", "succeeded", "succeeded"),
    "an error": (MAY_BE_RETRIED, MAY_BE_RETRIED, "timed out", "skipped"),
    "an error later": (MAY_BE_RETRIED, MAY_BE_RETRIED, "timed out", "skipped"),
    "one error, then ready": (MAY_BE_RETRIED, MAY_BE_RETRIED, "succeeded", "skipped"),
    "no picture": ("failed", "skipped", "failed", "skipped"),
    # Transient, because a secrets backend that is down has the same effect.
    "no such connection": (MAY_BE_RETRIED, MAY_BE_RETRIED, "timed out", "skipped"),
    "connection of another type": ("failed", "skipped", "failed", "skipped"),
}


class Outcomes:
    """Sets up an outcome, and returns the sensor's arguments."""

    def __init__(self, host: PictureHost, monkeypatch: pytest.MonkeyPatch) -> None:
        self.host = host
        self.monkeypatch = monkeypatch

    def ready(self) -> dict[str, Any]:
        return {"big_picture_url": self._good(), "small_picture_url": self._good("small")}

    def ready_later(self) -> dict[str, Any]:
        return {"big_picture_url": self._change(self._absent, self._good)}

    def never_there(self) -> dict[str, Any]:
        return {"big_picture_url": self._absent(), "timeout": 0.05}

    def wrong(self) -> dict[str, Any]:
        return {"big_picture_url": self._wrong()}

    def wrong_later(self) -> dict[str, Any]:
        return {"big_picture_url": self._change(self._absent, self._wrong)}

    def always_wrong_waited_for(self) -> dict[str, Any]:
        return {"big_picture_url": self._wrong(), "on_wrong": "wait", "timeout": 0.05}

    def wrong_then_replaced_waited_for(self) -> dict[str, Any]:
        return {"big_picture_url": self._change(self._wrong, self._good), "on_wrong": "wait"}

    def an_error(self) -> dict[str, Any]:
        self._break_checks(lambda number: True)
        return {"big_picture_url": self._absent(), "timeout": 0.05}

    def an_error_later(self) -> dict[str, Any]:
        self._break_checks(lambda number: number > 1)
        return {"big_picture_url": self._absent(), "timeout": 0.5}

    def one_error_then_ready(self) -> dict[str, Any]:
        self._break_checks(lambda number: number == 1)
        return {"big_picture_url": self._good()}

    def no_picture(self) -> dict[str, Any]:
        return {"big_picture_url": "None", "pictures": []}

    def no_such_connection(self) -> dict[str, Any]:
        return {"big_picture_url": self._good(), "oppo_image_conn_id": "nowhere", "timeout": 0.05}

    def connection_of_another_type(self) -> dict[str, Any]:
        self.monkeypatch.setenv(CONNECTION_VARIABLE, json.dumps({"conn_type": "http", "login": "a", "password": "b"}))
        return {"big_picture_url": self._good()}

    def _good(self, kind: str = "big") -> str:
        return self.host.serve(f"/{kind}.png", artwork.good(kind))

    def _wrong(self) -> str:
        return self.host.serve("/big.png", artwork.HTML)

    def _absent(self) -> str:
        return self.host.status("/big.png", 404)

    def _change(self, before: Callable[[], str], after: Callable[[], str]) -> str:
        return change_after(self.host, "/big.png", 1, before, after)

    def _break_checks(self, is_broken: Callable[[int], bool]) -> None:
        numbers = itertools.count(1)
        check_picture = check_module.check_picture

        def check(*arguments: Any, **options: Any) -> Any:
            if is_broken(next(numbers)):
                raise KeyError("a bug")
            return check_picture(*arguments, **options)

        self.monkeypatch.setattr(check_module, "check_picture", check)


@pytest.fixture
def outcomes(host: PictureHost, monkeypatch: pytest.MonkeyPatch, connect: Callable[..., None]) -> Outcomes:
    monkeypatch.setattr(polling, "MIN_POLL_INTERVAL_S", 0.02)
    return Outcomes(host, monkeypatch)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("outcome", EXPECTED)
def test_ends_as_poke_does(outcomes: Outcomes, outcome: str, flag: str, mode: Mode) -> None:
    arguments = getattr(outcomes, outcome.replace(",", "").replace(" ", "_"))()
    if flag != "none":
        arguments[flag] = True
    expected = EXPECTED[outcome][FLAGS.index(flag)]
    if expected == MAY_BE_RETRIED:
        arguments.pop("timeout", None)  # so that a slow machine does not time out
    ended, value = ending(mode, **arguments)
    assert (ended, value) == (expected, value)
    if ended == "succeeded":
        assert value["counts"] == {"ready": len(value["reports"]), "absent": 0, "wrong": 0}
