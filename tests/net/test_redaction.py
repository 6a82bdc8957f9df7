"""Redaction of URLs, of secrets in responses and of urllib3's logs; the logs on real sockets."""

from __future__ import annotations

import base64
import html
import http.client
import json
import logging
from collections.abc import Callable, Mapping
from urllib.parse import quote

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.net.deadline import deadline
from airflow_provider_oppo_image.net.redaction import (
    HIDDEN,
    MASK,
    MAX_URL,
    MIN_FRAGMENT,
    NOT_A_URL,
    SecretRedactor,
    redact_path,
    redact_url,
    strip_query,
)
from airflow_provider_oppo_image.net.session import encode_path, open_session
from tests.support.fault_server import FaultServer, Reply, answer, close, send

SECRET = 'a/b"ÿÿÿ&c+d'
LONG_SECRET = "hunter2hunter3hunter4"
MALFORMED = [send(b"HTTP/1.1 200 OK\r\n hush-hush-1\r\nhush-hush-2\r\nContent-Length: 2\r\n\r\nok"), close]

letters = st.text("abcdefgh", min_size=1)


@pytest.mark.parametrize(
    ("url", "redacted"),
    [("https://cdn.example.com/big.png", "https://cdn.example.com/big.png"),
     ("https://cdn.example.com/big.png?hmac=secret", "https://cdn.example.com/big.png?…"),
     ("https://cdn.example.com/big.png#secret", "https://cdn.example.com/big.png"),
     ("https://user:secret@cdn.example.com:8443/big.png", "https://cdn.example.com:8443/big.png"),
     ("https://user:sec@ret@cdn.example.com/", "https://cdn.example.com/"),
     ("ftp://user:secret@host/a?b", "ftp://host/a?…"),
     ("http://[2001:db8::1]:80/x", "http://[2001:db8::1]:80/x")],
)  # fmt: skip
def test_redact_url_removes_possible_secrets(url: str, redacted: str) -> None:
    assert redact_url(url) == redacted
    assert strip_query(url) == redacted.removesuffix("?…")


@pytest.mark.parametrize(
    "text",
    ["", "secret", "//user:secret@host/a", "http://", "http:///user:secret@host/", "http://[secret",
     "https://user:sec/ret@host/", "https://user:sec?ret@host/", "https://host/a\nb", "https://host/\x1b[31m",
     "https://host/" + "a" * MAX_URL],
)  # fmt: skip
def test_redact_url_hides_other_text(text: str) -> None:
    assert redact_url(text) == NOT_A_URL


def test_redact_url_accepts_maximum_length() -> None:
    url = "https://host/".ljust(MAX_URL, "a")
    assert redact_url(url) == url


@given(st.text())
def test_redact_url_returns_printable_text(text: str) -> None:
    assert redact_url(text).isprintable()


@given(name=letters, password=letters, path=letters, query=letters)
def test_redact_url_hides_password_and_query(name: str, password: str, path: str, query: str) -> None:
    redacted = redact_url(f"https://{name}:{password.upper()}@host.example/{path}?{query.upper()}#{query.upper()}")
    assert redacted == f"https://host.example/{path}?…"


def test_redact_path_keeps_local_paths() -> None:
    assert redact_path("/data/a?b.png") == "/data/a?b.png"
    assert redact_path("file:///data/a?b.png") == "file:///data/a?b.png"
    assert redact_path("s3://key:secret@bucket/a?b") == "s3://bucket/a?…"


@pytest.mark.parametrize(
    "encoded",
    [SECRET, r"a\/b" + '"ÿÿÿ&c+d', json.dumps(SECRET)[1:-1], json.dumps(SECRET, ensure_ascii=False)[1:-1],
     quote(SECRET, safe=""), html.escape(SECRET)],
)  # fmt: skip
def test_redactor_finds_encoded_secret(encoded: str) -> None:
    redactor = SecretRedactor(SECRET)
    assert redactor.redact(f"before [{encoded}] after") == f"before [{MASK}] after"
    assert redactor.contains_secret(f"before [{encoded}] after")


@pytest.mark.parametrize(
    ("text", "redacted"),
    [("it is hunter2hunter3", f"it is {MASK}"), ("...er3hunter4.", f"...{MASK}."),
     ("the hunter sent 2, hunter2", "the hunter sent 2, hunter2"),
     ("s3cre 3cret s3cret", f"s3cre 3cret {MASK}"), (f"{LONG_SECRET}s3cret!", f"{MASK}!"),
     (f'{{"secret": "{LONG_SECRET}"}}', f'{{"secret": "{MASK}"}}')],
)  # fmt: skip
def test_redactor_masks_secrets_and_long_fragments(text: str, redacted: str) -> None:
    assert SecretRedactor(LONG_SECRET, "s3cret").redact(text) == redacted


@pytest.mark.parametrize(
    ("text", "contains"),
    [("1180001_hunter2hunter3", False), ("1180001_hunter2hunter3hu", True), ("1180001_s3cret", True)],
)
def test_redactor_ignores_short_fragments(text: str, contains: bool) -> None:
    assert SecretRedactor(LONG_SECRET, "s3cret").contains_secret(text) == contains


ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "Base64": lambda text: base64.b64encode(text.encode()).decode(),
    "Base64 for URLs": lambda text: base64.urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "hex": lambda text: text.encode().hex(),
    "hex with colons": lambda text: text.encode().hex(":").upper(),
    "hex bytes": lambda text: ", ".join(f"0x{byte:02x}" for byte in text.encode()),
    "u escapes": lambda text: json.dumps("".join(f"\\u{ord(character):04x}" for character in text))[1:-1],
    "x escapes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "HTML": lambda text: "".join(f"&#x{ord(character):x};" for character in text),
    "decimal HTML": lambda text: "".join(f"&#{ord(character)};" for character in text),
    "percent": lambda text: "".join(f"%{byte:02X}" for byte in text.encode()),
    "percent twice": lambda text: quote(quote(text, safe=""), safe=""),
    "mixed": lambda text: "".join(
        (f"\\u{ord(character):04x}", f"&#{ord(character)};", f"%{ord(character):02x}")[at % 3]
        for at, character in enumerate(text)
    ),
}


@pytest.mark.parametrize("second", [None, "Base64", "hex", "HTML", "percent"])
@pytest.mark.parametrize("first", ENCODINGS)
@given(
    secret=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=16, max_size=30),
    start=st.integers(0, 8),
    before=st.sampled_from(["", "the secret ", "x_"]),
)
def test_redactor_hides_text_with_encoded_fragment(
    first: str, second: str | None, secret: str, start: int, before: str
) -> None:
    secret = f"%&{secret}+/"
    encoded = ENCODINGS[first](secret[start : start + MIN_FRAGMENT + 2])
    if second and first != "percent twice":
        encoded = ENCODINGS[second](encoded)
    redactor = SecretRedactor(secret)
    redacted = redactor.redact(f"{before}{encoded}. Try again")
    assert redacted == HIDDEN or MASK in redacted  # an encoding can contain the fragment unchanged
    assert MASK in redacted or redactor.contains_secret(encoded)


@pytest.mark.parametrize(
    "text",
    ["Picture Size Exceeds", "No such id: 3653918_5f92b5739ae676f5745bcbf4", "\\u56fe\\u7247 %E5%9B%BE &#x56fe;",
     "The URL https://cdn.example.com/a%20b.png?sig=c2lnbmF0dXJlLW9mLXRoZS1wYXRo is not reachable", "100 % of 0xFFFF"],
)  # fmt: skip
def test_redactor_keeps_ordinary_text(text: str) -> None:
    assert SecretRedactor("5f3c0a91d27e4b68aa01bc9f", "a3I6NWYzYzBhOTFkMjdlNGI2OGFhMDFiYzlm").redact(text) == text


@given(st.text())
def test_redactor_decodes_any_text(text: str) -> None:
    redactor = SecretRedactor(LONG_SECRET)
    for encoded in (text, *(encode(text) for name, encode in ENCODINGS.items() if name != "mixed" and _is_utf8(text))):
        assert not redactor.contains_secret(encoded)


def _is_utf8(text: str) -> bool:
    return text == text.encode(errors="replace").decode()


def test_redactor_without_secrets_changes_nothing() -> None:
    for redactor in (SecretRedactor(), SecretRedactor("", "")):
        assert redactor.redact("anything") == "anything"
        assert not redactor.contains_secret("anything")


def test_redactor_repr_has_no_secret() -> None:
    assert repr(SecretRedactor(LONG_SECRET)) == "SecretRedactor(...)"


@given(st.text("KLMN/+=", min_size=1, max_size=40), st.text("klmn ", max_size=20), st.text("klmn ", max_size=20))
def test_redactor_keeps_surrounding_text(secret: str, before: str, after: str) -> None:
    assert SecretRedactor(secret).redact(before + secret + after) == before + MASK + after


@given(st.text("KLMN/+=", min_size=MIN_FRAGMENT, max_size=40), st.data())
def test_redactor_masks_any_fragment(secret: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(secret) - MIN_FRAGMENT))
    end = data.draw(st.integers(start + MIN_FRAGMENT, len(secret)))
    assert SecretRedactor(secret).redact(f"a {secret[start:end]} b") == f"a {MASK} b"


@pytest.fixture
def debug_log(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "urllib3")
    return caplog


def get(reply: Reply) -> None:
    with FaultServer(reply) as server, open_session(server.url) as session, deadline(10):
        path = encode_path(server.url + "/big.png?X-Signature=(hush)'hush&more=hush")
        session.request_once("GET", path, {}).drain_conn()


def test_urllib3_log_has_no_query(debug_log: pytest.LogCaptureFixture) -> None:
    get(answer(200, b"ok"))
    assert '"GET /big.png?… HTTP/1.1" 200 2' in debug_log.text
    assert "hush" not in debug_log.text


def test_urllib3_log_has_no_malformed_headers(debug_log: pytest.LogCaptureFixture) -> None:
    get(MALFORMED)
    assert "Failed to parse headers" in debug_log.text
    assert "hush" not in debug_log.text
    assert "Traceback" not in debug_log.text


def test_http_debug_flag_prints_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    get(answer(200, b"ok"))
    printed = capsys.readouterr().out
    assert "send:" not in printed
    assert "header:" not in printed


def test_logs_of_other_requests_are_unchanged(
    monkeypatch: pytest.MonkeyPatch, debug_log: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(http.client.HTTPConnection, "debuglevel", 1)
    for reply in (answer(200, b"ok"), MALFORMED):
        with FaultServer(reply) as server:
            requests.get(server.url + "/?theirs=1", timeout=10)
    assert '"GET /?theirs=1 HTTP/1.1" 200 2' in debug_log.text
    assert "hush-hush-1" in debug_log.text
    assert "send: b'GET /?theirs=1 HTTP/1.1" in capsys.readouterr().out
