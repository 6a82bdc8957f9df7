"""Services that tell what they were sent: the header, the secret, whole or in part, wherever there is room."""

from __future__ import annotations

import html
import json
from collections.abc import Callable, Mapping
from typing import TypeAlias
from urllib.parse import quote

from tests.support.fault_server import Connection, Reply, Step, close
from tests.support.leaks import APP_KEY, SECRET, TOKEN

ECHOES: Mapping[str, str] = {
    "the header": f"Basic {TOKEN}",
    "its Base64": TOKEN,
    "its Base64 without padding": TOKEN.rstrip("="),
    "its Base64, cut off": TOKEN[:-9],
    "the pair": f"{APP_KEY}:{SECRET}",
    "the secret": SECRET,
    "the secret in a sentence": f"The master secret '{SECRET}' is wrong",
    "the secret far on": "x" * 190 + SECRET,
    "the secret, cut off": SECRET[:-7],
    "the secret, its start missing": SECRET[5:],
    "the secret in JSON": json.dumps(SECRET),
    "the secret in JSON with slashes escaped": json.dumps(SECRET).replace("/", r"\/"),
    "the secret in a URL": quote(SECRET, safe=""),
    "the secret in HTML": html.escape(SECRET),
}

Place: TypeAlias = Callable[[bytes], bytes]


def _answer(status: str, body: bytes, *headers: bytes) -> bytes:
    lines = [f"HTTP/1.1 {status}".encode(), b"Content-Length: %d" % len(body), *headers]
    return b"\r\n".join(lines) + b"\r\n\r\n" + body


def _json(status: str, **body: object) -> bytes:
    return _answer(status, json.dumps(body).encode())


def _said(echo: bytes) -> str:
    return echo.decode()


PLACES: Mapping[str, Place] = {
    "a refusal": lambda echo: _json("400 No", error={"code": 21003, "message": _said(echo)}),
    "a refusal inside a success": lambda echo: _json("200 OK", error={"code": 51, "message": _said(echo)}),
    "a refusal of the account": lambda echo: _json("401 No", error={"code": 23001, "message": _said(echo)}),
    "a failure": lambda echo: _json("500 No", error={"code": 23100, "message": _said(echo)}),
    "a bare error": lambda echo: _json("400 No", error=_said(echo)),
    "a cid that was used": lambda echo: _json("400 No", error={"code": 21003, "message": "cid used: " + _said(echo)}),
    "a code": lambda echo: _json("400 No", error={"code": _said(echo), "message": "no"}),
    "an id": lambda echo: _json("200 OK", big_picture_id=_said(echo), small_picture_id=_said(echo), msg_id=_said(echo)),
    "a key": lambda echo: _json("200 OK", error={_said(echo): 1}),
    "a list": lambda echo: _answer("200 OK", json.dumps([_said(echo)]).encode()),
    "HTML": lambda echo: _answer("200 OK", b"<p>" + echo),
    "HTML of a proxy": lambda echo: _answer("502 Bad Gateway", b"<p>" + echo),
    "text after bytes that are no UTF-8": lambda echo: _answer("200 OK", b"\xff\xfe" + echo + b"\xff"),
    "JSON that is cut off": lambda echo: _answer("200 OK", json.dumps({"m": _said(echo)}).encode()[:-3]),
    "a body that is cut off": lambda echo: _answer("200 OK", echo).replace(b"Length: ", b"Length: 9"),
    "a long body": lambda echo: _answer("200 OK", echo + b" " * 70_000),
    "the words beside the status": lambda echo: _answer("500 " + _said(echo).replace("é", "e"), b""),
    "a redirect": lambda echo: _answer("302 Found", b"", b"Location: https://elsewhere.example/?" + echo),
    "a header": lambda echo: _answer("400 No", b"", b"X-Received: " + echo),
    "Retry-After": lambda echo: _answer("429 No", b"", b"Retry-After: " + echo),
    "Content-Encoding": lambda echo: _answer("200 OK", b"{}", b"Content-Encoding: " + echo),
    "Content-Length": lambda echo: b"HTTP/1.1 200 OK\r\nContent-Length: " + echo + b"\r\n\r\n{}",
    "Transfer-Encoding": lambda echo: b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + echo + b"\r\n{}\r\n",
    "a header without a colon": lambda echo: b"HTTP/1.1 400 No\r\n" + echo + b"\r\nX: y\r\n\r\n{}",
    "a header that goes on": lambda echo: b"HTTP/1.1 400 No\r\n " + echo + b"\r\nX: y\r\n\r\n{}",
    "a cookie": lambda echo: _answer("400 No", b"", b"Set-Cookie: a=" + echo),
    "no HTTP": lambda echo: echo + b"\r\n\r\n",
    "another version of HTTP": lambda echo: b"HTTP/" + echo + b" 200 OK\r\n\r\n",
}


def tell(place: str, echo: str) -> Reply:
    """Return the reply that tells one of `ECHOES` at one of `PLACES`."""
    return [_send(PLACES[place](ECHOES[echo].encode())), close]


def _send(data: bytes) -> Step:
    def step(line: Connection) -> None:
        line.send(data)

    return step
