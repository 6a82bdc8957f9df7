"""Replies of a service that repeats the credentials, complete or in part, in any part of its response."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import quote

from tests.support.fault_server import Reply, close, send
from tests.support.leaks import APP_KEY, SECRET, TOKEN

CREDENTIAL_FORMS: Mapping[str, str] = {
    "the header": f"Basic {TOKEN}",
    "its Base64": TOKEN,
    "its Base64 without padding": TOKEN.rstrip("="),
    "its Base64, cut off": TOKEN[:-9],
    "the pair": f"{APP_KEY}:{SECRET}",
    "the secret": SECRET,
    "the secret in a sentence": f"The master secret '{SECRET}' is wrong",
    "the secret after 190 characters": "x" * 190 + SECRET,
    "the secret, cut off": SECRET[:-7],
    "the secret, its start missing": SECRET[5:],
    "the secret in JSON": json.dumps(SECRET),
    "the secret in JSON with slashes escaped": json.dumps(SECRET).replace("/", r"\/"),
    "the secret in a URL": quote(SECRET, safe=""),
    "the secret in HTML": html.escape(SECRET),
    "the secret in Base64": base64.b64encode(SECRET.encode()).decode(),
    "the secret in hex": SECRET.encode().hex(),
    "the secret in u escapes": "".join(f"\\u{ord(character):04x}" for character in SECRET),
    "the secret in HTML references": "".join(f"&#x{ord(character):x};" for character in SECRET),
    "the secret in a URL in a URL": quote(quote(SECRET, safe=""), safe=""),
}

ResponseBuilder: TypeAlias = Callable[[bytes], bytes]


def _response(status: str, body: bytes, *headers: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status}".encode(), b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _json(status: str, **body: object) -> bytes:
    return _response(status, json.dumps(body).encode())


def _error(status: str, code: object, message: str) -> bytes:
    return _json(status, error={"code": code, "message": message})


RESPONSE_PARTS: Mapping[str, ResponseBuilder] = {
    "a refusal": lambda echo: _error("400 No", 21003, echo.decode()),
    "a refusal inside a success": lambda echo: _error("200 OK", 51, echo.decode()),
    "a refusal of the account": lambda echo: _error("401 No", 23001, echo.decode()),
    "a failure": lambda echo: _error("500 No", 23100, echo.decode()),
    "a bare error": lambda echo: _json("400 No", error=echo.decode()),
    "a cid that was used": lambda echo: _error("400 No", 21003, "cid used: " + echo.decode()),
    "a code": lambda echo: _error("400 No", echo.decode(), "no"),
    "an id": lambda echo: _json(
        "200 OK", **dict.fromkeys(("big_picture_id", "small_picture_id", "msg_id"), echo.decode())
    ),
    "a key": lambda echo: _json("200 OK", error={echo.decode(): 1}),
    "a list": lambda echo: _response("200 OK", json.dumps([echo.decode()]).encode()),
    "HTML": lambda echo: _response("200 OK", b"<p>" + echo),
    "HTML of a proxy": lambda echo: _response("502 Bad Gateway", b"<p>" + echo),
    "text after invalid UTF-8": lambda echo: _response("200 OK", b"\xff\xfe" + echo + b"\xff"),
    "JSON that is cut off": lambda echo: _response("200 OK", json.dumps({"m": echo.decode()}).encode()[:-3]),
    "a body that is cut off": lambda echo: _response("200 OK", echo).replace(b"Length: ", b"Length: 9"),
    "a long body": lambda echo: _response("200 OK", echo + b" " * 70_000),
    "the reason phrase": lambda echo: _response("500 " + echo.decode().replace("é", "e"), b""),
    "a redirect": lambda echo: _response("302 Found", b"", b"Location: https://elsewhere.example/?" + echo),
    "a header": lambda echo: _response("400 No", b"", b"X-Received: " + echo),
    "Retry-After": lambda echo: _response("429 No", b"", b"Retry-After: " + echo),
    "Content-Encoding": lambda echo: _response("200 OK", b"{}", b"Content-Encoding: " + echo),
    "Content-Length": lambda echo: b"HTTP/1.1 200 OK\r\nContent-Length: " + echo + b"\r\n\r\n{}",
    "Transfer-Encoding": lambda echo: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + echo + b"\r\n{}\r\n",
    "a header without a colon": lambda echo: b"HTTP/1.1 400 No\r\n" + echo + b"\r\nX: y\r\n\r\n{}",
    "a folded header": lambda echo: b"HTTP/1.1 400 No\r\n " + echo + b"\r\nX: y\r\n\r\n{}",
    "a cookie": lambda echo: _response("400 No", b"", b"Set-Cookie: a=" + echo),
    "not HTTP": lambda echo: echo + b"\r\n\r\n",
    "another version of HTTP": lambda echo: b"HTTP/" + echo + b" 200 OK\r\n\r\n",
}


def echo_reply(part: str, form: str) -> Reply:
    """Return the reply that repeats one of `CREDENTIAL_FORMS` in one of `RESPONSE_PARTS`."""
    return [send(RESPONSE_PARTS[part](CREDENTIAL_FORMS[form].encode())), close]
