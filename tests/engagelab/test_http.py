from __future__ import annotations

import pytest

from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.messages import Request
from airflow_provider_oppo_image.errors import NotSentError
from airflow_provider_oppo_image.net.deadline import TransportOptions
from tests.support.fault_server import FaultServer, answer

PATIENT = TransportOptions(20, 20, 20)
GET = Request("Asking", "GET", "/v4/status/detail?message_ids=1,2")
POST = Request("Sending", "POST", "/v4/push", {"to": "all"})


def transport_for(url: str) -> HttpTransport:
    return HttpTransport(url, "a", "b", user_agent="tests", options=PATIENT)


def test_content_type_only_with_body() -> None:
    with FaultServer(answer(200, {}), answer(200, {})) as server:
        transport = transport_for(server.url)
        for request in (POST, GET):
            transport.send(request)
    assert [request.headers.get("content-type") for request in server.requests] == ["application/json", None]
    assert server.requests[0].json == {"to": "all"}


def test_proxy_is_looked_up_once(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(answer(200, {})) as server, FaultServer(answer(200, {})) as proxy:
        transport = transport_for(server.url)
        monkeypatch.setenv("http_proxy", proxy.url)
        transport.send(GET)
    assert (len(server.requests), len(proxy.requests)) == (1, 0)


def test_proxy_password_is_sent_to_proxy_only(monkeypatch: pytest.MonkeyPatch) -> None:
    with FaultServer(answer(200, {})) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url.replace("http://", "http://me:pass@"))
        transport_for("http://service.invalid").send(POST)
    assert proxy.requests[0].line == "POST http://service.invalid/v4/push"
    assert proxy.requests[0].headers["proxy-authorization"] == "Basic bWU6cGFzcw=="


def test_closed_transport_sends_nothing() -> None:
    with FaultServer(answer(200, {})) as server:
        transport = transport_for(server.url)
        transport.close()
        with pytest.raises(NotSentError):
            transport.send(GET)
    assert server.accepted == 0
