"""The hook: from Airflow's connection to the service and back, on real sockets."""

from __future__ import annotations

import base64
import json
import socket
import threading
from collections.abc import Callable
from typing import Any

import pytest

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.airflow_compat import AirflowFailException, AirflowNotFoundException, airflow_version
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.errors import (
    AccountError,
    ConfigurationError,
    NotSentError,
    OppoImageError,
    OutcomeUnknownError,
    PictureRefusedError,
    ServiceUnavailableError,
)
from airflow_provider_oppo_image.hooks import oppo_image
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors
from airflow_provider_oppo_image.hooks.uploads import UploadOutcome, parse_picture_urls, picture_ids
from airflow_provider_oppo_image.net.options import TransportOptions
from tests.support import artwork
from tests.support.fault_server import Connection, FaultServer, Reply, answer, refusal, reset, stall
from tests.support.picture_host import PictureHost

SECRET = "the-master-secret"
BASE64 = base64.b64encode(f"app-key:{SECRET}".encode()).decode()
BIG, SMALL = "https://cdn.example.com/big.png", "https://cdn.example.com/small.png"
MESSAGE = {"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Sale"}}}}

# Airflow 3.0 and 3.1 pass over a connection whose extra is no JSON object, as if there were none.
UNREADABLE = "'campaigns' that it can read.*JSON object" if airflow_version().startswith(("3.0.", "3.1.")) else None

Connect = Callable[..., OppoImageHook]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Set a connection to a server, and return a hook of it."""

    def connect(server: FaultServer | None = None, /, *, extra: Any = None, **fields: Any) -> OppoImageHook:
        given = {"conn_type": "oppo_image", "login": "app-key", "password": SECRET, "host": server and server.url}
        given["extra"] = {"retry_budget": 0} if extra is None else extra
        monkeypatch.setenv("AIRFLOW_CONN_CAMPAIGNS", json.dumps(given | fields))
        return OppoImageHook("campaigns")

    return connect


@pytest.fixture
def masked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What the hook told Airflow to mask."""
    told: list[str] = []
    monkeypatch.setattr(oppo_image, "mask_secret", told.append)
    return told


def by_kind(big: Reply, small: Reply) -> Reply:
    """Answer the two uploads, whichever comes first."""

    def step(line: Connection) -> None:
        assert line.request is not None
        reply = big if "big_picture_url" in line.request.json else small
        assert callable(reply)
        reply(line)

    return step


def uploaded(kind: str, picture_id: str) -> Reply:
    return answer(200, {f"{kind}_picture_id": picture_id})


BOTH = by_kind(uploaded("big", "1_b"), uploaded("small", "2_s"))


# The connection


def test_airflow_builds_the_hook_by_the_name_of_its_parameter() -> None:
    assert OppoImageHook.conn_name_attr == "oppo_image_conn_id"
    assert OppoImageHook(**{OppoImageHook.conn_name_attr: "x"}).oppo_image_conn_id == "x"
    assert OppoImageHook().oppo_image_conn_id == OppoImageHook.default_conn_name == DEFAULT_CONN_ID


def test_building_a_hook_reads_no_connection() -> None:
    OppoImageHook("there-is-none")


def test_the_connection_comes_from_the_environment(connect: Connect) -> None:
    hook = connect(extra={"data_center": "frankfurt", "connect_timeout": 1, "read_timeout": 2, "total_timeout": 3})
    assert hook.settings.base_url == "https://pushapi-defra.engagelab.com"
    assert hook.settings.transport_options == TransportOptions(1.0, 2.0, 3.0)


def test_the_connection_may_be_a_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    uri = f"oppo-image://app-key:{SECRET}@localhost:8080/http?allow_private_addresses=true&retry_budget=5"
    monkeypatch.setenv("AIRFLOW_CONN_CAMPAIGNS", uri)
    settings = OppoImageHook("campaigns").settings
    assert (settings.app_key, settings.master_secret) == ("app-key", SECRET)
    assert (settings.base_url, settings.retry_budget) == ("http://localhost:8080", 5.0)
    assert settings.allow_private_addresses


def test_a_connection_that_is_not_there_is_named_and_may_yet_come(airflow_db: None) -> None:
    with pytest.raises(ConfigurationError, match="no connection 'there-is-none'") as caught:
        OppoImageHook("there-is-none").get_conn()
    assert not caught.value.permanent
    assert isinstance(caught.value.__cause__, AirflowNotFoundException)


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
def test_a_bad_connection_is_refused_before_anything_is_sent(connect: Connect, fields: Any, words: str) -> None:
    hook = connect(**fields)
    for call in (hook.get_conn, lambda: hook.upload("big", BIG), lambda: hook.check("big", BIG)):
        with pytest.raises(ConfigurationError, match=words) as caught:
            call()
        assert SECRET not in str(caught.value)


def test_an_unknown_key_is_warned_of_once(connect: Connect, task_log: Callable[[], str]) -> None:
    hook = connect(extra={"data_centre": "japan"})
    for _ in range(2):
        assert hook.settings.base_url
    assert task_log().count("Connection 'campaigns' has keys in its extra that mean nothing here: 'data_centre'.") == 1


def test_airflow_is_told_to_mask_the_secret_and_the_header(connect: Connect, masked: list[str]) -> None:
    connect().get_conn()
    assert masked == [SECRET, BASE64]


def test_a_check_alone_has_the_secret_masked_too(connect: Connect, masked: list[str]) -> None:
    connect().check("big", "not a URL")
    assert masked == [SECRET]


def test_the_client_is_made_once_and_says_who_it_is(connect: Connect) -> None:
    with FaultServer(uploaded("big", "1")) as server:
        hook = connect(server)
        assert hook.get_conn() is hook.get_conn()
        hook.upload("big", BIG)
        agent = server.requests[0].headers["user-agent"]
    assert agent == f"airflow-provider-oppo-image/{__version__} apache-airflow/{airflow_version()}"


def test_a_hook_shows_no_secret_before_and_after_its_use(connect: Connect) -> None:
    with FaultServer(uploaded("big", "1")) as server:
        hook = connect(server)
        before = repr(hook) + str(hook) + repr(vars(hook))
        hook.upload("big", BIG)
        after = repr(hook) + str(hook) + repr(vars(hook)) + repr(hook.settings) + repr(hook.get_conn())
    for shown in (before, after):
        assert SECRET not in shown
        assert BASE64 not in shown


# Checks and uploads


def test_a_check_follows_the_connection(connect: Connect) -> None:
    with PictureHost() as host:
        url = host.serve("/big.png", artwork.png())
        assert connect().check("big", url).problems[0].code == "address_refused"
        allowing = connect(extra={"allow_private_addresses": True})
        assert allowing.check("big", url).state == "ready"
        reports = allowing.check_each({"big": url, "small": url})
    assert {kind: report.state for kind, report in reports.items()} == {"big": "ready", "small": "wrong"}


def test_two_pictures_are_two_requests(connect: Connect) -> None:
    with FaultServer(BOTH) as server:
        assert connect(server).upload_pictures(BIG, SMALL) == {"big_picture_id": "1_b", "small_picture_id": "2_s"}
    bodies = sorted((request.json for request in server.requests), key=str)
    assert bodies == [{"big_picture_url": BIG}, {"small_picture_url": SMALL}]


@pytest.mark.parametrize(
    ("big", "small", "ids"),
    [(BIG, None, {"big_picture_id": "1_b", "small_picture_id": None}),
     ("", SMALL, {"big_picture_id": None, "small_picture_id": "2_s"})],
)  # fmt: skip
def test_a_picture_that_was_not_asked_for_has_no_id(connect: Connect, big: Any, small: Any, ids: Any) -> None:
    with FaultServer(BOTH) as server:
        assert connect(server).upload_pictures(big, small) == ids
    assert len(server.requests) == 1


@pytest.mark.parametrize("nothing", [None, "", " ", "None", "null"])
def test_no_picture_at_all_is_a_mistake(connect: Connect, nothing: Any) -> None:
    with FaultServer(BOTH) as server:
        with pytest.raises(ConfigurationError, match="Neither big_picture_url nor small_picture_url"):
            connect(server).upload_pictures(nothing, nothing)
        assert server.accepted == 0


def test_the_two_uploads_run_side_by_side_with_one_connection_read(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
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
    assert read == ["campaigns"]


def test_where_one_fails_the_others_id_is_in_the_log(connect: Connect, task_log: Callable[[], str]) -> None:
    with FaultServer(by_kind(uploaded("big", "1_b"), refusal(51, 200))) as server:
        hook = connect(server)
        with pytest.raises(PictureRefusedError, match=r"small picture https://cdn\.example\.com/small\.png"):
            hook.upload_pictures(BIG, SMALL)
        outcome = hook.upload_each({"big": BIG, "small": SMALL})
    assert f"Uploaded the big picture {BIG}: 1_b" in task_log()
    assert outcome.ids == {"big": "1_b"}
    assert list(outcome.errors) == ["small"]


@pytest.mark.parametrize(
    ("big", "small", "worse"),
    [
        (answer(503), refusal(51, 200), PictureRefusedError),
        (refusal(51, 200), answer(503), PictureRefusedError),
        (refusal(51, 200), refusal(23001, 401), AccountError),
        (answer(503), refusal(34, 200), AccountError),
        (answer(503), reset, ServiceUnavailableError),
    ],
)
def test_where_both_fail_the_worse_error_is_raised_and_the_other_is_logged(
    connect: Connect, task_log: Callable[[], str], big: Reply, small: Reply, worse: type[OppoImageError]
) -> None:
    with FaultServer(by_kind(big, small)) as server, pytest.raises(worse) as raised:
        connect(server).upload_pictures(BIG, SMALL)
    log = task_log()
    assert (BIG in log, SMALL in log) == (BIG not in str(raised.value), SMALL not in str(raised.value))


def test_an_outcome_without_errors_raises_none() -> None:
    UploadOutcome(ids={"big": "1"}, errors={}).raise_for_errors()
    assert picture_ids({"small": "1"}) == {"big_picture_id": None, "small_picture_id": "1"}
    assert parse_picture_urls(BIG, None) == {"big": BIG}


# Pushes


def test_a_push_carries_the_pictures_and_the_cid(connect: Connect) -> None:
    with FaultServer(answer(200, {"msg_id": "42"})) as server:
        hook = connect(server)
        assert hook.push(MESSAGE, big_picture_id="1_b", small_picture_id="2_s", cid="c") == "42"
        hook.validate_push(MESSAGE, big_picture_id="1_b")
        hook.withdraw("42")
        assert hook.push_status(["42"]) == {"msg_id": "42"}
    pushed, validated, *_ = server.requests
    assert pushed.json["body"]["options"] == {
        "third_party_channel": {"oppo": {"style": 3, "big_picture_id": "1_b", "small_picture_id": "2_s"}},
        "cid": "c",
    }
    assert validated.line == "POST /v4/push/validate"
    assert "cid" not in validated.json["body"]["options"]


def test_a_push_that_would_be_refused_is_not_sent(connect: Connect) -> None:
    with FaultServer(answer(200, {"msg_id": "42"})) as server:
        for call in (connect(server).push, connect(server).validate_push):
            with pytest.raises(ConfigurationError, match="not include android"):
                call({"to": "all", "body": {"platform": ["ios"]}}, big_picture_id="1_b")
        assert server.accepted == 0


def test_an_earlier_try_explains_a_used_cid(connect: Connect) -> None:
    with FaultServer(refusal(21003, 400, "cid duplicated")) as server:
        assert connect(server).push(MESSAGE, cid="c", is_retry=True) is None


# The test of a connection


def try_connection(connect: Connect, *replies: Reply, **options: Any) -> tuple[bool, str]:
    with FaultServer(*replies) as server:
        return connect(server, **options).test_connection()


def test_a_good_connection_is_told(connect: Connect) -> None:
    good, words = try_connection(connect, refusal(23002, 400))
    assert good
    assert "accepts AppKey app-key and its master secret" in words


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (refusal(23001, 401, "auth"), "Check the AppKey, the master secret"),
        (refusal(23009, 400), "Add the worker's public address in EngageLab's console"),
        (refusal(23100, 500), "Try again later"),
        (answer(200, b"<html>Log in"), "a login page"),
        (answer(404, b"<html>Not found"), "Check the host in the connection"),
        (reset, "no complete response"),
    ],
)
def test_a_connection_that_does_not_work_is_told_why(connect: Connect, reply: Reply, words: str) -> None:
    good, said = try_connection(connect, reply, extra={"retry_budget": 60})
    assert not good
    assert words in said
    assert SECRET not in said


def test_a_test_that_times_out_says_so(connect: Connect) -> None:
    good, words = try_connection(connect, stall, extra={"read_timeout": 0.2, "retry_budget": 60})
    assert not good
    assert "0.2 s without a byte" in words


def test_a_test_of_an_unknown_host_says_so(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    hook = connect(host="service.example.com")
    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    good, words = hook.test_connection()
    assert not good
    assert "cannot connect to https://service.example.com (Name or service not known)" in words


@pytest.mark.parametrize(
    ("fields", "beginning"),
    [
        ({"login": None}, "The connection"),
        ({"extra": "{broken"}, "Airflow has no" if UNREADABLE else "The connection"),
        ({"host": "a b"}, "The connection"),
    ],
)
def test_a_test_of_a_broken_connection_says_what_to_mend(connect: Connect, fields: Any, beginning: str) -> None:
    good, words = connect(**fields).test_connection()
    assert not good
    assert words.startswith(beginning)


def test_a_test_of_no_connection_says_so(airflow_db: None) -> None:
    assert OppoImageHook("there_is_none").test_connection()[0] is False


# Errors for Airflow


def test_a_permanent_error_fails_the_task_at_once() -> None:
    error = PictureRefusedError("refused")
    with pytest.raises(AirflowFailException, match="refused") as caught, airflow_errors():
        raise error
    assert caught.value.__cause__ is error


@pytest.mark.parametrize(
    "error", [OutcomeUnknownError("x"), NotSentError("x"), ConfigurationError("x", permanent=False)]
)
def test_an_error_that_may_pass_goes_through_as_it_is(error: OppoImageError) -> None:
    with pytest.raises(type(error)) as caught, airflow_errors():
        raise error
    assert caught.value is error


def test_other_errors_are_nobodys_business() -> None:
    with pytest.raises(ZeroDivisionError), airflow_errors():
        raise ZeroDivisionError
