import re
import socket
from urllib.parse import urlsplit

import pytest

from airflow_provider_oppo_image.contract import ERROR_CODES, IMAGE_PATH
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.sandbox.conftest import Caller
from tests.support import artwork


def refusal(answer):
    """Return the status and the code of an answer that is an error and nothing else."""
    status, body = answer
    assert set(body) == {"error"}
    assert body["error"]["message"]
    return status, body["error"]["code"]


@pytest.mark.parametrize("kind", ["big", "small"])
def test_an_upload_is_answered_with_the_id_of_the_picture_sent_and_no_other_key(caller, host, kind):
    url = host.serve("/a.png", artwork.good(kind))

    status, body = caller.upload({f"{kind}_picture_url": url})

    assert status == 200
    assert set(body) == {f"{kind}_picture_id"}
    assert re.fullmatch(r"3653918_[0-9a-f]{24}", body[f"{kind}_picture_id"])


def test_each_upload_is_downloaded_anew_and_gets_an_id_of_its_own(caller, host):
    url = host.serve("/a.png", artwork.good("big"))
    first = caller.upload({"big_picture_url": url})
    host.serve("/a.png", artwork.png(876, 324))

    second = caller.upload({"big_picture_url": url})

    assert "big_picture_id" in first[1]
    assert refusal(second) == (200, 51)
    assert host.requests == ["/a.png", "/a.png"]


def test_the_url_is_fetched_with_its_query_and_through_redirects(caller, host):
    host.serve("/a.jpg", artwork.good("big", "JPEG"))
    url = host.redirect("/start", host.base_url + "/a.jpg?hmac=1")

    status, _ = caller.upload({"big_picture_url": url + "?hmac=0"})

    assert status == 200
    assert host.requests == ["/start?hmac=0", "/a.jpg?hmac=1"]


@pytest.mark.parametrize(
    "content",
    [artwork.png(876, 324), artwork.other_format("WEBP"), artwork.png_of_size(1_048_577), artwork.HTML, b""],
    ids=["dimensions", "format", "weight", "no picture", "nothing"],
)
def test_a_picture_that_oppo_refuses_is_51_in_a_200(caller, host, content):
    url = host.serve("/a.png", content)

    assert refusal(caller.upload({"big_picture_url": url})) == (200, 51)


def test_a_picture_without_end_is_refused_and_not_read_to_the_end(caller, host):
    url = host.endless("/a.png", artwork.good("big"), bytes(65_536))

    assert refusal(caller.upload({"big_picture_url": url})) == (200, 51)


@pytest.mark.parametrize("status", [404, 403, 500, 204])
def test_a_picture_host_that_does_not_say_200_is_21003(caller, host, status):
    url = host.status("/a.png", status)

    assert refusal(caller.upload({"big_picture_url": url})) == (400, 21003)


def test_a_download_that_breaks_off_is_21003(caller, host):
    for url in (host.cut("/cut", artwork.good("big"), 100), host.reset("/reset")):
        assert refusal(caller.upload({"big_picture_url": url})) == (400, 21003)


def test_a_download_that_takes_too_long_is_21003(host):
    with SandboxServer(SandboxOptions(picture_timeout=0.3)) as sandbox:
        for url in (host.stall("/stall"), host.drip("/drip", artwork.good("big"))):
            assert refusal(Caller(sandbox.url, host).upload({"big_picture_url": url})) == (400, 21003)


@pytest.mark.parametrize(
    "url",
    ["not a url", "ftp://127.0.0.1/a.png", "file:///etc/passwd", "http://", "http://[::1", "http://127.0.0.1:1/a.png"],
)
def test_a_url_that_cannot_be_downloaded_is_21003(caller, url):
    assert refusal(caller.upload({"big_picture_url": url})) == (400, 21003)


@pytest.mark.parametrize("value", [None, 5, True, [], ["http://a/b.png"], {}])
def test_a_url_that_is_no_string_is_21003(caller, value):
    assert refusal(caller.upload({"small_picture_url": value})) == (400, 21003)


def test_both_urls_at_once_are_21003_and_nothing_is_downloaded(caller, host):
    big, small = host.serve("/b", artwork.good("big")), host.serve("/s", artwork.good("small"))

    assert refusal(caller.upload({"big_picture_url": big, "small_picture_url": small})) == (400, 21003)
    assert host.requests == []


def test_both_urls_at_once_are_taken_where_the_option_says_so(host):
    urls = {
        "big_picture_url": host.serve("/b", artwork.good("big")),
        "small_picture_url": host.serve("/s", artwork.good("small")),
    }
    with SandboxServer(SandboxOptions(both_urls=True)) as sandbox:
        caller = Caller(sandbox.url, host)
        good = caller.upload(urls)
        host.serve("/s", artwork.good("big"))
        bad = caller.upload(urls)

    assert good[0] == 200
    assert set(good[1]) == {"big_picture_id", "small_picture_id"}
    assert refusal(bad) == (200, 51)


@pytest.mark.parametrize(
    "body", [{}, {"big_picture_url": ""}, {"big_picture_url": "", "small_picture_url": ""}, {"a": 1}]
)
def test_no_picture_is_23002(caller, body):
    assert refusal(caller.upload(body)) == (400, 23002)


def test_an_empty_string_stands_for_no_picture_beside_a_real_one(caller, host):
    url = host.serve("/a.png", artwork.good("big"))

    status, body = caller.upload({"big_picture_url": url, "small_picture_url": ""})

    assert (status, set(body)) == (200, {"big_picture_id"})


@pytest.mark.parametrize("raw", [b"", b"{", b"\xff", b"[]", b"5", b"null", b"[" * 5000, b"x" * 100_000])
def test_a_body_that_is_no_json_object_is_21003(caller, raw):
    assert refusal(caller.call("POST", IMAGE_PATH, data=raw)) == (400, 21003)


def test_a_body_that_is_too_long_is_answered_before_its_end(sandbox):
    address = urlsplit(sandbox.url)
    with socket.create_connection((address.hostname, address.port), timeout=10) as connection:
        connection.sendall(b"POST /v4/push HTTP/1.1\r\nHost: x\r\nContent-Length: 60000000\r\n\r\n" + b"x" * 100_000)

        assert connection.recv(12) == b"HTTP/1.1 401"


@pytest.mark.parametrize("auth", [None, ("sandbox-app-key", "wrong"), ("wrong", "sandbox-master-secret"), ("", "")])
def test_a_wrong_key_or_secret_is_23001_before_anything_is_looked_at(caller, auth):
    assert refusal(caller.upload({}, auth=auth)) == (401, 23001)


@pytest.mark.parametrize("header", ["", "Basic", "Basic !", "Bearer x", "Basic ÿ"])
def test_an_authorization_that_is_none_is_23001(caller, header):
    headers = {"Authorization": header.encode("latin-1")}

    assert refusal(caller.upload({}, auth=None, headers=headers)) == (401, 23001)


def test_key_and_secret_can_be_set(host):
    with SandboxServer(SandboxOptions(app_key="key", master_secret="geheim:ü")) as sandbox:
        caller = Caller(sandbox.url, host)
        answers = [refusal(caller.upload({}, auth=auth)) for auth in [("key", "geheim:ü".encode()), ("key", "no")]]

    assert answers == [(400, 23002), (401, 23001)]


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", IMAGE_PATH), ("PUT", IMAGE_PATH), ("POST", "/v4/image"), ("POST", "/v3/image/oppo"), ("GET", "/docs")],
)
def test_an_unknown_path_or_method_is_21001_in_a_404(caller, method, path):
    assert refusal(caller.call(method, path)) == (404, 21001)


def test_every_refusal_has_a_status_that_the_table_gives_for_its_code(caller, host):
    url = host.serve("/a.png", artwork.HTML)
    answers = [caller.upload({}), caller.upload({}, auth=None), caller.upload({"big_picture_url": url})]
    answers += [caller.upload({"big_picture_url": 1}), caller.call("GET", "/nowhere")]

    for status, code in map(refusal, answers):
        assert status in ERROR_CODES[code].http_statuses


def test_what_was_uploaded_is_shown_without_queries_and_credentials(sandbox, caller, host):
    good, bad = host.serve("/a.png", artwork.good("big")), host.serve("/b.png", artwork.good("big"))
    _, body = caller.upload({"big_picture_url": good + "?signature=s3cr3t"})
    caller.upload({"small_picture_url": bad})

    first, second = sandbox.received()["uploads"]

    assert first.pop("when") <= second.pop("when")
    assert first == {
        "kind": "big",
        "url": good + "?…",
        "verdict": {"status": 200, "code": None, "message": None},
        "id": body["big_picture_id"],
    }
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


def test_what_was_received_can_be_forgotten(sandbox, caller):
    picture_id = caller.picture("big")
    caller.push({})
    sandbox.forget()

    received = sandbox.received()
    status, _ = caller.call("GET", f"/sandbox/pictures/{picture_id}")

    assert not any(received.values())
    assert status == 404
