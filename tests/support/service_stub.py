"""Stub of the service for benchmarks and for many uploads: it accepts so many a second, and writes a journal.

    with Service(limit=500) as service:
        ...  # upload to service.url
        print(service.counts().busiest)

It runs in a process of its own, and reads little of a request, so that it does not slow the client down.

usage: python -m tests.support.service_stub OPTIONS    OPTIONS are a JSON object; prints the URL
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
import urllib.request
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any, Final, Self, cast

from scripts.checkout import ROOT

IMAGE_PATH: Final = "/v4/image/oppo"
TICK_S: Final = 0.005
REFUSAL: Final = b'{"error": {"code": 23008, "message": "More than the limit of requests a second for this AppKey"}}'
_HEAD_END: Final = b"\r\n\r\n"
_RESET: Final = b"GET /reset "


def reset(url: str) -> Any:
    """Return the service's counts, and let it begin to count again."""
    with urllib.request.urlopen(f"{url}/reset", timeout=30) as answer:  # plain http on loopback
        return json.load(answer)


class Service:
    """The stub of the service, until the end of the block: it answers after `latency` seconds.

    It is also a host without pictures: it answers each other request with 404, as late. See `Ledger` for the rest.
    """

    def __init__(self, *, latency: float = 0.02, limit: int | None = None, journal: Path | None = None) -> None:
        options = {"latency": latency, "limit": limit, "journal": journal and str(journal)}
        self._command = [sys.executable, "-m", "tests.support.service_stub", json.dumps(options)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.url = next(iter(self._process.stdout or ()), "").strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def counts(self) -> Counts:
        """Return the counts, and begin to count again."""
        return Counts(**reset(self.url))


class Connection(asyncio.Protocol):
    """A kept-alive connection, on which each complete request is answered after `latency` seconds."""

    def __init__(self, answer: Callable[[bytes, bytes], bytes], latency: float) -> None:
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
            latency = 0 if head.startswith(_RESET) else self._latency
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


def response(status: bytes, body: bytes) -> bytes:
    return (
        b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d" % (status, len(body)) + _HEAD_END + body
    )


@dataclass
class Counts:
    """The requests that the service received.

    :param unique: how many of the accepted ones differ.
    :param busiest: the arrivals in the busiest second, wherever it begins.
    :param seconds: from the first arrival to the last.
    :param late_ms: the largest delay of the stub's own timer; if it is large, the machine was busy.
    """

    arrivals: int
    refused: int
    unique: int
    busiest: int
    seconds: float
    late_ms: float

    @property
    def rate(self) -> float:
        """Accepted requests per second."""
        return (self.arrivals - self.refused) / self.seconds

    @property
    def note(self) -> str:
        return f"as the service counts arrivals, its own timer at most {self.late_ms:.0f} ms late"


def in_last_second(times: Sequence[float], now: float) -> int:
    """Return how many of the ascending times are in the second before `now`, or are `now`."""
    return bisect_right(times, now) - bisect_right(times, now - 1.0)


class Ledger:
    """All that arrived at the service.

    :param limit: accepted requests per second; None for no limit. A refused request does not count, as in the sandbox.
    :param journal: gets a line for each accepted request: the time in seconds, the id, and the body.
    """

    def __init__(self, limit: int | None = None, journal: IO[bytes] | None = None) -> None:
        self._limit, self._journal = limit, journal
        self._reset()

    def _reset(self) -> None:
        self._arrived: list[float] = []
        self._accepted: list[float] = []
        self._bodies: set[bytes] = set()
        self._late = 0.0

    def answer(self, head: bytes, body: bytes) -> bytes:
        if head.startswith(b"POST"):
            return self.take(head, body, time.monotonic())
        if not head.startswith(_RESET):
            return response(b"404 Not Found", b"{}")
        counts = json.dumps(asdict(self.counts())).encode()
        self._reset()
        return response(b"200 OK", counts)

    def take(self, head: bytes, body: bytes, now: float) -> bytes:
        """Count an upload or a push, and return the response."""
        self._arrived.append(now)
        if self._limit is not None and in_last_second(self._accepted, now) >= self._limit:
            return response(b"400 Bad Request", REFUSAL)
        self._accepted.append(now)
        self._bodies.add(body)
        new_id = b"3653918_%024x" % len(self._bodies)
        if self._journal:
            self._journal.write(b"%.4f %s %s\n" % (now, new_id, body))
        key = b"msg_id" if b"/push" in head.partition(b"\r")[0] else b"big_picture_id"
        key = b"small_picture_id" if b"small_picture_url" in body else key
        return response(b"200 OK", b'{"%s": "%s"}' % (key, new_id))

    async def measure_lateness(self) -> None:
        """Measure how late a timer of this process is, until the process ends."""
        while True:
            due = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            self._late = max(self._late, time.monotonic() - due)

    def counts(self) -> Counts:
        return Counts(
            arrivals=len(self._arrived),
            refused=len(self._arrived) - len(self._accepted),
            unique=len(self._bodies),
            busiest=max((in_last_second(self._arrived, now) for now in self._arrived), default=0),
            seconds=self._arrived[-1] - self._arrived[0] if self._arrived else 0.0,
            late_ms=round(1000 * self._late, 1),
        )


async def serve_uploads(latency: float, limit: int | None, journal: str | None) -> None:
    """Serve on a free port of loopback, and print the URL."""
    with contextlib.suppress(PermissionError):
        # The real service has its own machines: other processes here must not delay the stub.
        os.setpriority(os.PRIO_PROCESS, 0, -15)
    with Path(journal).open("wb", buffering=0) if journal else contextlib.nullcontext() as file:
        ledger = Ledger(limit, file)
        connect, address = (lambda: Connection(ledger.answer, latency)), ("127.0.0.1", 0)
        server = await asyncio.get_running_loop().create_server(connect, *address, backlog=4096)
        sys.stdout.write(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}\n")
        sys.stdout.flush()
        await asyncio.gather(ledger.measure_lateness(), server.serve_forever())


if __name__ == "__main__":
    asyncio.run(serve_uploads(**json.loads(sys.argv[1])))
