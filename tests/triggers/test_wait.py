from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

import airflow_provider_oppo_image.pictures.check as check_module
from airflow_provider_oppo_image.pictures import polling
from airflow_provider_oppo_image.triggers import wait
from airflow_provider_oppo_image.triggers.oppo_image import OppoImageTrigger
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.support.sensor_runs import change_after, first_event, in_another_process

Connect = Callable[..., None]

CHANCE = 0.25
"""The random number in tests of delays."""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> None:
    monkeypatch.setattr(polling, "MIN_POLL_INTERVAL_S", 0.02)


@pytest.fixture
def slept(host: PictureHost, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The seconds of each sleep of the trigger, which are skipped."""
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        assert len(host.requests) == len(slept) - 1
        await asyncio.sleep(0)

    monkeypatch.setattr(wait, "asyncio", SimpleNamespace(sleep=sleep, wait_for=asyncio.wait_for))
    monkeypatch.setattr(wait, "random", SimpleNamespace(random=lambda: CHANCE))
    return slept


def make_trigger(left: float = 30, **arguments: Any) -> OppoImageTrigger:
    return OppoImageTrigger(**{"deadline": time.time() + left, "poke_interval": 0, **arguments})


def serve_good(host: PictureHost) -> str:
    return host.serve("/big.png", artwork.good("big"))


def test_start_after_deadline_polls_once(host: PictureHost) -> None:
    late = in_another_process(make_trigger(-3600, big_picture_url=serve_good(host), poke_interval=600))
    assert first_event(late)["status"] == "ready"
    too_late = in_another_process(make_trigger(-3600, big_picture_url=host.status("/big.png", 404), poke_interval=600))
    assert first_event(too_late)["status"] == "timeout"
    assert len(host.requests) == 2


def test_unusable_setting_of_the_machine_is_permanent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "gopher://127.0.0.1")
    event = first_event(make_trigger(big_picture_url="https://host.example/big.png", silent_fail=True))
    assert (event["status"], event["permanent"], "ALL_PROXY" in event["message"]) == ("error", True, True)


def test_first_delay_is_random(host: PictureHost, slept: list[float]) -> None:
    big = change_after(host, "/big.png", 3, lambda: host.status("/big.png", 404), lambda: serve_good(host))
    assert first_event(make_trigger(1000, big_picture_url=big, poke_interval=60))["status"] == "ready"
    assert slept == [60 * CHANCE, 60, 60, 60]


def test_exponential_backoff(host: PictureHost, slept: list[float]) -> None:
    big = change_after(host, "/big.png", 4, lambda: host.status("/big.png", 404), lambda: serve_good(host))
    first_event(make_trigger(9000, big_picture_url=big, poke_interval=60, exponential_backoff=True, max_wait=300))
    assert slept == [60 * CHANCE, 120, 240, 300, 300]


def test_retry_after_is_honoured_up_to_the_deadline(host: PictureHost, slept: list[float]) -> None:
    busy = lambda: host.status("/big.png", 429, {"Retry-After": "600"})  # noqa: E731 - a page
    big = change_after(host, "/big.png", 1, busy, lambda: serve_good(host))
    first_event(make_trigger(9000, big_picture_url=big, poke_interval=60))
    assert slept == [60 * CHANCE, 600 + 60 * CHANCE]
    slept.clear()
    host.requests.clear()
    big = change_after(host, "/big.png", 1, busy, lambda: serve_good(host))
    first_event(make_trigger(300, big_picture_url=big, poke_interval=60))
    assert slept[0] == 60 * CHANCE
    assert 200 < slept[1] <= 300


def test_last_poll_is_at_the_deadline(host: PictureHost, slept: list[float]) -> None:
    trigger = make_trigger(10, big_picture_url=host.status("/big.png", 404), poke_interval=600)
    remaining = iter([10.0, 10.0, -0.1, -0.1, -0.1])
    trigger._remaining = lambda: next(remaining)
    assert first_event(trigger)["status"] == "timeout"
    assert slept == [10]


@pytest.mark.parametrize("honest", [True, False])
def test_final_result_needs_a_full_download(host: PictureHost, honest: bool) -> None:
    """One picture is replaced by a wrong one while the other is absent; its host answers only 304."""
    asked: list[str | None] = []

    def page(handler: Any) -> None:
        tag = handler.headers["If-None-Match"]
        asked.append(tag)
        body = artwork.good("big") if honest or len(asked) == 1 else artwork.png(876, 324)
        if tag:
            handler.begin(304, {"Content-Length": "0"})
        else:
            handler.begin(200, {"Content-Length": str(len(body)), "ETag": '"1"'})
            handler.send(body)

    late = lambda: host.status("/small.png", 404)  # noqa: E731 - a page
    good = lambda: host.serve("/small.png", artwork.good("small"))  # noqa: E731 - a page
    small = change_after(host, "/small.png", 2, late, good)
    event = first_event(make_trigger(big_picture_url=host.add("/big.png", page), small_picture_url=small))
    assert event["status"] == ("ready" if honest else "wrong")
    assert asked == [None, '"1"', '"1"', None]


def test_unexpected_error_is_an_event_without_its_message(host: PictureHost, monkeypatch: pytest.MonkeyPatch) -> None:
    def check(*_: Any, **__: Any) -> Any:
        raise KeyError("https://h/?signature=s3cret")

    monkeypatch.setattr(check_module, "check_picture", check)
    event = first_event(make_trigger(big_picture_url=serve_good(host)))
    assert (event["status"], event["permanent"]) == ("error", False)
    assert "KeyError" in event["message"]
    assert "s3cret" not in event["message"]


def test_endless_last_poll_is_a_timeout(host: PictureHost, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def check(*_: Any, **__: Any) -> Any:
        go_on.wait(10)

    monkeypatch.setattr(check_module, "check_picture", check)
    monkeypatch.setattr(wait, "FINAL_POLL_TIMEOUT_S", 0.05)
    try:
        assert first_event(make_trigger(0.05, big_picture_url="https://h/")) == {"status": "timeout", "result": None}
    finally:
        go_on.set()


@pytest.mark.parametrize(
    ("arguments", "permanent", "words"),
    [
        ({}, True, "no picture to wait for"),
        ({"big_picture_url": "https://h/", "oppo_image_conn_id": "nowhere"}, False, "no connection 'nowhere'"),
        ({"big_picture_url": "https://h/", "oppo_image_conn_id": "broken"}, True, "has no AppKey"),
    ],
)
def test_invalid_arguments_are_an_error_event(
    monkeypatch: pytest.MonkeyPatch, arguments: dict[str, Any], permanent: bool, words: str
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_BROKEN", json.dumps({"conn_type": "oppo_image"}))
    event = first_event(make_trigger(**arguments))
    assert (event["status"], event["permanent"]) == ("error", permanent)
    assert words in event["message"]


def test_serialized_has_no_secret_and_repr_no_url(connect: Connect) -> None:
    trigger = make_trigger(big_picture_url="https://h/big.png?signature=s3cret")
    assert "sandbox-master-secret" not in json.dumps(trigger.serialize())
    assert "s3cret" not in repr(trigger)


def test_serialize_round_trip() -> None:
    arguments = {
        "deadline": 1e9,
        "big_picture_url": "https://h/b",
        "small_picture_url": "https://h/s",
        "pictures": [{"name": "spring", "big_picture_url": "https://h/1"}],
        "on_wrong": "wait",
        "poke_interval": 7.0,
        "exponential_backoff": True,
        "max_wait": 70.0,
        "silent_fail": True,
        "oppo_image_conn_id": "other",
    }
    trigger = OppoImageTrigger(**arguments)
    assert trigger.serialize()[1] == arguments
    assert in_another_process(trigger).serialize() == trigger.serialize()


def test_unknown_arguments_are_ignored(host: PictureHost) -> None:
    trigger = make_trigger(big_picture_url=serve_good(host), argument_of_another_version=True)
    assert first_event(trigger)["status"] == "ready"


@pytest.mark.parametrize("nonsense", [None, "text", [], 7])
def test_constructor_never_raises(nonsense: Any) -> None:
    arguments = make_trigger().serialize()[1]
    OppoImageTrigger(**dict.fromkeys(arguments, nonsense))
