"""HTTP servers of the benchmarks, each in a process of its own: a stub of the service, and hosts of pictures.

    with Service(limit=500) as service:
        ...  # upload to service.url
        print(service.counts().busiest)

They read little of a request, so that they do not slow the client down.

usage: python -m bench.servers service|pictures|wrong-pictures OPTIONS    OPTIONS are a JSON object; prints the URL
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import random
import socket
import ssl
import struct
import subprocess
import sys
import time
import urllib.request
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Final, Self, TypeAlias, cast

import trustme
from PIL import Image

from scripts.checkout import ROOT

IMAGE_PATH: Final = "/v4/image/oppo"
LATENCY_S: Final = 0.020
TICK_S: Final = 0.005
WINDOW_S: Final = 1.0
REFUSAL: Final = b'{"error": {"code": 23008, "message": "More than the limit of requests a second for this AppKey"}}'

PICTURE_SIZE: Final = (984, 369)
PICTURE_BYTES: Final = 200_000
PICTURES: Final = 8
WRONG_SIZES: Final = {"wrong-size": (2000, 750), "too-large": PICTURE_SIZE}
BYTES_SENT_OFFSET: Final = 200
"""The offset of the number of sent bytes in Linux's struct tcp_info, since 4.19."""

_ETAG: Final = b'ETag: "0123456789abcdef"\r\n'
_JPEG: Final = b"Content-Type: image/jpeg\r\n"
_HEAD_END: Final = b"\r\n\r\n"

Answer: TypeAlias = Callable[[bytes, bytes], bytes]
"""Returns the response to a request's head and body."""


class Server:
    """A server that runs until the end of the block."""

    def __init__(self, name: str, **options: object) -> None:
        self._command = [sys.executable, "-m", "bench.servers", name, json.dumps(options)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.url = self._read_line()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def _read_line(self) -> str:
        return next(iter(self._process.stdout or ()), "").strip()

    def _read_counts(self) -> Any:
        with urllib.request.urlopen(f"{self.url}/counts", timeout=30) as answer:  # noqa: S310  # plain http on loopback
            return json.load(answer)


class Service(Server):
    """The stub of the service: it answers uploads after `latency` seconds; see `Ledger` for the limit and journal."""

    def __init__(self, *, latency: float = LATENCY_S, limit: int | None = None, journal: Path | None = None) -> None:
        super().__init__("service", latency=latency, limit=limit, journal=journal and str(journal))

    def counts(self) -> Counts:
        return Counts(**self._read_counts())


class PictureHost(Server):
    """A host of JPEGs of about 200 KB: /pictures/1.jpg, /absent/1.jpg, /etag/1.jpg, /wrong/1.jpg, /wrong-etag/1.jpg.

    It waits `latency` seconds before each answer.
    """

    def __init__(self, latency: float = 0.0) -> None:
        super().__init__("pictures", latency=latency)

    def answers(self) -> int:
        """Return how many requests for pictures were answered."""
        return int(self._read_counts())


class WrongPictures(Server):
    """A host over https that says how many bytes each connection sent; its CA file is `certificate`."""

    def __init__(self, folder: Path) -> None:
        super().__init__("wrong-pictures", folder=str(folder))
        self.certificate = folder / "ca.pem"

    def sent(self) -> int:
        """Return the number of bytes that the next connection sent, TLS included, after it has ended."""
        return int(self._read_line())


class Connection(asyncio.Protocol):
    """A kept-alive connection, on which each complete request is answered after `latency` seconds."""

    def __init__(self, answer: Answer, latency: float) -> None:
        self._answer, self._latency = answer, latency
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while _HEAD_END in self._received:
            head, _, rest = self._received.partition(_HEAD_END)
            length = int(header(head, b"content-length") or 0)
            if len(rest) < length:
                return
            body, self._received = rest[:length], rest[length:]
            latency = 0 if head.startswith(b"GET /counts") else self._latency
            close = header(head, b"connection") == b"close"
            asyncio.get_running_loop().call_later(latency, self._send, self._answer(head, body), close)

    def _send(self, answer: bytes, close: bool) -> None:
        self._transport.write(answer)
        if close:
            self._transport.close()


def header(head: bytes, name: bytes) -> bytes:
    """Return the value of a header; b"" if it is missing. The name is in lower case."""
    _, found, rest = head.lower().partition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip() if found else b""


def response(status: bytes, body: bytes, headers: bytes = b"Content-Type: application/json\r\n") -> bytes:
    """Return a response; each of the headers ends with CRLF."""
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d" % (status, headers, len(body)) + _HEAD_END + body


async def serve(answer: Answer, latency: float) -> None:
    """Serve on a free port of loopback, and print the URL."""
    connect, address = (lambda: Connection(answer, latency)), ("127.0.0.1", 0)
    server = await asyncio.get_running_loop().create_server(connect, *address, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


@dataclass
class Counts:
    """The requests that the service received.

    :param unique: how many different pictures were uploaded.
    :param busiest: the arrivals in the busiest second, wherever it begins.
    :param seconds: from the first arrival to the last.
    :param late_ms: the largest delay of the stub's own timer; if it is large, the machine was busy.
    """

    arrivals: int = 0
    refused: int = 0
    unique: int = 0
    busiest: int = 0
    seconds: float = 0.0
    by_user_agent: dict[str, int] = field(default_factory=dict)
    late_ms: float = 0.0


class SlidingWindow:
    """Counts events in the last second."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self.busiest = 0

    def count(self, now: float) -> int:
        while self._times and self._times[0] <= now - WINDOW_S:
            self._times.popleft()
        return len(self._times)

    def add(self, now: float) -> None:
        self._times.append(now)
        self.busiest = max(self.busiest, self.count(now))


class Ledger:
    """All that arrived at the service.

    :param limit: accepted requests per second; None for no limit. A refused request does not count, as in the sandbox.
    :param journal: gets a line for each accepted upload: the time in seconds, the picture id, and the body.
    """

    def __init__(self, limit: int | None = None, journal: IO[bytes] | None = None) -> None:
        self._limit, self._journal = limit, journal
        self._arrived, self._accepted = SlidingWindow(), SlidingWindow()
        self._pictures: set[bytes] = set()
        self._agents: Counter[bytes] = Counter()
        self._first = self._last = self._late = 0.0
        self._refused = 0

    def answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"GET /counts"):
            return response(b"200 OK", json.dumps(asdict(self.counts())).encode())
        return self.upload(head, body, time.monotonic())

    def upload(self, head: bytes, body: bytes, now: float) -> bytes:
        """Count an upload, and return the response."""
        self._first, self._last = self._first or now, now
        self._agents[header(head, b"user-agent")] += 1
        self._arrived.add(now)
        if self._limit is not None and self._accepted.count(now) >= self._limit:
            self._refused += 1
            return response(b"400 Bad Request", REFUSAL)
        self._accepted.add(now)
        self._pictures.add(body)
        picture_id = b"3653918_%024x" % len(self._pictures)
        if self._journal:
            self._journal.write(b"%.4f %s %s\n" % (now, picture_id, body))
        kind = b"small" if b"small_picture_url" in body else b"big"
        return response(b"200 OK", b'{"%s_picture_id": "%s"}' % (kind, picture_id))

    async def measure_lateness(self) -> None:
        """Measure how late a timer of this process is, until the process ends."""
        while True:
            due = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            self._late = max(self._late, time.monotonic() - due)

    def counts(self) -> Counts:
        return Counts(
            arrivals=self._agents.total(),
            refused=self._refused,
            unique=len(self._pictures),
            busiest=self._arrived.busiest,
            seconds=self._last - self._first,
            by_user_agent={name.decode(errors="replace"): count for name, count in self._agents.items()},
            late_ms=round(1000 * self._late, 1),
        )


async def serve_uploads(latency: float, limit: int | None, journal: str | None) -> None:
    with contextlib.suppress(PermissionError):
        # The real service has its own machines: other processes here must not delay the stub.
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    with Path(journal).open("wb", buffering=0) if journal else contextlib.nullcontext() as file:
        ledger = Ledger(limit, file)
        await asyncio.gather(ledger.measure_lateness(), serve(ledger.answer, latency))


class Pictures:
    """The answers of the picture host, by the first part of the path."""

    def __init__(self) -> None:
        self._answered = 0
        good = [picture(seed) for seed in range(PICTURES)]
        wrong = jpeg(Image.effect_noise((876, 324), 60).convert("RGB"), 95)
        self._pictures = [response(b"200 OK", body, _JPEG) for body in good]
        self._answers = {
            b"absent": response(b"404 Not Found", b"<html><h1>404 Not Found</h1></html>", b""),
            b"etag": response(b"200 OK", good[0], _JPEG + _ETAG),
            b"wrong": response(b"200 OK", wrong, _JPEG),
            b"wrong-etag": response(b"200 OK", wrong, _JPEG + _ETAG),
        }

    def answer(self, head: bytes, _: bytes) -> bytes:
        """Return the answer to a request, and count it."""
        kind = head.split(b"/", 2)[1].partition(b" ")[0]
        if kind == b"counts":
            return response(b"200 OK", str(self._answered).encode())
        self._answered += 1
        if kind == b"pictures":
            return self._pictures[hash(head.partition(b"\r\n")[0]) % PICTURES]
        if kind.endswith(b"etag") and b"If-None-Match" in head:
            return b"HTTP/1.1 304 Not Modified\r\n" + _ETAG + b"\r\n"
        return self._answers[kind]


def picture(seed: int) -> bytes:
    """Return a JPEG of 984 x 369 px and about 200 KB: shapes with noise, like a photo."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    shapes = (Image.radial_gradient("L").rotate(chance.random() * 360).resize(PICTURE_SIZE) for _ in range(3))
    image = Image.merge("RGB", [Image.blend(one, Image.effect_noise(PICTURE_SIZE, 60), 0.45) for one in shapes])
    files = (jpeg(image, quality) for quality in range(98, 40, -2))
    return next(file for file in files if len(file) <= PICTURE_BYTES)


def jpeg(image: Image.Image, quality: int) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=quality)
    return file.getvalue()


def wrong_picture(what: str, size: int, file_format: str) -> bytes:
    """Return a wrong picture of exactly `size` bytes: noise, then zeros."""
    width, height = WRONG_SIZES[what]
    noise = random.Random(size).randbytes(width * height * 3)  # noqa: S311  # no secret
    file = io.BytesIO()
    Image.frombytes("RGB", (width, height), noise).save(file, file_format)
    return file.getvalue()[:size].ljust(size, b"\0")


def serve_wrong_pictures(folder: str) -> None:
    """Serve over https, one connection after the other, and print the URL and the bytes of each connection."""
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(Path(folder, "ca.pem"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"https://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            connection, _ = listener.accept()
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                what, size, file_format = secured.recv(65_536).split(b" ")[1].decode().strip("/").split("/")
                with contextlib.suppress(OSError):
                    body = wrong_picture(what, int(size), file_format)
                    secured.sendall(response(b"200 OK", body, b"Connection: close\r\n"))
                    secured.recv(1)
                info = secured.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_SENT_OFFSET + 8)
                print(struct.unpack_from("Q", info, BYTES_SENT_OFFSET)[0], flush=True)


def main(name: str, options: str) -> None:
    match name:
        case "service":
            asyncio.run(serve_uploads(**json.loads(options)))
        case "pictures":
            asyncio.run(serve(Pictures().answer, **json.loads(options)))
        case _:
            serve_wrong_pictures(**json.loads(options))


if __name__ == "__main__":
    main(*sys.argv[1:])
