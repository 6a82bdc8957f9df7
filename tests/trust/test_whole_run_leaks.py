"""A whole run, whose every log, row, page and command line is searched for what must not be there."""

from __future__ import annotations

import base64
import urllib.request
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

import pytest

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from scripts import processes
from tests.support import artwork
from tests.support.airflow_stack import AirflowStack
from tests.support.picture_host import PictureHost
from tests.support.searching import Text, files, found, logs, pieces_of_secrets
from tests.trust.ledger import Ledger

SIGNATURE = [b"s1gN4tureX7ofAP1cture"]
"""As the DAG `leaks` has it in its URLs."""

OF_AIRFLOW = {
    "dag_code.source_code",
    "serialized_dag.data",
    "rendered_task_instance_fields.rendered_fields",
    "trigger.kwargs",
}
"""Where Airflow itself stores a DAG's arguments, whatever is in them."""

OF_AIRFLOW_AT_DEBUG = (b"msg=SetRenderedFields(", b"msg=DeferTask(")
"""What Airflow itself logs at DEBUG, in the scheduler's log alone: the arguments of tasks and of triggers."""

SUCCEED = {"upload", "push", "wait"}
DEFER = {"wait", "wait_for_spoiled"}


@pytest.mark.timeout(300)
def test_a_whole_run_tells_no_secret_and_logs_no_signature(
    airflow: AirflowStack, services: dict[str, SandboxServer], host: PictureHost, ledger: Ledger
) -> None:
    order_faults(services)
    host.serve("/ready.png", artwork.good("big"))
    host.serve("/wrong.jpg", artwork.jpeg(876, 324))
    host.reset("/reset.png")
    with processes.record_command_lines() as command_lines:
        run = airflow.trigger("leaks", {"host": host.base_url})

        def deferred() -> set[str]:
            return {task["task_id"] for task in airflow.database.tasks(run) if task["state"] == "deferred"}

        airflow.until(lambda: deferred() >= DEFER, "the sensors to wait in the triggerer", within=120)
        stored = list(airflow.database.cells())  # the arguments of triggers are gone when these have fired
        host.serve("/later.png", artwork.good("big"))
        host.serve("/spoiled.png", artwork.jpeg(876, 324))
        airflow.wait_for(run)
    stored += airflow.database.cells()
    ended = {task["task_id"]: task["state"] for task in airflow.database.tasks(run)}
    assert ended == {task_id: "success" if task_id in SUCCEED else "failed" for task_id in ended}

    shown = [("a command line", line.encode()) for line in command_lines]
    texts = [*files(airflow.home), *stored, *shown, *pages(services.values())]
    lines = list(log_lines(airflow.home, without=OF_AIRFLOW_AT_DEBUG))
    told = found(pieces_of_secrets(airflow.connections.values()), texts)
    stored_at, logged_at = found(SIGNATURE, stored) - OF_AIRFLOW, found(SIGNATURE, lines)
    ledger.note("nothing leaks", "texts of a whole run, searched for secrets", tried=len(texts), through=len(told))
    ledger.note("nothing leaks", "its database, searched for signatures", tried=len(stored), through=len(stored_at))
    ledger.note("nothing leaks", "its lines of log, searched for signatures", tried=len(lines), through=len(logged_at))
    assert (told, stored_at, logged_at) == (set(), set(), set())
    assert found([b"GET /ready.png?"], lines), "urllib3 was to log at DEBUG"


def order_faults(services: Mapping[str, SandboxServer]) -> None:
    """Lose a push's answer at one service, and have the other tell everybody the header that it was sent."""
    for service in services.values():
        service.forget()
        service.recover()
    services["oppo_image_default"].fail(call="push", drop=True, after=True)
    echoing = services["oppo_image_strict"]
    pair = f"{echoing.options.app_key}:{echoing.options.master_secret}"
    words = f"Authorization: Basic {base64.b64encode(pair.encode()).decode()} ({pair})"
    echoing.fail(call="upload", status=502, body=f"<html>{words}</html>", headers={"X-Echo": words})
    echoing.fail(call="any", code=21003, message=f"no good: {words}", headers={"X-Echo": words}, times=None)


def log_lines(home: Path, without: Collection[bytes]) -> Iterator[Text]:
    """The lines of all logs, those of components, tasks, triggers and DAG files, but for those with such a part."""
    for place, text in logs(home):
        yield from ((place, line) for line in text.splitlines() if not any(part in line for part in without))


def pages(services: Iterable[SandboxServer]) -> Iterator[Text]:
    """What the sandboxes show of what they received."""
    for service in services:
        for path in ("/", "/sandbox/received"):
            with urllib.request.urlopen(service.url + path, timeout=10) as answer:
                yield f"the sandbox's {path}", answer.read()
