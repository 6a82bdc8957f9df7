from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.pictures import polling
from airflow_provider_oppo_image.sensors.oppo_image import OppoImagePushStatusSensor
from airflow_provider_oppo_image.triggers.oppo_image import OppoImagePushStatusTrigger
from tests.support.fault_server import Connection, FaultServer, answer, refusal
from tests.support.sensor_runs import MODES, Mode, ending, first_event, in_another_process, make_sensor, run
from tests.support.tasks import MemoryStore

Connect = Callable[..., None]
Serve = Callable[..., FaultServer]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> None:
    monkeypatch.setattr(polling, "MIN_POLL_INTERVAL_S", 0.01)


def numbers(sent: int, oppo: int = 0) -> dict[str, Any]:
    android = {"oppo": {"targets": oppo, "sent": oppo, "delivered": 0}, "fcm": {"sent": sent - oppo}}
    return {"targets": sent, "sent": sent, "sub": {"notification": {"sent": sent, "sub_android": android}}}


@pytest.fixture
def serve(connect: Connect) -> Any:
    """Answer with a list of steps; the last one is repeated."""
    servers: list[FaultServer] = []

    def start(*answers: Any) -> FaultServer:
        steps = [step if callable(step) else answer(200, step) for step in answers]

        def reply(line: Connection) -> None:
            steps[min(len(servers[-1].requests), len(steps)) - 1](line)

        servers.append(FaultServer(reply).__enter__())
        connect(host=servers[-1].url)
        return servers[-1]

    yield start
    for server in servers:
        server.__exit__(None, None, None)


def observe(mode: Mode, **arguments: Any) -> Any:
    arguments = {"msg_ids": "1", "cls": OppoImagePushStatusSensor, **arguments}
    if mode == "reschedule":
        arguments.setdefault("store", MemoryStore())
    return run(mode, **arguments)


@pytest.mark.parametrize("mode", MODES)
def test_three_equal_sums_end_the_observation(serve: Serve, mode: Mode) -> None:
    server = serve({}, {"1": numbers(0)}, refusal(23100, 500), {"1": numbers(5, 4)}, {"1": numbers(8, 6)})
    result = observe(mode, observe_for=timedelta(seconds=20))
    assert len(server.requests) == 7
    assert result["oppo_share"] == 0.75
    assert result["statistics"]["1"]["channels"]["oppo"] == {
        **dict.fromkeys(("delivered", "impressions", "clicks")),
        "targets": 6,
        "sent": 6,
    }
    assert json.loads(json.dumps(result)) == result


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("answer", "outcome", "words"),
    [
        ({"1": numbers(5)}, "failed", "sent to nobody"),
        ({"1": numbers(0)}, "failed", "sent to nobody"),
        ({}, "failed", "has no statistics after 0.05 s for: 1"),
        ({"1": {"sent": 5}}, "succeeded", ""),
        ({"1": numbers(5, 1)}, "succeeded", ""),
        ({"1": {"sent": "many"}}, "failed, may be retried", "documented shape"),
        (refusal(21004, 401), "failed", "code 21004"),
    ],
)
def test_judges_at_the_end(serve: Serve, mode: Mode, answer: Any, outcome: str, words: str) -> None:
    if outcome == "failed, may be retried":  # UnreadableAnswerError passes, so the sensor asks until the timeout
        outcome, words = "timed out", ""
    serve(answer)
    found, result = ending(mode, cls=OppoImagePushStatusSensor, msg_ids="1", observe_for=0.05, timeout=0.3)
    assert found == outcome
    assert words in str(result)


@pytest.mark.parametrize(
    "arguments", [{"on_unseen": "warn"}, {"has_pictures": None}, {"has_pictures": "False"}, {"has_pictures": ""}]
)
def test_warns_or_does_not_judge_if_asked(serve: Serve, arguments: dict[str, Any]) -> None:
    serve({"1": numbers(0)})
    assert observe("poke", msg_ids=["1", 2], observe_for=0, **arguments)["oppo_share"] is None


def test_without_a_store_a_rescheduled_sensor_observes_to_the_end(serve: Serve) -> None:
    serve({"1": numbers(8, 6)})
    started = time.monotonic()
    assert observe("reschedule", observe_for=0.4, store=None)["oppo_share"] == 0.75
    assert time.monotonic() - started >= 0.4


def test_store_of_other_pushes_is_not_used_and_is_deleted(serve: Serve) -> None:
    server, store = serve({"2": numbers(8, 6)}), MemoryStore()
    store.set("oppo_image_push_status", {"msg_ids": ["1"], "sent": 8, "equal": 2}, retention=timedelta(days=1))
    observe("reschedule", msg_ids="2", observe_for=20, store=store)
    assert len(server.requests) == 3
    assert store.values == {}
    store.set("oppo_image_push_status", {"msg_ids": ["2"], "sent": 8, "equal": 2}, retention=timedelta(days=1))
    observe("reschedule", msg_ids="2", observe_for=20, store=store)
    assert len(server.requests) == 4


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("msg_ids", "outcome"),
    [(None, "skipped"), ("None", "failed"), ("a b", "failed"), ([], "failed"), (list(range(101)), "failed")],
)
def test_invalid_ids_are_not_sent(serve: Serve, mode: Mode, msg_ids: Any, outcome: str) -> None:
    server = serve({})
    found, error = ending(mode, cls=OppoImagePushStatusSensor, msg_ids=msg_ids, observe_for=0)
    assert (found, server.requests) == (outcome, [])
    assert "message id" in str(error)


@pytest.mark.parametrize(
    "arguments",
    [{"on_unseen": "skip"}, {"observe_for": -1}, {"observe_for": 31}, {"mode": "reschedule", "deferrable": True}],
)
def test_invalid_arguments_are_refused(arguments: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        make_sensor(OppoImagePushStatusSensor, msg_ids="1", **{"observe_for": 1, **arguments})


def test_trigger_round_trip_and_events(serve: Serve) -> None:
    def trigger(**more: Any) -> Any:
        now = time.time()
        kept = {"msg_ids": ["1"], "observe_until": now - 10, "deadline": now - 5, "poke_interval": 0.01}
        return in_another_process(OppoImagePushStatusTrigger(**{**kept, **more}))

    serve({"1": numbers(5, 5)})
    event = first_event(trigger(argument_of_another_version=True))
    assert (event["status"], event["statistics"]["1"]["sent"]) == ("observed", 5)
    serve(refusal(23100, 500))
    assert first_event(trigger()) == {"status": "timeout"}
    for arguments, permanent in (({"oppo_image_conn_id": "nowhere"}, False), ({"msg_ids": 5.5}, True)):
        event = first_event(trigger(**arguments))
        assert (event["status"], event["permanent"]) == ("error", permanent)
