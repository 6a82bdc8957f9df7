"""The hook: from Airflow's connection to the service, on loopback sockets."""

from __future__ import annotations

import asyncio
import base64
import json
import socket
import threading
import time
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.airflow_compat import AirflowNotFoundException, airflow_version
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.errors import (
    AccountError,
    ConfigurationError,
    OppoImageError,
    PictureRefusedError,
    ServiceUnavailableError,
)
from airflow_provider_oppo_image.hooks import oppo_image
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.hooks.uploads import UploadOutcome, parse_picture_urls, picture_ids
from airflow_provider_oppo_image.net.deadline import TransportOptions
from tests.support import artwork
from tests.support.fault_server import Connection, FaultServer, Reply, answer, drip, refusal, reset, stall
from tests.support.picture_host import PictureHost

SECRET = "the-master-secret"
BASE64 = base64.b64encode(f"app-key:{SECRET}".encode()).decode()
BIG, SMALL = "https://cdn.example.com/big.png", "https://cdn.example.com/small.png"
MESSAGE = {"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Sale"}}}}

# Airflow 3.0 and 3.1 report a connection whose extra is not a JSON object as missing.
UNREADABLE = "'campaigns' that it can read.*JSON object" if airflow_version().startswith(("3.0.", "3.1.")) else None

Connect = Callable[..., OppoImageHook]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:

    def connect(server: FaultServer | None = None, /, *, extra: Any = None, **fields: Any) -> OppoImageHook:
        connection = {"conn_type": "oppo_image", "login": "app-key", "password": SECRET, "host": server and server.url}
        connection["extra"] = {"retry_budget": 0} if extra is None else extra
        monkeypatch.setenv("AIRFLOW_CONN_CAMPAIGNS", json.dumps(connection | fields))
        return OppoImageHook("campaigns")

    return connect


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    values: list[str] = []
    monkeypatch.setattr(oppo_image, "mask_secret", values.append)
    return values


def by_kind(big: Reply, small: Reply) -> Reply:
    """Reply to two concurrent uploads, in any order."""

    def step(line: Connection) -> None:
        assert line.request is not None
        reply = big if "big_picture_url" in line.request.json else small
        assert callable(reply)
        reply(line)

    return step


def uploaded(kind: str, picture_id: str) -> Reply:
    return answer(200, {f"{kind}_picture_id": picture_id})


BOTH = by_kind(uploaded("big", "1_b"), uploaded("small", "2_s"))


def test_calls_have_the_rate_of_the_connection(connect: Connect) -> None:
    with FaultServer(*[uploaded("big", "1_b")] * 3) as server:
        hook = connect(server, extra={"rate": 10})
        start = time.monotonic()
        assert [hook.upload("big", BIG) for _ in range(3)] == ["1_b"] * 3
    assert time.monotonic() - start >= 0.2
    assert hook.make_rate_limiter(1000).current_rate > 900
    with pytest.raises(ConfigurationError, match="at least 1 request"):
        hook.make_rate_limiter(0.5)


# The connection


def test_init_takes_conn_name_attr() -> None:
    assert OppoImageHook.conn_name_attr == "oppo_image_conn_id"
    assert OppoImageHook(**{OppoImageHook.conn_name_attr: "x"}).oppo_image_conn_id == "x"
    assert OppoImageHook().oppo_image_conn_id == OppoImageHook.default_conn_name == DEFAULT_CONN_ID
    OppoImageHook("does-not-exist")


def test_settings_from_json(connect: Connect) -> None:
    hook = connect(extra={"data_center": "frankfurt", "connect_timeout": 1, "read_timeout": 2, "total_timeout": 3})
    assert hook.settings.base_url == "https://pushapi-defra.engagelab.com"
    assert hook.settings.transport_options == TransportOptions(1.0, 2.0, 3.0)


def test_settings_from_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"oppo-image://app-key:{SECRET}@localhost:8080/http?allow_private_addresses=true&retry_budget=5"
    monkeypatch.setenv("AIRFLOW_CONN_CAMPAIGNS", uri)
    settings = OppoImageHook("campaigns").settings
    assert (settings.app_key, settings.master_secret) == ("app-key", SECRET)
    assert (settings.base_url, settings.retry_budget) == ("http://localhost:8080", 5.0)
    assert settings.allow_private_addresses


def test_missing_connection_is_transient(airflow_db: None) -> None:
    with pytest.raises(ConfigurationError, match="no connection 'there-is-none'") as caught:
        OppoImageHook("there-is-none").get_conn()
    assert not caught.value.permanent
    assert isinstance(caught.value.__cause__, AirflowNotFoundException)


@pytest.mark.parametrize("conn_id", [None, "", "None"])
def test_blank_connection_id_allows_checks_only(conn_id: str | None) -> None:
    hook = OppoImageHook(conn_id)
    with PictureHost() as host:
        url = host.serve("/big.png", artwork.png())
        for check in (hook.check, hook.make_check(), asyncio.run(hook.amake_check())):
            assert check("big", url).problems[0].code == "address_refused"
    with pytest.raises(ConfigurationError, match="oppo_image_conn_id is empty"):
        hook.upload("big", url)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"login": None}, "no AppKey"),
        ({"password": None}, "no master secret"),
        ({"conn_type": "http"}, "not 'http'"),
        ({"extra": {"data_center": "mars"}}, "'mars'"),
        ({"extra": "{broken"}, UNREADABLE or "JSON object"),
        ({"extra": ["a"]}, UNREADABLE or "JSON object"),
        ({"host": "http://service.example.com"}, "plain http"),
    ],
)
def test_invalid_connection_is_refused(connect: Connect, fields: Any, words: str) -> None:
    hook = connect(**fields)
    for call in (hook.get_conn, lambda: hook.upload("big", BIG), lambda: hook.check("big", BIG)):
        with pytest.raises(ConfigurationError, match=words) as caught:
            call()
        assert SECRET not in str(caught.value)


def test_unknown_key_is_logged_once(connect: Connect, task_log: Callable[[], str]) -> None:
    hook = connect(extra={"datacenter": "japan"})
    for _ in range(2):
        assert hook.settings.base_url
    assert task_log().count("'datacenter' (did you mean 'data_center'?)") == 1


def test_secret_and_header_are_masked(connect: Connect, masked: list[str]) -> None:
    connect().check("big", "not a URL")
    assert masked == [SECRET]
    connect().get_conn()
    assert masked[1:] == [SECRET, BASE64]


def test_client_is_created_once_with_user_agent(connect: Connect) -> None:
    with FaultServer(uploaded("big", "1")) as server:
        hook = connect(server)
        assert hook.get_conn() is hook.get_conn()
        hook.upload("big", BIG)
        agent = server.requests[0].headers["user-agent"]
    assert agent == f"airflow-provider-oppo-image/{__version__} apache-airflow/{airflow_version()}"


# Checks and uploads


def test_check_uses_the_connection(connect: Connect) -> None:
    with PictureHost() as host:
        url = host.serve("/big.png", artwork.png())
        assert connect().check("big", url).problems[0].code == "address_refused"
        allowing = connect(extra={"allow_private_addresses": True})
        assert allowing.check("big", url).state == "ready"
        reports = allowing.check_each({"big": url, "small": url})
    assert {kind: report.state for kind, report in reports.items()} == {"big": "ready", "small": "wrong"}


@pytest.mark.parametrize(("big", "small"), [(BIG, SMALL), (BIG, None), ("", SMALL)])
def test_upload_pictures_sends_one_request_each(connect: Connect, big: Any, small: Any) -> None:
    with FaultServer(BOTH) as server:
        returned = connect(server).upload_pictures(big, small)
    assert returned.pop("uploaded_at").endswith("+00:00")
    assert returned == {"big_picture_id": "1_b" if big else None, "small_picture_id": "2_s" if small else None}
    bodies = sorted((request.json for request in server.requests), key=str)
    assert bodies == [{f"{kind}_picture_url": url} for kind, url in (("big", big), ("small", small)) if url]


@pytest.mark.parametrize("blank", [None, "", " ", "None", "null"])
def test_upload_pictures_with_none_is_refused(connect: Connect, blank: Any) -> None:
    with FaultServer(BOTH) as server:
        with pytest.raises(ConfigurationError, match="Neither big_picture_url nor small_picture_url"):
            connect(server).upload_pictures(blank, blank)
        assert server.accepted == 0


def test_uploads_are_concurrent(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    meet = threading.Barrier(2, timeout=10)

    def wait_for_the_other(line: Connection) -> None:
        meet.wait()
        assert callable(BOTH)
        BOTH(line)

    read: list[str] = []
    find = OppoImageHook.get_connection
    monkeypatch.setattr(OppoImageHook, "get_connection", lambda _, conn_id: (read.append(conn_id), find(conn_id))[1])
    with FaultServer(wait_for_the_other) as server:
        connect(server).upload_pictures(BIG, SMALL)
    assert read == ["campaigns"], "the connection is read once"


def test_failed_upload_keeps_other_id(connect: Connect, task_log: Callable[[], str]) -> None:
    with FaultServer(by_kind(uploaded("big", "1_b"), refusal(51, 200))) as server:
        hook = connect(server)
        with pytest.raises(PictureRefusedError, match=r"https://cdn\.example\.com/small\.png as the small picture"):
            hook.upload_pictures(BIG, SMALL)
        outcome = hook.upload_each({"big": BIG, "small": SMALL})
    assert f"Uploaded the big picture {BIG} with the id 1_b" in task_log()
    assert outcome.ids == {"big": "1_b"}
    assert list(outcome.errors) == ["small"]


@pytest.mark.parametrize(
    ("big", "small", "most_severe"),
    [
        (answer(503), refusal(51, 200), PictureRefusedError),
        (refusal(51, 200), answer(503), PictureRefusedError),
        (refusal(51, 200), refusal(23001, 401), AccountError),
        (answer(503), refusal(34, 200), AccountError),
        (answer(503), reset, ServiceUnavailableError),
    ],
)
def test_most_severe_error_is_raised_other_logged(
    connect: Connect, task_log: Callable[[], str], big: Reply, small: Reply, most_severe: type[OppoImageError]
) -> None:
    with FaultServer(by_kind(big, small)) as server, pytest.raises(most_severe) as raised:
        connect(server).upload_pictures(BIG, SMALL)
    log = task_log()
    assert (BIG in log, SMALL in log) == (BIG not in str(raised.value), SMALL not in str(raised.value))


def test_outcome_without_errors() -> None:
    UploadOutcome(ids={"big": "1"}, errors={}, uploaded_at="").raise_for_errors()
    assert picture_ids({"small": "1"}) == {"big_picture_id": None, "small_picture_id": "1"}
    assert {kind: url.full for kind, url in parse_picture_urls(BIG, None).items()} == {"big": BIG}


# Pushes


def test_push_carries_ids_and_cid(connect: Connect) -> None:
    with FaultServer(answer(200, {"msg_id": "42"})) as server:
        hook = connect(server)
        assert hook.push(MESSAGE, big_picture_id="1_b", small_picture_id="2_s", cid="c") == "42"
        hook.validate_push(MESSAGE, big_picture_id="1_b")
        hook.withdraw("42")
        assert hook.push_status(["42"]) == {}
    pushed, validated, *_ = server.requests
    assert pushed.json["body"]["options"] == {
        "third_party_channel": {"oppo": {"style": 3, "big_picture_id": "1_b", "small_picture_id": "2_s"}},
        "cid": "c",
    }
    assert validated.line == "POST /v4/push/validate"
    assert "cid" not in validated.json["body"]["options"]


def test_invalid_push_is_not_sent(connect: Connect) -> None:
    with FaultServer(answer(200, {"msg_id": "42"})) as server:
        for call in (connect(server).push, connect(server).validate_push):
            with pytest.raises(ConfigurationError, match="not include android"):
                call({"to": "all", "body": {"platform": ["ios"]}}, big_picture_id="1_b")
        assert server.accepted == 0


# The connection test


def test_connection_test_accepts_credentials(connect: Connect) -> None:
    with FaultServer(refusal(23002, 400)) as server:
        accepted, message = connect(server).test_connection()
    assert accepted
    assert "AppKey app-key" in message


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (refusal(23001, 401, "auth"), "Check the AppKey, the master secret"),
        (refusal(23009, 400), "Add the worker's public address in EngageLab's console"),
        (refusal(23100, 500), "Try again later"),
        (answer(200, b"<html>Log in"), "login page"),
        (answer(404, b"<html>Not found"), "Check the host in the connection"),
        (reset, "no complete response"),
        (stall, "0.2 s"),
    ],
)
def test_connection_test_explains_failures(connect: Connect, reply: Reply, words: str) -> None:
    with FaultServer(reply) as server:
        extra = {"retry_budget": 60, "read_timeout": 0.2 if reply is stall else 5}
        accepted, message = connect(server, extra=extra).test_connection()
    assert not accepted
    assert any(word in message for word in words.split("|"))
    assert SECRET not in message


def test_connection_test_fails_on_an_unknown_key(connect: Connect) -> None:
    with FaultServer(stall) as server:
        accepted, message = connect(server, extra={"read_timout": 5}).test_connection()
    assert (accepted, server.requests) == (False, [])
    assert "The connection has unknown keys in its extra: 'read_timout' (did you mean 'read_timeout'?)." in message


def test_connection_test_has_a_deadline(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_oppo_image.hooks.oppo_image._TEST_TIMEOUT_S", 0.3)
    with FaultServer(drip(b"HTTP/1.1 " + b"2" * 500)) as server:
        accepted, message = connect(server).test_connection()
    assert not accepted
    assert "0.3 s" in message


def test_connection_test_with_unknown_host(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    hook = connect(host="service.example.com")
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    accepted, message = hook.test_connection()
    assert not accepted
    assert "https://service.example.com" in message
    assert "Name or service not known" in message


@pytest.mark.parametrize(
    ("fields", "start"),
    [
        ({"login": None}, "The connection"),
        ({"extra": "{broken"}, "Airflow has no" if UNREADABLE else "The connection"),
        ({"host": "a b"}, "The connection"),
    ],
)
def test_connection_test_hides_the_random_id(connect: Connect, fields: Any, start: str) -> None:
    accepted, message = connect(**fields).test_connection()
    assert not accepted
    assert message.startswith(start)


def test_connection_test_without_connection(airflow_db: None) -> None:
    assert OppoImageHook("there_is_none").test_connection()[0] is False
