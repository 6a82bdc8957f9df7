"""`make airflow`: it starts, it shows demo data, and it stops completely."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from airflow_provider_oppo_image.airflow_compat import airflow_version
from tests.whole_airflow.started import Started, descendants, starting, states_of, still_there, user_api

pytestmark = [
    pytest.mark.timeout(900),
    pytest.mark.skipif(not airflow_version().startswith("3."), reason="make airflow starts an Airflow 3"),
    pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="it reads /proc"),
]

USUAL_PORTS = {8080, 8369, 8470}


@contextlib.contextmanager
def taken(ports: set[int]) -> Iterator[None]:
    """Listen on ports, if they are free."""
    with contextlib.ExitStack() as sockets:
        for port in ports:
            listener = sockets.enter_context(socket.socket())
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            with contextlib.suppress(OSError):
                listener.bind(("127.0.0.1", port))
                listener.listen()
        yield


def port_of(url: str) -> int:
    return int(url.rstrip("/").rpartition(":")[2])


def test_start_shows_demo_data_and_second_start_keeps_it(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with starting(home, tmp_path / "first") as started:
        with taken(USUAL_PORTS):
            started.until_ready()
        api = user_api(started)
        ports = [port_of(started.shown(label)) for label in ("Airflow is ready:", "sandbox", "pictures")]
        assert not USUAL_PORTS & set(ports)
        assert len(started.printed().splitlines()) < 30

        dags = {dag["dag_id"]: dag["is_paused"] for dag in api.ask("GET", "dags")["dags"]}
        assert dags.keys() >= {"nightly_batch", "nightly_campaigns", "push_on_uploaded", "taskflow_upload"}
        assert not any(dags.values())

        connection = api.ask("GET", "connections/oppo_image_default")
        assert connection["port"] == ports[1]
        # The button in the list of connections sends no secret either.
        tested = api.ask("POST", "connections/test", connection)
        assert tested["status"], tested["message"]

        campaigns = started.until(lambda: states_of(api, "nightly_campaigns"), "the campaigns' end")
        pushes = [campaigns["campaign.push", number] for number in range(3)]
        assert pushes == ["success", "success", "upstream_failed"]
        assert campaigns["campaign.wait", 2] == "failed"
        uploads = started.until(lambda: states_of(api, "nightly_batch"), "the batch's end")
        assert sorted(uploads["upload", part] for part in range(4)) == ["failed", "failed", "success", "success"]

        pictures = requests.get(f"{started.shown('pictures')}last_year_big.jpg", timeout=20)
        assert pictures.headers["Content-Type"] == "image/jpeg"

        second(home, tmp_path / "second", started.shown("Airflow is ready:"))

        mine = {**connection, "password": None, "description": "Mine"}
        api.ask("PATCH", "connections/oppo_image_default?update_mask=description", mine)
        password = started.shown("password")
        members = descendants(started.process.pid)
        assert len(members) > 5
        started.press_ctrl_c()
        assert started.end() == 0
        assert started.printed().endswith("Everything has ended.\n")
        assert "Traceback" not in started.printed()
        assert not still_there(members)

    with starting(home, tmp_path / "third") as started:
        started.until_ready()
        assert "database" not in started.printed()
        assert started.shown("password") == password
        connection = user_api(started).ask("GET", "connections/oppo_image_default")
        assert (connection["port"], connection["description"]) == (port_of(started.shown("sandbox")), "Mine")
        members = descendants(started.process.pid)
        started.process.terminate()
        assert started.end() == 0
        assert not still_there(members)


def second(home: Path, output: Path, address: str) -> None:
    """Start another one with the same home: it names the address of the first one, and ends."""
    with starting(home, output) as another:
        assert another.end() == 1
        assert f"{home} already, at {address}." in another.printed()
        assert "Traceback" not in another.printed()


def test_dead_component_stops_everything(tmp_path: Path) -> None:
    with starting(tmp_path / "home", tmp_path / "output") as started:
        triggerer = started.component("triggerer")
        log = tmp_path / "home" / "triggerer.log"
        started.until(log.read_text, "the triggerer to say something")
        members = descendants(started.process.pid)
        os.kill(triggerer, signal.SIGKILL)
        assert started.end() == 1
        assert "Airflow's triggerer has ended (killed by SIGKILL)" in started.printed()
        assert f"  {log.read_text().splitlines()[-1]}\n" in started.printed()
        assert not still_there(members)


def killed(started: Started) -> None:
    """Kill the program alone, and wait until everything that it started has ended."""
    members = descendants(started.process.pid)
    started.process.kill()
    started.end()
    end = time.monotonic() + 60
    while left := still_there(members):
        assert time.monotonic() < end, left
        time.sleep(0.1)


def test_kill_and_double_interrupt_leave_nothing(
    tmp_path: Path,
) -> None:
    home = tmp_path / "home"
    with starting(home, tmp_path / "first") as started:
        started.until((home / "airflow.db").exists, "the database to be begun")
        killed(started)
    assert not (home / "migrated").exists()

    with starting(home, tmp_path / "second") as started:
        started.component("scheduler")
        assert (home / "migrated").exists()
        killed(started)

    with starting(home, tmp_path / "third") as started:
        started.component("scheduler")
        assert "database" not in started.printed()
        members = descendants(started.process.pid)
        started.press_ctrl_c()
        started.until(lambda: "Stopping" in started.printed(), "it to hear the first one")
        started.press_ctrl_c()
        assert started.end() == 0
        assert "Traceback" not in started.printed()
        assert not still_there(members)
