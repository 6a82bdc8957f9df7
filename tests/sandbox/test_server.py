import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from urllib.parse import urlsplit

import pytest
import requests

from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.sandbox.conftest import CREDENTIALS

SERVE = """
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.server import serve
serve(SandboxOptions(), "127.0.0.1", 0, lambda url: print(url, flush=True))
print("stopped", flush=True)
"""


def responds(url):
    return requests.post(url + "/v4/image/oppo", json={}, auth=CREDENTIALS, timeout=10).status_code == 400


def test_server_listens_on_loopback_until_it_is_closed():
    with SandboxServer() as sandbox:
        address = urlsplit(sandbox.url)
        assert address.hostname == "127.0.0.1"
        assert responds(sandbox.url)

    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address.hostname, address.port), timeout=1)


def test_servers_are_independent():
    with SandboxServer() as first, SandboxServer() as second:
        responds(first.url)

        assert first.received()["requests"]
        assert not second.received()["requests"]


def test_server_frees_its_port():
    with requests.Session() as still_connected, SandboxServer() as sandbox:
        port = urlsplit(sandbox.url).port
        still_connected.get(sandbox.url, timeout=10)
        with pytest.raises(OSError, match="in use"), SandboxServer(port=port):
            pass

    with SandboxServer(port=port) as again:
        assert responds(again.url)


def test_server_stops_during_a_request():
    with SandboxServer() as sandbox:
        sandbox.fail(delay=60)
        waiting = threading.Thread(target=_ignore_failure, args=(sandbox.url,))
        waiting.start()
        while not sandbox.received()["peak_per_second"]:
            pass
        start = time.monotonic()

    assert time.monotonic() - start < 5
    waiting.join(5)
    assert not waiting.is_alive()


def _ignore_failure(url):
    with contextlib.suppress(requests.RequestException):
        responds(url)


def test_serve_stops_on_ctrl_c():
    with subprocess.Popen(
        [sys.executable, "-c", SERVE], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        url = process.stdout.readline().strip()
        assert responds(url)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)

    assert (process.returncode, out, err) == (0, "stopped\n", "")


def test_options_import_no_libraries():
    code = (
        "import sys; import airflow_provider_oppo_image.sandbox.options;"
        "print([name for name in ('fastapi', 'uvicorn', 'PIL', 'requests', 'jinja2') if name in sys.modules])"
    )

    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=os.environ)

    assert out.stdout == "[]\n"


def test_options_repr_hides_the_secret():
    assert "sandbox-master-secret" not in repr(SandboxOptions())
