from __future__ import annotations

import base64
import http.client
import json
import signal
import socket
import sys
from typing import Any
from urllib.parse import urlsplit

import pytest

from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.cli.sandbox import SECRET_VARIABLE, connection_to
from airflow_provider_oppo_image.sandbox.options import SANDBOX_MASTER_SECRET, SandboxOptions
from tests.cli.conftest import Start, imported_packages


def request(url: str, key: str, secret: str, path: str = "/v4/image/oppo") -> tuple[int, Any]:
    """Send a request without a picture; the code is 23002 if the credentials are accepted."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    authorization = "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()
    connection.request("POST", path, "{}", {"Authorization": authorization, "Content-Type": "application/json"})
    response = connection.getresponse()
    body = json.loads(response.read())
    connection.close()
    return response.status, body["error"]["code"]


def test_json_and_ctrl_c_without_airflow(start: Start) -> None:
    process = start("sandbox", "--port", "0", "--json", python=["-X", "importtime"])
    ready = json.loads(process.stdout.readline())
    connection = ready["connection"]
    assert connection["host"] == ready["url"]
    assert request(ready["url"], connection["login"], connection["password"]) == (400, 23002)

    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (0, "")
    assert err.endswith("The sandbox has stopped.\n")
    assert "Traceback" not in err
    assert "uvicorn" in imported_packages(err)
    assert "airflow" not in imported_packages(err)


def test_introduction_has_a_shell_command(start: Start) -> None:
    process = start("sandbox", "--port", "0")
    lines = [process.stdout.readline() for _ in range(7)]
    text = "".join(lines)
    url = lines[1].split()[-1]
    assert f"{url}/\n" in text
    assert "sandbox-app-key" in text
    variable, _, value = lines[-1].strip().removeprefix("export ").partition("=")
    assert variable == "AIRFLOW_CONN_OPPO_IMAGE_DEFAULT"
    assert json.loads(value.strip("'")) == connection_to(url, SandboxOptions())
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_custom_credentials_are_not_printed(start: Start) -> None:
    process = start("sandbox", "--port", "0", "--app-key", "mine", "--json", env={SECRET_VARIABLE: "hush-hush"})
    line = process.stdout.readline()
    url = json.loads(line)["url"]
    assert json.loads(line)["connection"]["password"] == "<the master secret that you gave>"
    assert request(url, "mine", "hush-hush") == (400, 23002)
    assert request(url, "mine", SANDBOX_MASTER_SECRET) == (401, 23001)
    process.send_signal(signal.SIGINT)
    assert "hush-hush" not in line + "".join(process.communicate(timeout=20))


@pytest.mark.parametrize("as_json", [[], ["--json"]])
def test_port_in_use(as_json: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert main(["sandbox", "--port", str(port), *as_json]) == 2
    out, err = capsys.readouterr()
    assert f"127.0.0.1 port {port}: Address already in use" in err
    assert bool(out) == bool(as_json)


def test_missing_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.delitem(sys.modules, "airflow_provider_oppo_image.sandbox.server", raising=False)
    monkeypatch.setitem(sys.modules, "uvicorn", None)
    assert main(["sandbox", "--port", "0"]) == 2
    err = capsys.readouterr().err
    assert "uvicorn" in err
    assert "pip install 'airflow-provider-oppo-image[sandbox]'" in err


def test_connection_to_another_machine_allows_plain_http() -> None:
    here = connection_to("http://127.0.0.1:8369", SandboxOptions())
    assert here["extra"] == {"allow_private_addresses": True}
    elsewhere = connection_to("http://192.0.2.7:8369", SandboxOptions())
    assert elsewhere["extra"] == {"allow_private_addresses": True, "allow_plain_http": True}
