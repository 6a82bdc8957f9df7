from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from airflow_provider_oppo_image.airflow_compat import (
    TRIGGER_TIMEOUT_REASONS,
    AirflowFailException,
    AirflowSensorTimeout,
    AirflowSkipException,
)
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError, PictureWrongError
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor
from tests.conftest import CONNECTION_VARIABLE
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.support.sensor_runs import MODES, Log, Mode, change_after, deferred_by, ending, make_sensor, run
from tests.support.tasks import make_context

Connect = Callable[..., None]
SITE_DEFAULT = "AIRFLOW__OPERATORS__DEFAULT_DEFERRABLE"


@pytest.fixture(autouse=True)
def connection(connect: Connect) -> None:
    """Let pictures be on loopback."""


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> Log:
    log = Log()
    monkeypatch.setattr(OppoImageSensor, "log", log)
    return log


@pytest.mark.parametrize("mode", MODES)
def test_returns_reports(host: PictureHost, mode: Mode) -> None:
    result = run(
        mode,
        big_picture_url=host.serve("/big.png?signature=s3cret", artwork.good("big")),
        pictures=[{"name": "spring", "small_picture_url": host.serve("/small.jpg", artwork.good("small", "JPEG"))}],
    )
    assert result["counts"] == {"ready": 2, "absent": 0, "wrong": 0}
    big, small = result["reports"]
    assert (big["name"], big["kind"], big["width"], big["url"]) == (None, "big", 984, host.base_url + "/big.png?…")
    assert (small["name"], small["kind"], small["format"]) == ("spring", "small", "JPEG")
    assert json.loads(json.dumps(result)) == result


def test_unchanged_pictures_are_revalidated(host: PictureHost) -> None:
    asked: list[str | None] = []

    def page(handler: Any) -> None:
        asked.append(handler.headers["If-None-Match"])
        body = b"" if asked[-1] else artwork.good("big")
        handler.begin(304 if asked[-1] else 200, {"Content-Length": str(len(body)), "ETag": '"1"'})
        handler.send(body)

    late = lambda: host.status("/small.png", 404)  # noqa: E731 - a page
    good = lambda: host.serve("/small.png", artwork.good("small"))  # noqa: E731 - a page
    small = change_after(host, "/small.png", 2, late, good)
    result = run("poke", big_picture_url=host.add("/big.png", page), small_picture_url=small)
    assert result["counts"]["ready"] == 2
    assert asked == [None, '"1"', '"1"', None]


def test_wrong_picture_fails_with_its_report(host: PictureHost) -> None:
    url = host.serve("/old.png?signature=s3cret", artwork.png(876, 324))
    with pytest.raises(AirflowFailException, match=r"spring: big picture .* is wrong") as failure:
        run("poke", pictures=[{"name": "spring", "big_picture_url": url}])
    assert "876 x 324" in str(failure.value)
    assert "s3cret" not in str(failure.value)
    cause = failure.value.__cause__
    assert isinstance(cause, PictureWrongError)
    assert cause.reports[0]["state"] == "wrong"


@pytest.mark.parametrize("mode", MODES)
def test_timeout_reports_the_last_poll(host: PictureHost, log: Log, mode: Mode) -> None:
    ended, error = ending(mode, big_picture_url=host.base_url + "/big.png", timeout=0.05)
    assert ended == "timed out"
    words = [*log.lines, str(error)]
    assert any("1 absent" in line and "/big.png" in line and "not_found" in line for line in words)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    ("variable", "value"), [("HTTPS_PROXY", "http://127.0.0.1:seven"), ("REQUESTS_CA_BUNDLE", "/no/such.pem")]
)
def test_unusable_setting_of_the_machine_fails_at_once(
    monkeypatch: pytest.MonkeyPatch, mode: Mode, variable: str, value: str
) -> None:
    monkeypatch.setenv(variable, value)
    ended, error = ending(mode, big_picture_url="https://host.example/big.png")
    assert (ended, variable in str(error)) == ("failed", True)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("flag", ["soft_fail", "never_fail"])
def test_skip_for_a_wrong_picture_is_logged(host: PictureHost, log: Log, flag: str, mode: Mode) -> None:
    ended, _ = ending(mode, big_picture_url=host.serve("/big.png", artwork.HTML), **{flag: True})
    assert ended == "skipped"
    [line] = [line for line in log.lines if "wrong_format" in line and "skipped" in line]
    assert flag in line


def test_ready_pictures_are_not_deferred(host: PictureHost) -> None:
    sensor = make_sensor(deferrable=True, big_picture_url=host.serve("/big.png", artwork.good("big")))
    assert sensor.execute(make_context())["counts"]["ready"] == 1


def test_deferral_has_the_trigger_arguments(host: PictureHost) -> None:
    before = time.time()
    deferral = deferred_by(
        make_sensor(
            deferrable=True,
            big_picture_url=host.base_url + "/big.png",
            small_picture_url="None",
            pictures=[{"name": "spring", "small_picture_url": host.base_url + "/small.png"}],
            on_wrong="wait",
            timeout=100,
            poke_interval=timedelta(seconds=7),
            exponential_backoff=True,
            max_wait=timedelta(seconds=70),
            silent_fail=True,
        )
    )
    _, arguments = deferral.trigger.serialize()
    assert before + 100 <= arguments.pop("deadline") <= time.time() + 100
    assert arguments == {
        "big_picture_url": None,
        "small_picture_url": None,
        "pictures": [
            {"big_picture_url": host.base_url + "/big.png"},
            {"name": "spring", "small_picture_url": host.base_url + "/small.png"},
        ],
        "on_wrong": "wait",
        "poke_interval": 7.0,
        "exponential_backoff": True,
        "max_wait": 70.0,
        "silent_fail": True,
        "oppo_image_conn_id": "oppo_image_default",
    }
    assert deferral.timeout > timedelta(seconds=100), "Airflow's own timeout would come before the trigger's"


@pytest.mark.parametrize("mode", ["poke", "reschedule"])
def test_last_poll_is_at_the_deadline(host: PictureHost, mode: Mode) -> None:
    start = time.monotonic()
    ended, _ = ending(mode, big_picture_url=host.base_url + "/big.png", poke_interval=600, timeout=0.2)
    assert ended == "timed out"
    assert len(host.requests) >= 2
    assert time.monotonic() - start < 30


def test_retry_after_is_honoured(host: PictureHost) -> None:
    url = host.status("/big.png", 429, {"Retry-After": "600"})
    sensor = make_sensor(big_picture_url=url, poke_interval=60, timeout=3600)
    sensor.poke(make_context())
    assert sensor._get_next_poke_interval(0.0, lambda: 0.0, 1) == 600
    assert sensor._get_next_poke_interval(0.0, lambda: 3500.0, 1) == 100


@pytest.mark.parametrize("mode", MODES)
def test_without_connection_private_addresses_are_refused(
    host: PictureHost, monkeypatch: pytest.MonkeyPatch, mode: Mode
) -> None:
    monkeypatch.delenv(CONNECTION_VARIABLE)
    url = host.serve("/big.png", artwork.good("big"))
    with pytest.raises(AirflowFailException, match="address_refused"):
        run(mode, big_picture_url=url, oppo_image_conn_id=None)
    assert host.connections == 0


def test_connection_sets_timeouts_and_policy(host: PictureHost, connect: Connect) -> None:
    connect(extra={"allow_private_addresses": True, "read_timeout": 0.1})
    ended, error = ending("poke", big_picture_url=host.stall("/big.png"), timeout=0)
    assert ended == "timed out", error
    connect(extra={"allow_private_addresses": False})
    ended, error = ending("poke", big_picture_url=host.stall("/big.png"), timeout=0)
    assert ended == "failed"
    assert "address_refused" in str(error)


def test_template_fields() -> None:
    assert set(OppoImageSensor.template_fields) == {
        "big_picture_url",
        "small_picture_url",
        "pictures",
        "campaign",
        "oppo_image_conn_id",
    }


def test_invalid_arguments_are_refused_in_init() -> None:
    with pytest.raises(ConfigurationError, match="'fail' or 'wait', not 'ignore'"):
        make_sensor(on_wrong="ignore")
    with pytest.raises(ConfigurationError, match="exclude each other"):
        make_sensor(deferrable=True, mode="reschedule")
    make_sensor()  # whether there is a picture is known after rendering
    make_sensor(pictures="{{ params.pictures }}")


def test_default_deferrable(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not make_sensor().deferrable
    monkeypatch.setenv(SITE_DEFAULT, "True")
    assert make_sensor().deferrable
    assert not make_sensor(deferrable=False).deferrable


def test_default_deferrable_does_not_change_reschedule(
    host: PictureHost, monkeypatch: pytest.MonkeyPatch, log: Log
) -> None:
    monkeypatch.setenv(SITE_DEFAULT, "True")
    result = run("reschedule", big_picture_url=host.serve("/big.png", artwork.good("big")))
    assert result["counts"]["ready"] == 1
    assert len([line for line in log.lines if "keeps its mode" in line]) == 1
    log.lines.clear()
    run("reschedule", big_picture_url=host.base_url + "/big.png", deferrable=False)
    assert not [line for line in log.lines if "keeps its mode" in line]


@pytest.mark.parametrize(
    ("event", "error", "words"),
    [
        ({"status": "timeout", "result": None}, AirflowSensorTimeout, "not ready within 30 s"),
        ({"status": "error", "message": "it broke", "permanent": False}, OppoImageError, "it broke"),
        ({"status": "error", "message": "no picture", "permanent": True}, AirflowFailException, "no picture"),
        ({"status": "of another version"}, OppoImageError, "'of another version'"),
        ({}, OppoImageError, "None"),
        (None, OppoImageError, "None"),
    ],
)
def test_event_is_raised_as_error(event: Any, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words):
        make_sensor(deferrable=True).execute_complete({}, event)


@pytest.mark.parametrize("flag", ["soft_fail", "silent_fail", "never_fail", "retries"])
@pytest.mark.parametrize("reason", TRIGGER_TIMEOUT_REASONS)
def test_trigger_timeout_is_a_sensor_timeout(reason: str, flag: str) -> None:
    sensor = make_sensor(deferrable=True, **{flag: True})
    expected = AirflowSkipException if flag == "soft_fail" else AirflowSensorTimeout
    with pytest.raises(expected, match="within 30 s"):
        sensor.resume_execution("__fail__", {"error": reason}, {})


@pytest.mark.parametrize("flag", ["soft_fail", "silent_fail", "never_fail", "retries"])
def test_trigger_failure_is_not_skipped_by_soft_fail(flag: str, log: Log) -> None:
    sensor = make_sensor(deferrable=True, **{flag: True})
    expected = AirflowSkipException if flag == "never_fail" else OppoImageError
    with pytest.raises(expected, match="could not be run: Trigger failure"):
        sensor.resume_execution("__fail__", {"error": "Trigger failure", "traceback": ["No module\n", "named x"]}, {})
    assert any("No module\nnamed x" in line for line in log.lines)
