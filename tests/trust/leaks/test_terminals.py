"""Search for leaks in the output of the command line and in the list of processes."""

from __future__ import annotations

import json
import signal
import threading
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

# Imported here, so that Airflow's log handlers do not keep the standard output of a test.
import airflow_provider_oppo_image.hooks.oppo_image  # noqa: F401
from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.cli.sandbox import SECRET_VARIABLE
from tests.cli.conftest import (
    Start,
    start,  # noqa: F401 - a fixture
)
from tests.conftest import CONNECTION_VARIABLE
from tests.support import artwork
from tests.support.credential_echoes import RESPONSE_PARTS, echo_reply
from tests.support.fault_server import FaultServer, stall
from tests.support.leaks import APP_KEY, SECRET, SIGNATURE
from tests.support.picture_host import PictureHost
from tests.trust.leaks.conftest import CapturedOutput, RequireNoLeak

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
    """Restore the variable, so that other tests in this process do not query Airflow's database."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    monkeypatch.delenv("_AIRFLOW_PROCESS_CONTEXT")


def connection_to(host: str) -> str:
    fields = {"conn_type": "oppo_image", "login": APP_KEY, "password": SECRET, "host": host}
    return json.dumps({**fields, "extra": {"retry_budget": 0, "allow_private_addresses": True}})


@pytest.mark.usefixtures("_masking_disabled")
@pytest.mark.parametrize("part", RESPONSE_PARTS)
@pytest.mark.parametrize("command", COMMANDS)
def test_command_hides_echoed_credentials(
    command: str,
    part: str,
    output: CapturedOutput,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    require_no_leak: RequireNoLeak,
) -> None:
    message = tmp_path / "message.json"
    message.write_text('{"to": "all", "body": {"platform": "all", "notification": {"alert": "Today only"}}}')
    (tmp_path / "night.csv").write_text(f"name,big_picture_url\nspring,{URL}\n")
    results = tmp_path / "results.csv"
    files = {"MESSAGE": str(message), "MANIFEST": str(tmp_path / "night.csv"), "RESULTS": str(results)}
    arguments = [files.get(argument, argument) for argument in COMMANDS[command]]
    with FaultServer(echo_reply(part, "the header")) as server:
        monkeypatch.setenv(CONNECTION_VARIABLE, connection_to(server.url))
        main(arguments)
        assert server.accepted
    written = results.read_text() if results.exists() else ""
    require_no_leak("echoes of the credentials, by a command", output() + written)


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_check_command_hides_the_signature(
    as_json: list[str], host: PictureHost, output: CapturedOutput, require_no_leak: RequireNoLeak
) -> None:
    for url in (
        host.serve(f"/good.png?{SIGNATURE}", artwork.good("big")),
        host.serve(f"/wrong.png?{SIGNATURE}", artwork.png(876, 324)),
        host.status(f"/absent.png?{SIGNATURE}", 404),
        f"http://user:{SIGNATURE}@127.0.0.1/",
        f"http://127.0.0.1:99999/?{SIGNATURE}",
        f"ftp://127.0.0.1/?{SIGNATURE}",
    ):
        main(["check", "--kind", "big", url, "--allow-private-addresses", *as_json])
        require_no_leak("checks on the command line", output())


def test_upload_process_hides_secrets(
    start: Callable[..., Start],  # noqa: F811
    require_no_leak: RequireNoLeak,
) -> None:
    arrived = threading.Event()
    with FaultServer([lambda _: arrived.set(), stall]) as server:
        process = start(*COMMANDS["upload -v"], env={CONNECTION_VARIABLE: connection_to(server.url)})
        assert arrived.wait(40)
        command_line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
        process.kill()
        printed = "".join(process.communicate(timeout=30))
    assert b"upload" in command_line
    require_no_leak("processes: an upload", command_line, printed, signature=False)


def test_sandbox_process_hides_secrets(
    start: Callable[..., Start],  # noqa: F811
    require_no_leak: RequireNoLeak,
) -> None:
    process = start("sandbox", "--port", "0", "--app-key", APP_KEY, "--json", env={SECRET_VARIABLE: SECRET})
    line = process.stdout.readline()
    command_line = Path(f"/proc/{process.pid}/cmdline").read_bytes()
    pages = ""
    for path in ("/", "/sandbox/received", "/nowhere"):
        try:
            with urllib.request.urlopen(json.loads(line)["url"] + path, timeout=20) as page:
                pages += page.read().decode()
        except urllib.error.HTTPError as error:
            pages += error.read().decode()
    process.send_signal(signal.SIGINT)
    printed = line + "".join(process.communicate(timeout=30))
    assert b"sandbox" in command_line
    assert APP_KEY in pages
    require_no_leak("processes: a sandbox, its output and its pages", command_line, printed, pages)
