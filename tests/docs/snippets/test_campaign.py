"""Tests of a DAG, as a user would write them."""

# [START test_campaign]
import functools
import http.server
import json
import threading

import pytest
from PIL import Image

from airflow_provider_oppo_image.sandbox.server import SandboxServer
from example_dags.upload_then_push import dag


@pytest.fixture
def sandbox(monkeypatch):
    """The service, on this machine; the connection leads to it."""
    with SandboxServer() as sandbox:
        connection = {
            "conn_type": "oppo_image",
            "login": sandbox.options.app_key,
            "password": sandbox.options.master_secret,
            "host": sandbox.url,
            "extra": {"allow_private_addresses": True},
        }
        monkeypatch.setenv("AIRFLOW_CONN_OPPO_IMAGE_DEFAULT", json.dumps(connection))
        yield sandbox


@pytest.fixture
def pictures(tmp_path):
    """A host of pictures, with the files of `tmp_path` on it."""
    Image.new("RGB", (984, 369), "green").save(tmp_path / "big.png")
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def test_campaign_is_pushed_after_busy_service(sandbox, pictures):
    sandbox.fail(call="push", code=23008, times=1)
    run = dag.test(run_conf={"big_picture_url": f"{pictures}/big.png", "send": True})
    assert run.state == "success"
    [push] = sandbox.received()["pushes"]
    assert push["body"]["body"]["options"]["third_party_channel"]["oppo"]["big_picture_id"]


# [END test_campaign]
