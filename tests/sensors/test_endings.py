"""However a sensor waits, it ends alike: each mode, each outcome, each flag."""

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

# What Airflow itself does in poke mode, which is what the other modes have to do: a row an outcome, a column a flag.
MAY_BE_RETRIED: Ending = "failed, may be retried"
EXPECTED: dict[str, tuple[Ending, Ending, Ending, Ending]] = {
    "ready": ("succeeded", "succeeded", "succeeded", "succeeded"),
    "ready later": ("succeeded", "succeeded", "succeeded", "succeeded"),
    "never there": ("timed out", "skipped", "timed out", "timed out"),
    "wrong": ("failed", "skipped", "failed", "skipped"),
    "wrong later": ("failed", "skipped", "failed", "skipped"),
    "wrong for ever, waited for": ("timed out", "skipped", "timed out", "timed out"),
    "wrong and then mended, waited for": ("succeeded", "succeeded", "succeeded", "succeeded"),
    "a fault": (MAY_BE_RETRIED, MAY_BE_RETRIED, "timed out", "skipped"),
    "a fault later": (MAY_BE_RETRIED, MAY_BE_RETRIED, "timed out", "skipped"),
    "one fault, then ready": (MAY_BE_RETRIED, MAY_BE_RETRIED, "succeeded", "skipped"),
    "no picture asked for": ("failed", "skipped", "failed", "skipped"),
    # A secrets backend that is down looks the same, so this one may pass.
    "no such connection": (MAY_BE_RETRIED, MAY_BE_RETRIED, "timed out", "skipped"),
    "connection of another type": ("failed", "skipped", "failed", "skipped"),
}


class Stage:
    """Sets up what an outcome needs, and returns the sensor's arguments."""

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

    def wrong_for_ever_waited_for(self) -> dict[str, Any]:
        return {"big_picture_url": self._wrong(), "on_wrong": "wait", "timeout": 0.05}

    def wrong_and_then_mended_waited_for(self) -> dict[str, Any]:
        return {"big_picture_url": self._change(self._wrong, self._good), "on_wrong": "wait"}

    def a_fault(self) -> dict[str, Any]:
        self._break_looks(lambda number: True)
        return {"big_picture_url": self._absent(), "timeout": 0.05}

    def a_fault_later(self) -> dict[str, Any]:
        self._break_looks(lambda number: number > 1)
        return {"big_picture_url": self._absent(), "timeout": 0.5}

    def one_fault_then_ready(self) -> dict[str, Any]:
        self._break_looks(lambda number: number == 1)
        return {"big_picture_url": self._good()}

    def no_picture_asked_for(self) -> dict[str, Any]:
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

    def _break_looks(self, is_broken: Callable[[int], bool]) -> None:
        numbers = itertools.count(1)
        check_picture = check_module.check_picture

        def check(*arguments: Any, **options: Any) -> Any:
            if is_broken(next(numbers)):
                raise KeyError("a mistake of ours")
            return check_picture(*arguments, **options)

        self.monkeypatch.setattr(check_module, "check_picture", check)


@pytest.fixture
def stage(host: PictureHost, monkeypatch: pytest.MonkeyPatch, connect: Callable[..., None]) -> Stage:
    monkeypatch.setattr(polling, "MIN_POLL_INTERVAL_S", 0.02)
    return Stage(host, monkeypatch)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("flag", FLAGS)
@pytest.mark.parametrize("outcome", EXPECTED)
def test_it_ends_as_a_poke_does(stage: Stage, outcome: str, flag: str, mode: Mode) -> None:
    arguments = getattr(stage, outcome.replace(",", "").replace(" ", "_"))()
    if flag != "none":
        arguments[flag] = True
    expected = EXPECTED[outcome][FLAGS.index(flag)]
    if expected == MAY_BE_RETRIED:
        arguments.pop("timeout", None)  # it comes of itself, however slow the machine is
    ended, value = ending(mode, **arguments)
    assert (ended, value) == (expected, value)
    if ended == "succeeded":
        assert value["counts"] == {"ready": len(value["reports"]), "absent": 0, "wrong": 0}
