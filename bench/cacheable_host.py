"""A picture host with pictures that are absent, marked with an ETag or not marked, in a process of its own.

    with Shelf() as shelf:
        ...  # look at f"{shelf.url}/absent/1.jpg", /marked/1.jpg, /plain/1.jpg, /wrong/1.jpg, /wrong-plain/1.jpg
        print(shelf.answers())

usage: python -m bench.cacheable_host [--latency SECONDS]
"""

from __future__ import annotations

import argparse
import asyncio
import io
import json
import urllib.request
from typing import Final

from PIL import Image

from bench.http_protocol import HEAD_END, Requests
from bench.picture_host import picture
from bench.processes import Server

LATENCY_S: Final = 0.020
ETAG: Final = b'ETag: "0123456789abcdef"\r\n'
PAGE: Final = b"<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>"


class Shelf(Server):
    """The host, while the block runs.

    :param latency: seconds before each answer.
    """

    module = "cacheable_host"

    def __init__(self, latency: float = LATENCY_S) -> None:
        super().__init__("--latency", latency)

    def answers(self) -> int:
        """Return how many requests for pictures were answered."""
        with urllib.request.urlopen(f"{self.url}/counts", timeout=30) as answer:  # noqa: S310  # http, by ourselves
            return int(json.load(answer))


class Connection(Requests):
    """One connection, which may be used for many requests."""

    answered = 0

    def __init__(self, answers: dict[bytes, bytes], latency: float) -> None:
        super().__init__()
        self._answers = answers
        self._latency = latency

    def take(self, head: bytes, body: bytes) -> None:
        """Answer with what lies at that path, or that it has not changed."""
        kind = head.split(b"/", 2)[1].partition(b" ")[0]
        if kind == b"counts":
            self.transport.write(_answer(b"200 OK", str(Connection.answered).encode()))
            return
        Connection.answered += 1
        answer = self._answers[kind]
        if ETAG in answer and b"If-None-Match" in head:
            answer = b"HTTP/1.1 304 Not Modified\r\n" + ETAG + b"\r\n"
        asyncio.get_running_loop().call_later(self._latency, self.transport.write, answer)


def _answer(status: bytes, body: bytes, headers: bytes = b"") -> bytes:
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d" % (status, headers, len(body)) + HEAD_END + body


async def serve(latency: float) -> None:
    """Serve on a free port of loopback, and print its URL."""
    good, wrong = picture(0), io.BytesIO()
    Image.effect_noise((876, 324), 60).convert("RGB").save(wrong, "JPEG", quality=95)
    answers = {
        b"absent": _answer(b"404 Not Found", PAGE),
        b"marked": _answer(b"200 OK", good, ETAG),
        b"plain": _answer(b"200 OK", good),
        b"wrong": _answer(b"200 OK", wrong.getvalue(), ETAG),
        b"wrong-plain": _answer(b"200 OK", wrong.getvalue()),
    }
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answers, latency), "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=LATENCY_S, help="seconds before each answer")
    asyncio.run(serve(parser.parse_args().latency))
