"""Tests of the HTTP interface: uploads, pushes, faults, credentials and counts."""

import re
import socket
import time
from urllib.parse import urlsplit

import pytest
import requests

from airflow_provider_oppo_image.contract import IMAGE_PATH, PUSH_PATH, STATUS_PATH, VALIDATE_PATH, WITHDRAW_PATH
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.sandbox.conftest import CREDENTIALS, ApiCaller, error_of, message
from tests.support import artwork

VIP_PATH = "/v4/app/vip/status"


# Uploads.


@pytest.mark.parametrize("kind", ["big", "small"])
def test_upload_returns_only_the_id_of_the_kind(caller, host, kind):
    status, body = caller.upload({f"{kind}_picture_url": host.serve("/a.png", artwork.good(kind))})
    assert (status, set(body)) == (200, {f"{kind}_picture_id"})
    assert re.fullmatch(r"3653918_[0-9a-f]{24}", body[f"{kind}_picture_id"])


def test_upload_downloads_the_picture_each_time(caller, host):
    url = host.serve("/a.png", artwork.good("big"))
    first = caller.upload({"big_picture_url": url})
    host.serve("/a.png", artwork.png(876, 324))
    second = caller.upload({"big_picture_url": url})
    assert "big_picture_id" in first[1]
    assert error_of(second) == (200, 51)
    assert host.requests == ["/a.png", "/a.png"]


def test_upload_sends_the_query_and_follows_redirects(caller, host):
    host.serve("/a.jpg", artwork.good("big", "JPEG"))
    url = host.redirect("/start", host.base_url + "/a.jpg?hmac=1")
    assert caller.upload({"big_picture_url": url + "?hmac=0"})[0] == 200
    assert host.requests == ["/start?hmac=0", "/a.jpg?hmac=1"]


@pytest.mark.parametrize("content", [artwork.png(876, 324), artwork.png_of_size(1_048_577), artwork.HTML, b""])
def test_upload_refuses_wrong_pictures_with_51(caller, host, content):
    assert error_of(caller.upload({"big_picture_url": host.serve("/a.png", content)})) == (200, 51)


def test_upload_refuses_an_endless_picture(caller, host):
    url = host.endless("/a.png", artwork.good("big"), bytes(65_536))
    assert error_of(caller.upload({"big_picture_url": url})) == (200, 51)


@pytest.mark.parametrize("status", [404, 403, 500, 204])
def test_upload_refuses_other_statuses_of_the_host(caller, host, status):
    assert error_of(caller.upload({"big_picture_url": host.status("/a.png", status)})) == (400, 21003)


def test_upload_refuses_interrupted_downloads(caller, host):
    for url in (host.cut("/cut", artwork.good("big"), 100), host.reset("/reset")):
        assert error_of(caller.upload({"big_picture_url": url})) == (400, 21003)


def test_upload_refuses_slow_downloads(host):
    with SandboxServer(SandboxOptions(picture_timeout=0.3)) as sandbox:
        for url in (host.stall("/stall"), host.drip("/drip", artwork.good("big"))):
            assert error_of(ApiCaller(sandbox.url, host).upload({"big_picture_url": url})) == (400, 21003)


@pytest.mark.parametrize(
    "url",
    ["not a url", "ftp://127.0.0.1/a.png", "file:///etc/passwd", "http://", "http://[::1",
     "http://127.0.0.1:1/a.png", None, 5, True, [], ["http://a/b.png"], {}],
)  # fmt: skip
def test_upload_refuses_invalid_urls(caller, url):
    assert error_of(caller.upload({"small_picture_url": url})) == (400, 21003)


def test_upload_refuses_both_urls_without_a_download(caller, host):
    big, small = host.serve("/b", artwork.good("big")), host.serve("/s", artwork.good("small"))
    assert error_of(caller.upload({"big_picture_url": big, "small_picture_url": small})) == (400, 21003)
    assert host.requests == []


def test_upload_accepts_both_urls_with_the_option(host):
    urls = {f"{kind}_picture_url": host.serve(f"/{kind}", artwork.good(kind)) for kind in ("big", "small")}
    with SandboxServer(SandboxOptions(both_urls=True)) as sandbox:
        caller = ApiCaller(sandbox.url, host)
        good = caller.upload(urls)
        host.serve("/small", artwork.good("big"))
        bad = caller.upload(urls)
    assert good[0] == 200
    assert set(good[1]) == {"big_picture_id", "small_picture_id"}
    assert error_of(bad) == (200, 51)


@pytest.mark.parametrize(
    "body", [{}, {"big_picture_url": ""}, {"big_picture_url": "", "small_picture_url": ""}, {"a": 1}]
)
def test_upload_without_a_picture_is_23002(caller, body):
    assert error_of(caller.upload(body)) == (400, 23002)


def test_upload_ignores_an_empty_url(caller, host):
    url = host.serve("/a.png", artwork.good("big"))
    status, body = caller.upload({"big_picture_url": url, "small_picture_url": ""})
    assert (status, set(body)) == (200, {"big_picture_id"})


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[]", b"5", b"null", b"[" * 5000, b"x" * 100_000])
def test_upload_refuses_bodies_that_are_not_json_objects(caller, raw):
    assert error_of(caller.call("POST", IMAGE_PATH, data=raw)) == (400, 21003)


# Pushes.


def test_push_is_sent_and_recorded(sandbox, caller):
    push = message(cid="c1", style=3, big_picture_id=caller.picture("big")) | {"request_id": "r1"}
    status, body = caller.push(push)
    assert (status, body["request_id"]) == (200, "r1")
    [sent] = sandbox.received()["pushes"]
    assert sent.pop("when")
    expected = {"body": push, "cid": "c1", "msg_id": body["msg_id"], "deliveries": 1, "repeats": 0, "withdrawn": False}
    assert sent == expected


def test_push_refuses_a_small_picture_as_the_big_one(caller):
    push = message(style=3, big_picture_id=caller.picture("small"))
    assert error_of(caller.push(push)) == (400, 21003)


def test_push_without_a_cid_is_sent_each_time(sandbox, caller):
    ids = [caller.push(message())[1]["msg_id"] for _ in range(3)]
    assert [push["msg_id"] for push in sandbox.received()["pushes"]] == ids
    assert len(set(ids)) == 3


def test_push_with_a_used_cid_returns_the_first_message_id(sandbox, caller):
    first = caller.push(message(cid="again") | {"request_id": "r1"})
    other = message(cid="again") | {"request_id": "r2"}
    other["body"]["notification"]["android"]["alert"] = "Something else"

    assert caller.push(other) == (200, {**first[1], "request_id": "r2"})
    [sent] = sandbox.received()["pushes"]
    assert (sent["deliveries"], sent["repeats"], sent["body"]["request_id"]) == (1, 1, "r1")


def test_refused_push_does_not_use_its_cid(caller):
    refused, accepted = caller.push(message(cid="c", style=3)), caller.push(message(cid="c"))
    assert (refused[0], accepted[0]) == (400, 200)


def test_validate_sends_nothing(sandbox, caller):
    good, bad = caller.push(message(cid="c"), VALIDATE_PATH), caller.push(message(style=3), VALIDATE_PATH)
    caller.push(message(cid="c"))
    received = sandbox.received()
    assert good[0] == 200
    assert error_of(bad) == (400, 21003)
    assert [validation["body"] for validation in received["validations"]] == [message(cid="c")]
    assert [push["repeats"] for push in received["pushes"]] == [0]
    assert good[1]["msg_id"] != received["pushes"][0]["msg_id"]


def test_withdraw_works_once(sandbox, caller):
    msg_id = caller.push(message())[1]["msg_id"]
    first, second = (caller.call("DELETE", f"{WITHDRAW_PATH}/{msg_id}") for _ in range(2))
    assert first == (200, {"request_id": "", "msg_id": msg_id})
    assert error_of(second) == (400, 21003)
    assert sandbox.received()["pushes"][0]["withdrawn"]


def test_withdraw_refuses_an_unknown_id(caller):
    assert error_of(caller.call("DELETE", f"{WITHDRAW_PATH}/1")) == (400, 21003)


def test_status_contains_only_known_pushes(caller):
    ids = [caller.push(message())[1]["msg_id"] for _ in range(2)]
    status, body = caller.call("GET", STATUS_PATH, params={"message_ids": ",".join([*ids, "1"])})
    assert (status, set(body)) == (200, set(ids))


@pytest.mark.parametrize(("ids", "error"), [([], (400, 21002)), (["1"] * 101, (400, 21003))])
def test_status_accepts_1_to_100_ids(caller, ids, error):
    assert error_of(caller.call("GET", STATUS_PATH, params={"message_ids": ",".join(ids)})) == error
    assert caller.call("GET", STATUS_PATH, params={"message_ids": ",".join(["1"] * 100)}) == (200, {})


def test_push_refuses_a_long_notification(caller):
    push = message()
    push["body"]["notification"]["android"]["extras"] = {"a": "x" * 4_000}

    assert error_of(caller.push(push)) == (400, 21005)


def test_push_refuses_a_long_body(caller):
    assert error_of(caller.call("POST", PUSH_PATH, data=b"x" * 300_000)) == (400, 21016)


def test_long_body_gets_a_response_before_its_end(sandbox):
    address = urlsplit(sandbox.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(
            b"POST /v4/push HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 60000000\r\n\r\n" + b"x" * 100_000
        )
        assert connection.recv(12) == b"HTTP/1.1 401"


# Credentials, paths and methods.


@pytest.mark.parametrize("auth", [None, ("sandbox-app-key", "wrong"), ("wrong", "sandbox-master-secret"), ("", "")])
def test_upload_with_wrong_credentials_is_23001(caller, auth):
    assert error_of(caller.upload({}, auth=auth)) == (401, 23001)


@pytest.mark.parametrize("header", ["", "Basic", "Basic !", "Bearer x", "Basic ÿ"])
def test_upload_with_an_invalid_header_is_23001(caller, header):
    headers = {"Authorization": header.encode("latin-1")}
    assert error_of(caller.upload({}, auth=None, headers=headers)) == (401, 23001)


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", PUSH_PATH), ("POST", VALIDATE_PATH), ("DELETE", WITHDRAW_PATH + "/1"), ("GET", STATUS_PATH),
     ("GET", VIP_PATH)],
)  # fmt: skip
def test_push_paths_with_wrong_credentials_are_21004(caller, method, path):
    assert error_of(caller.call(method, path, auth=("sandbox-app-key", "wrong"))) == (401, 21004)


def test_credentials_can_be_set(host):
    with SandboxServer(SandboxOptions(app_key="key", master_secret="geheim:ü")) as sandbox:
        caller = ApiCaller(sandbox.url, host)
        errors = [error_of(caller.upload({}, auth=auth)) for auth in [("key", "geheim:ü".encode()), ("key", "no")]]
    assert errors == [(400, 23002), (401, 23001)]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", IMAGE_PATH, 404), ("PUT", IMAGE_PATH, 404), ("POST", "/v4/image", 404),
     ("POST", "/v3/image/oppo", 404), ("GET", "/docs", 404), ("GET", PUSH_PATH, 405),
     ("PUT", VALIDATE_PATH, 405), ("GET", WITHDRAW_PATH + "/1", 405), ("POST", "/v4/push/nothing", 404),
     ("POST", STATUS_PATH, 404)],
)  # fmt: skip
def test_unknown_path_or_method_is_21001(caller, method, path, status):
    assert error_of(caller.call(method, path)) == (status, 21001)


def _send(url, data):
    """Return everything that the sandbox sends until it closes the connection."""
    address = urlsplit(url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65_536), b""))


def test_a_request_with_two_lengths_is_refused(sandbox):
    second = b"DELETE /sandbox/received HTTP/1.1\r\nHost: localhost\r\n\r\n"
    first = b"POST /v4/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99\r\nTransfer-Encoding: chunked\r\n\r\n"
    answer = _send(sandbox.url, first + b"0\r\n\r\n" + second)
    assert answer.startswith(b"HTTP/1.1 400")
    assert answer.count(b"HTTP/1.1") == 1


@pytest.mark.parametrize(
    ("host", "status"), [("localhost:9", 200), ("[::1]:9", 200), ("10.0.0.1", 200), ("a.localhost", 200),
                         ("evil.example", 400), ("localhost.evil.example:80", 400)],
)  # fmt: skip
def test_a_loopback_sandbox_refuses_other_hosts(sandbox, host, status):
    assert requests.get(sandbox.url, headers={"Host": host}, timeout=10).status_code == status


def test_a_client_that_leaves_is_not_an_error(sandbox, caplog):
    _send(sandbox.url, b"POST /v4/push HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n{")
    sandbox.received()
    assert not caplog.records


# Faults.


def test_fault_by_default_is_one_23100(sandbox, caller):
    sandbox.fail()
    assert error_of(caller.upload({})) == (500, 23100)
    assert error_of(caller.upload({})) == (400, 23002)


@pytest.mark.parametrize(
    ("fault", "error"),
    [({"code": 23008}, (400, 23008)), ({"code": 51}, (200, 51)),
     ({"code": 27000, "status": 503}, (503, 27000)), ({"code": 99999}, (500, 99999)),
     ({"message": "words"}, (500, 23100))],
)  # fmt: skip
def test_fault_sets_code_and_status(sandbox, caller, fault, error):
    sandbox.fail(**fault)
    assert error_of(caller.push(message())) == error


def test_fault_sets_message_body_and_headers(sandbox):
    sandbox.fail(code=23008, message="slow down", headers={"Retry-After": "7"})
    sandbox.fail(status=200, body="<html>", headers={"Content-Type": "text/html"})
    sandbox.fail(status=429)
    limited, page, empty = (requests.post(sandbox.url + IMAGE_PATH, auth=CREDENTIALS, timeout=10) for _ in range(3))
    assert limited.json() == {"error": {"code": 23008, "message": "slow down"}}
    assert limited.headers["Retry-After"] == "7"
    assert (page.status_code, page.text, page.headers["Content-Type"]) == (200, "<html>", "text/html")
    assert (empty.status_code, empty.content) == (429, b"")


def test_fault_applies_to_the_named_call_before_its_work(sandbox, caller, host):
    sandbox.fail(call="upload_small", code=27000)
    big, small = host.serve("/b", artwork.good("big")), host.serve("/s", artwork.good("small"))
    first, second = caller.upload({"big_picture_url": big}), caller.upload({"small_picture_url": small})
    assert first[0] == 200
    assert error_of(second) == (500, 27000)
    assert host.requests == ["/b"]


def test_fault_after_the_work_loses_only_the_response(sandbox, caller):
    sandbox.fail(call="push", code=23100, after=True)
    lost, repeated = caller.push(message(cid="c")), caller.push(message(cid="c"))
    [sent] = sandbox.received()["pushes"]
    assert error_of(lost) == (500, 23100)
    assert (repeated[1]["msg_id"], sent["repeats"]) == (sent["msg_id"], 1)


@pytest.mark.parametrize("after", [False, True])
def test_fault_drops_the_connection_without_a_byte(sandbox, after):
    sandbox.fail(call="push", drop=True, after=after)
    body = b'{"to": "all", "body": {"notification": {"alert": "x"}}}'
    head = f"POST /v4/push HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: {len(body)}\r\nAuthorization: "
    address = urlsplit(sandbox.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        basic = requests.auth._basic_auth_str(*CREDENTIALS)
        connection.sendall(head.encode() + basic.encode() + b"\r\n\r\n" + body)
        assert connection.recv(1) == b""
    received = sandbox.received()
    assert received["requests"] == {"push": {"dropped": 1}}
    assert len(received["pushes"]) == (1 if after else 0)


def test_fault_drops_only_its_own_connection(sandbox, caller):
    with requests.Session() as session:
        session.post(sandbox.url + IMAGE_PATH, json={}, auth=CREDENTIALS, timeout=10)
        sandbox.fail(call="push", drop=True)
        with pytest.raises(requests.ConnectionError):
            caller.push(message())
        session.post(sandbox.url + IMAGE_PATH, json={}, auth=CREDENTIALS, timeout=10)
    assert sandbox.received()["requests"]["upload"] == {"400": 2}


@pytest.mark.parametrize("after", [False, True])
def test_fault_with_a_delay_only_delays(sandbox, caller, after):
    sandbox.fail(call="push", delay=0.2, after=after)
    start = time.monotonic()
    status, body = caller.push(message(cid="c"))
    [sent] = sandbox.received()["pushes"]
    assert (status, body["msg_id"], sent["repeats"]) == (200, sent["msg_id"], 0)
    assert time.monotonic() - start >= 0.2


def test_fault_with_a_delay_after_the_work_survives_the_client(sandbox):
    sandbox.fail(call="push", delay=2, after=True)
    with pytest.raises(requests.ReadTimeout):
        requests.post(sandbox.url + "/v4/push", json=message(), auth=CREDENTIALS, timeout=(10, 0.5))
    assert len(sandbox.received()["pushes"]) == 1


def test_recover_removes_faults(sandbox, caller):
    sandbox.fail(times=None)
    first = caller.upload({})
    sandbox.recover()
    assert error_of(first) == (500, 23100)
    assert error_of(caller.upload({})) == (400, 23002)


@pytest.mark.parametrize(
    "fault",
    [
        {"cal": "push"},
        {"call": "pull"},
        {"times": 0},
        {"status": 42},
        {"delay": -1},
        {"delay": float("nan")},
        {"delay": float("inf")},
        {"code": float("nan")},
        {"code": "x"},
    ],
)
def test_fail_refuses_invalid_faults(sandbox, fault):
    with pytest.raises(ValueError, match=next(iter(fault))):
        sandbox.fail(**fault)


def test_fault_applies_before_credentials_are_checked(sandbox, caller):
    sandbox.fail(code=23009)
    assert error_of(caller.upload({}, auth=None)) == (400, 23009)


# Received data.


def test_received_uploads_contain_no_queries_and_credentials(sandbox, caller, host):
    good, bad = host.serve("/a.png", artwork.good("big")), host.serve("/b.png", artwork.good("big"))
    _, body = caller.upload({"big_picture_url": good + "?signature=s3cr3t"})
    caller.upload({"small_picture_url": bad})
    first, second = sandbox.received()["uploads"]
    assert first.pop("when") <= second.pop("when")
    verdict = {"status": 200, "code": None, "message": None}
    assert first == {"kind": "big", "url": good + "?…", "verdict": verdict, "id": body["big_picture_id"]}
    assert (second["kind"], second["id"], second["verdict"]["code"]) == ("small", None, 51)
    assert "s3cr3t" not in str(sandbox.received())
    assert "sandbox-master-secret" not in str(sandbox.received())


def test_requests_are_counted_by_call_and_status(sandbox, caller):
    caller.upload({})
    caller.upload({}, auth=None)
    caller.upload({"big_picture_url": "no"})
    caller.call("GET", "/nowhere")
    counts = sandbox.received()["requests"]
    assert counts == {"upload": {"400": 1, "401": 1}, "upload_big": {"400": 1}, "unknown": {"404": 1}}


def test_forget_deletes_everything(sandbox, caller):
    picture_id = caller.picture("big")
    caller.push({})
    sandbox.forget()
    received = sandbox.received()
    status, _ = caller.call("GET", f"/sandbox/pictures/{picture_id}")
    assert not any(received.values())
    assert status == 404
