"""Retries by the retry policy in Airflow 3.3, and by exceptions in all versions."""

from __future__ import annotations

import datetime
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_RETRY_POLICIES
from airflow_provider_oppo_image.errors import (
    AccountError,
    ConfigurationError,
    OppoImageError,
    PictureRefusedError,
    RateLimitedError,
    ServiceUnavailableError,
)
from airflow_provider_oppo_image.retry_policy import OppoImageRetryPolicy
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support.dags import run_source

WITH_POLICIES = pytest.mark.skipif(not HAS_RETRY_POLICIES, reason="needs Airflow 3.3")
WITHOUT_POLICIES = pytest.mark.skipif(HAS_RETRY_POLICIES, reason="needs an Airflow before 3.3")


def raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def decide(error: Exception) -> tuple[str, datetime.timedelta | None]:
    decision = OppoImageRetryPolicy().evaluate(error, try_number=1, max_tries=3)
    return decision.action.value, decision.retry_delay


@WITH_POLICIES
@pytest.mark.parametrize(
    ("error", "action", "delay"),
    [
        (ConfigurationError("wrong"), "fail", None),
        (ConfigurationError("no such connection", permanent=False), "retry", None),
        (ServiceUnavailableError("down"), "retry", None),
        (RateLimitedError("too fast", retry_after=90.5), "retry", 90.5),
        (RateLimitedError("too fast", retry_after=0.0), "retry", 0.0),
        (AccountError("the day's limit", permanent=False, retry_after=86_400), "retry", 86_400),
        (PictureRefusedError("permanent with a retry_after", retry_after=5), "fail", None),
        (ValueError("foreign"), "default", None),
        (raised_from(ValueError("mine"), PictureRefusedError("OPPO refused it")), "fail", None),
        (raised_from(ValueError("mine"), RateLimitedError("too fast", retry_after=2)), "retry", 2),
        (raised_from(ValueError("mine"), KeyError("foreign")), "default", None),
    ],
    ids=str,
)
def test_evaluate(error: Exception, action: str, delay: float | None) -> None:
    assert decide(error) == (action, None if delay is None else datetime.timedelta(seconds=delay))


@WITH_POLICIES
def test_evaluate_ignores_the_context() -> None:
    error = ValueError("raised while another was handled")
    error.__context__ = PictureRefusedError("OPPO refused it")
    assert decide(error) == ("default", None)


@WITH_POLICIES
def test_serialize_round_trip() -> None:
    data = json.loads(json.dumps(OppoImageRetryPolicy().serialize()))
    assert isinstance(OppoImageRetryPolicy.deserialize(data), OppoImageRetryPolicy)


@pytest.fixture
def tries(tmp_path: Path) -> Callable[[], dict[str, list[float]]]:
    """The start times of each try of the tasks of `SOURCE`, in seconds, by task."""

    def read() -> dict[str, list[float]]:
        noted: dict[str, list[float]] = {}
        for line in (tmp_path / "tries").read_text().splitlines():
            task_id, when = line.split()
            noted.setdefault(task_id, []).append(float(when))
        return noted

    return read


SOURCE = """
import time
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors
from airflow_provider_oppo_image.retry_policy import OppoImageRetryPolicy

def record_start(ti):
    with open("{tries}", "a") as file:
        print(ti.task_id, time.time(), file=file)

with DAG(NAME, schedule=None, start_date=START, default_args={{"retries": 1, **NO_WAIT}}) as dag:
    @task({policy})
    def permanent(ti=None):
        record_start(ti)
        {within}
            OppoImageHook().upload("big", "https://cdn.example.com/big.png")

    @task({policy})
    def transient(ti=None):
        record_start(ti)
        {within}
            OppoImageHook().push_status(["1"])

    @task({policy})
    def foreign(ti=None):
        record_start(ti)
        if ti.try_number == 1:
            raise ZeroDivisionError

    permanent(), transient(), foreign()
"""


@pytest.fixture
def faults(sandbox: SandboxServer, connect: Any) -> None:
    """OPPO refuses each picture; the service is busy once, with Retry-After: 3."""
    sandbox.fail(call="upload", code=51, times=None)
    sandbox.fail(call="status", status=429, times=1, headers={"Retry-After": "3"})


@WITH_POLICIES
@pytest.mark.usefixtures("airflow_db", "faults")
def test_policy_in_a_dag_run(tries: Callable[[], dict[str, list[float]]], tmp_path: Path) -> None:
    source = SOURCE.format(tries=tmp_path / "tries", policy="retry_policy=OppoImageRetryPolicy()", within="if True:")
    states = run_source("retry_policy", source).states
    assert states == {("permanent", -1): "failed", ("transient", -1): "success", ("foreign", -1): "success"}
    noted = tries()
    assert [len(noted[name]) for name in ("permanent", "transient", "foreign")] == [1, 2, 2]
    first, second = noted["transient"]
    assert second - first >= 3, "the service's own delay is longer than the task's"


@WITHOUT_POLICIES
def test_constructor_raises_before_airflow_3_3() -> None:
    with pytest.raises(OppoImageError, match=r"airflow_errors\(\)"):
        OppoImageRetryPolicy()


@pytest.mark.usefixtures("airflow_db", "faults")
def test_airflow_errors_in_a_dag_run(tries: Callable[[], dict[str, list[float]]], tmp_path: Path) -> None:
    run_source("airflow_errors", SOURCE.format(tries=tmp_path / "tries", policy="", within="with airflow_errors():"))
    noted = tries()
    assert [len(noted[name]) for name in ("permanent", "transient", "foreign")] == [1, 2, 2]
