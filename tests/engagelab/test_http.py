"""One attempt on the wire; what servers can do to it is in `test_client.py`."""

from __future__ import annotations

import pytest

from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.messages import Request
from airflow_provider_oppo_image.errors import ConfigurationError, NotSentError
from airflow_provider_oppo_image.net.deadline import Timeouts
from airflow_provider_oppo_image.net.redaction import SecretRedactor
from tests.support.fault_server import FaultServer, answer

PATIENT = Timeouts(connect=20, read=20, total=20)
ASK = Request("Asking", "GET", "/v4/status/detail?message_ids=1,2")
SEND = Request("Sending", "POST", "/v4/push", {"to": "all"})


def wire_to(url: str) -> HttpTransport:
    wire = HttpTransport(url, {"Authorization": "Basic abc"}, secrets=SecretRedactor(), timeouts=PATIENT, connections=2)
    wire.open()
    return wire


def test_each_request_carries_the_headers_and_goes_to_its_path() -> None:
    with FaultServer(answer(200, {}), answer(404, {"error": 1})) as server:
        wire = wire_to(server.url)
        assert [wire.exchange(request).status for request in (ASK, SEND)] == [200, 404]
    assert [request.line for request in server.requests] == ["GET /v4/status/detail?message_ids=1,2", "POST /v4/push"]
    assert [request.headers["authorization"] for request in server.requests] == ["Basic abc"] * 2


def test_only_a_request_with_a_body_names_its_type() -> None:
    with FaultServer(answer(200, {}), answer(200, {})) as server:
        wire = wire_to(server.url)
        for request in (SEND, ASK):
            wire.exchange(request)
    assert [request.headers.get("content-type") for request in server.requests] == ["application/json", None]
    assert server.requests[0].json == {"to": "all"}


def test_the_way_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(answer(200, {})) as server, FaultServer(answer(200, {})) as proxy:
        wire = wire_to(server.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        wire.exchange(ASK)
    assert (len(server.requests), len(proxy.requests)) == (1, 0)


def test_a_proxys_password_goes_to_the_proxy_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(answer(200, {})) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("http://", "http://me:pass@"))
        wire_to("http://service.invalid").exchange(SEND)
    assert proxy.requests[0].line == "POST http://service.invalid/v4/push"
    assert proxy.requests[0].headers["proxy-authorization"] == "Basic bWU6cGFzcw=="


@pytest.mark.parametrize("proxy", ["gopher://me:pass@127.0.0.1:1", "http://me:pass@127.0.0.1:seven"])
def test_a_proxy_that_is_none_is_a_mistake_in_the_configuration(proxy: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", proxy)
    with pytest.raises(ConfigurationError, match="HTTP_PROXY") as caught:
        wire_to("http://service.invalid")
    assert "pass" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_closed_wire_sends_nothing() -> None:
    with FaultServer(answer(200, {})) as server:
        wire = wire_to(server.url)
        wire.close()
        with pytest.raises(NotSentError):
            wire.exchange(ASK)
    assert server.accepted == 0
