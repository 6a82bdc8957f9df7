"""Nothing leaks from the command line: not to its output, not to the list of processes."""

from __future__ import annotations

import json
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

# Imported before any test, so that Airflow's log handlers do not keep a test's standard output.
import airflow_provider_oppo_image.hooks.oppo_image  # noqa: F401
from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.cli.sandbox import SECRET_VARIABLE
from tests.cli.conftest import (
    Start,
    start,  # noqa: F401 - a fixture
)
from tests.conftest import CONNECTION_VARIABLE
from tests.support import artwork
from tests.support.echoes import PLACES, tell
from tests.support.fault_server import FaultServer, stall
from tests.support.leaks import APP_KEY, SECRET, SIGNATURE, leaks, signatures
from tests.support.picture_host import PictureHost
from tests.trust.leaks.conftest import Heard
from tests.trust.ledger import Ledger

SECTION = "nothing leaks"
URL = f"https://cdn.example.com/big.png?{SIGNATURE}"

COMMANDS = {
    "upload --json": ["upload", "--no-check", "--small", URL, "--json"],
    "upload -v": ["upload", "--no-check", "--big", URL, "-v"],
    "batch --json": ["batch", "MANIFEST", "RESULTS", "--no-check", "--json"],
    "batch -v": ["batch", "MANIFEST", "RESULTS", "--no-check", "-v"],
    "push --json": ["push", "MESSAGE", "--big-picture-id", "1_a", "--json"],
    "connection test -v --json": ["connection", "test", "-v", "--json"],
}


@pytest.fixture(autouse=True)
def _process_context_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Other tests in this process do not mean to ask Airflow's database."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    monkeypatch.delenv("_AIRFLOW_PROCESS_CONTEXT")


def connection_to(host: str) -> str:
    fields = {"conn_type": "oppo_image", "login": APP_KEY, "password": SECRET, "host": host}
    return json.dumps({**fields, "extra": {"retry_budget": 0, "allow_private_addresses": True}})


@pytest.mark.usefixtures("_unmasked")
@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_a_service_echoes_is_not_printed(
    command: str, place: str, heard: Heard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    message = tmp_path / "message.json"
    message.write_text('{"to": "all", "body": {"platform": "all"}}')
    (tmp_path / "night.csv").write_text(f"name,big_picture_url\nspring,{URL}\n")
    results = tmp_path / "results.csv"
    files = {"MESSAGE": str(message), "MANIFEST": str(tmp_path / "night.csv"), "RESULTS": str(results)}
    arguments = [files.get(argument, argument) for argument in COMMANDS[command]]
    with FaultServer(tell(place, "the header")) as server:
        monkeypatch.setenv(CONNECTION_VARIABLE, connection_to(server.url))
        main(arguments)
        assert server.accepted
    said = heard() + (results.read_text() if results.exists() else "")
    through = bool(leaks(said) or signatures(said))
    ledger.note(SECTION, "echoes of the credentials, by a command and a place", through=through)
    assert not through, said


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_a_check_prints_no_signature(as_json: list[str], host: PictureHost, heard: Heard, ledger: Ledger) -> None:
    for url in (
        host.serve(f"/good.png?{SIGNATURE}", artwork.good("big")),
        host.serve(f"/wrong.png?{SIGNATURE}", artwork.png(876, 324)),
        host.status(f"/absent.png?{SIGNATURE}", 404),
        f"http://user:{SIGNATURE}@127.0.0.1/",
        f"http://127.0.0.1:99999/?{SIGNATURE}",
        f"ftp://127.0.0.1/?{SIGNATURE}",
    ):
        main(["check", "--kind", "big", url, "--allow-private-addresses", *as_json])
        said = heard()
        ledger.note(SECTION, "checks at a terminal", through=bool(signatures(said)))
        assert not signatures(said), said


def test_an_upload_that_runs_shows_no_secret_in_the_list_of_processes(
    start: Callable[..., Start],  # noqa: F811
    ledger: Ledger,
) -> None:
    arrived = threading.Event()
    with FaultServer([lambda _: arrived.set(), stall]) as server:
        process = start(*COMMANDS["upload -v"], env={CONNECTION_VARIABLE: connection_to(server.url)})
        assert arrived.wait(40)
        listed = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.kill()
        said = "".join(process.communicate(timeout=30))
    ledger.note(SECTION, "processes: an upload", through=bool(leaks(listed, said)))
    assert b"upload" in listed
    assert not leaks(listed, said)


def test_a_sandbox_that_runs_shows_no_secret_anywhere(
    start: Callable[..., Start],  # noqa: F811
    ledger: Ledger,
) -> None:
    process = start("sandbox", "--port", "0", "--app-key", APP_KEY, "--json", env={SECRET_VARIABLE: SECRET})
    line = process.stdout.readline()
    listed = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    pages = ""
    for path in ("/", "/sandbox/received", "/nowhere"):
        try:
            with urllib.request.urlopen(json.loads(line)["url"] + path, timeout=20) as page:
                pages += page.read().decode()
        except urllib.error.HTTPError as error:
            pages += error.read().decode()
    process.send_signal(signal.SIGINT)
    said = line + "".join(process.communicate(timeout=30))
    ledger.note(SECTION, "processes: a sandbox, its output and its pages", through=bool(leaks(listed, said, pages)))
    assert b"sandbox" in listed
    assert APP_KEY in pages
    assert not leaks(listed, said, pages)
