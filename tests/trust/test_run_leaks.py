"""Search for leaks in the logs, database rows, pages and command lines of a complete run."""

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
from tests.support.secret_search import Text, files, find_locations, logs, secret_fragments
from tests.trust.attack_report import AttackReport

SIGNATURE = [b"s1gN4tureX7ofAP1cture"]
"""The signature in the URLs of the DAG `leaks`."""

AIRFLOW_COLUMNS = {
    "dag_code.source_code",
    "serialized_dag.data",
    "rendered_task_instance_fields.rendered_fields",
    "trigger.kwargs",
}
"""Columns in which Airflow itself stores the arguments of a DAG."""

AIRFLOW_DEBUG_LINES = (b"msg=SetRenderedFields(", b"msg=DeferTask(")
"""Lines that Airflow itself logs at DEBUG in the scheduler's log: the arguments of tasks and triggers."""

SUCCESSFUL = {"upload", "push", "wait"}
DEFERRING = {"wait", "wait_for_spoiled"}


@pytest.mark.timeout(300)
def test_run_leaks_no_secret_and_no_signature(
    airflow: AirflowStack, services: dict[str, SandboxServer], host: PictureHost, attacks: AttackReport
) -> None:
    inject_faults(services)
    host.serve("/ready.png", artwork.good("big"))
    host.serve("/wrong.jpg", artwork.jpeg(876, 324))
    host.reset("/reset.png")
    with processes.record_command_lines() as command_lines:
        run = airflow.trigger("leaks", {"host": host.base_url})

        def deferred() -> set[str]:
            return {task["task_id"] for task in airflow.database.tasks(run) if task["state"] == "deferred"}

        airflow.until(lambda: deferred() >= DEFERRING, "the sensors to wait in the triggerer", within=120)
        stored = list(airflow.database.cells())  # before the triggers fire and are deleted
        host.serve("/later.png", artwork.good("big"))
        host.serve("/spoiled.png", artwork.jpeg(876, 324))
        airflow.wait_for(run)
    stored += airflow.database.cells()
    ended = {task["task_id"]: task["state"] for task in airflow.database.tasks(run)}
    assert ended == {task_id: "success" if task_id in SUCCESSFUL else "failed" for task_id in ended}

    commands = [("a command line", line.encode()) for line in command_lines]
    texts = [*files(airflow.home), *stored, *commands, *pages(services.values())]
    lines = list(log_lines(airflow.home, without=AIRFLOW_DEBUG_LINES))
    found = find_locations(secret_fragments(airflow.connections.values()), texts)
    stored_at, logged_at = find_locations(SIGNATURE, stored) - AIRFLOW_COLUMNS, find_locations(SIGNATURE, lines)
    attacks.record("nothing leaks", "texts of a run, searched for secrets", tried=len(texts), succeeded=len(found))
    attacks.record(
        "nothing leaks", "its database, searched for signatures", tried=len(stored), succeeded=len(stored_at)
    )
    attacks.record(
        "nothing leaks", "its log lines, searched for signatures", tried=len(lines), succeeded=len(logged_at)
    )
    assert (found, stored_at, logged_at) == (set(), set(), set())
    assert find_locations([b"GET /ready.png?"], lines), "urllib3 must log at DEBUG"


def inject_faults(services: Mapping[str, SandboxServer]) -> None:
    """Lose the response of a push at one service, and echo the Authorization header at the other."""
    for service in services.values():
        service.forget()
        service.recover()
    services["oppo_image_default"].fail(call="push", drop=True, after=True)
    echoing = services["oppo_image_strict"]
    pair = f"{echoing.options.app_key}:{echoing.options.master_secret}"
    echo = f"Authorization: Basic {base64.b64encode(pair.encode()).decode()} ({pair})"
    echoing.fail(call="upload", status=502, body=f"<html>{echo}</html>", headers={"X-Echo": echo})
    echoing.fail(call="any", code=21003, message=f"no good: {echo}", headers={"X-Echo": echo}, times=None)


def log_lines(home: Path, without: Collection[bytes]) -> Iterator[Text]:
    """Yield the lines of all logs that contain none of the parts in `without`."""
    for location, text in logs(home):
        yield from ((location, line) for line in text.splitlines() if not any(part in line for part in without))


def pages(services: Iterable[SandboxServer]) -> Iterator[Text]:
    """Yield the pages and received data of the sandboxes."""
    for service in services:
        for path in ("/", "/sandbox/received"):
            with urllib.request.urlopen(service.url + path, timeout=10) as answer:
                yield f"the sandbox's {path}", answer.read()
