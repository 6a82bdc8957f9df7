"""A lean stub of the service, in a process of its own: it answers uploads after a while, and counts them.

    with Service(limit=500) as service:
        ...  # upload to service.url
        print(service.counts().busiest)

It judges no picture and reads no more of a request than it must, so that it is not what holds the client. Whoever wants
to see what the service says of a picture takes the sandbox.

usage: python -m bench.service [--latency SECONDS] [--limit NUMBER] [--journal FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import time
import urllib.request
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Final

from bench.http_protocol import HEAD_END, Requests, header
from bench.processes import Server

LATENCY_S: Final = 0.020
"""How long the service thinks before it answers, in seconds."""

PRIORITY: Final = -15
"""The priority of the stub's process, where it may have one."""

TICK_S: Final = 0.005

WINDOW_S: Final = 1.0
"""The service counts the requests of a second."""

IMAGE_PATH: Final = "/v4/image/oppo"
COUNTS_PATH: Final = "/counts"
REFUSAL: Final = b'{"error": {"code": 23008, "message": "More than the limit of requests a second for this AppKey"}}'


@dataclass
class Counts:
    """What arrived.

    :param arrivals: how many uploads.
    :param refused: how many of them were refused, since they were too many in a second.
    :param unique: how many different pictures were uploaded.
    :param busiest: how many arrived in the busiest second, wherever it begins.
    :param seconds: from the first arrival to the last.
    :param by_user_agent: the arrivals by the User-Agent header.
    :param late_ms: how late the stub itself was at most, in milliseconds: what arrived meanwhile was counted too late,
        and together. More than a few say that the machine had something else to do.
    """

    arrivals: int = 0
    refused: int = 0
    unique: int = 0
    busiest: int = 0
    seconds: float = 0.0
    by_user_agent: dict[str, int] = field(default_factory=dict)
    late_ms: float = 0.0


class SlidingWindow:
    """Counts what there was in the last second."""

    def __init__(self) -> None:
        self._times: deque[float] = deque()
        self.busiest = 0

    def count(self, now: float) -> int:
        """Return how many there were in the second that ends now.

        :param now: seconds, from a clock that never goes back.
        """
        while self._times and self._times[0] <= now - WINDOW_S:
            self._times.popleft()
        return len(self._times)

    def add(self, now: float) -> None:
        """Count one more."""
        self._times.append(now)
        self.busiest = max(self.busiest, self.count(now))


class Ledger:
    """All that arrived.

    :param limit: how many requests a second are taken; None for any. As in the sandbox, what is refused takes no place
        in the second.
    :param journal: gets a line for each upload that was taken: when, in seconds, the picture's id, and the body.
    """

    def __init__(self, limit: int | None = None, journal: IO[bytes] | None = None) -> None:
        self._journal = journal
        self._limit = limit
        self._arrived = SlidingWindow()
        self._taken = SlidingWindow()
        self._pictures: set[bytes] = set()
        self._agents: Counter[bytes] = Counter()
        self._first = self._last = 0.0
        self._refused = 0
        self._late = 0.0

    def upload(self, head: bytes, body: bytes, now: float) -> bytes:
        """Count an upload, and return the answer to it."""
        self._first = self._first or now
        self._last = now
        self._agents[header(head, b"user-agent")] += 1
        self._arrived.add(now)
        if self._limit is not None and self._taken.count(now) >= self._limit:
            self._refused += 1
            return _answer(b"400 Bad Request", REFUSAL)
        self._taken.add(now)
        self._pictures.add(body)
        picture_id = b"3653918_%024x" % len(self._pictures)
        if self._journal:
            self._journal.write(b"%.4f %s %s\n" % (now, picture_id, body))
        kind = b"small" if b"small_picture_url" in body else b"big"
        return _answer(b"200 OK", b'{"%s_picture_id": "%s"}' % (kind, picture_id))

    async def watch(self) -> None:
        """Look how late this process is, as long as it runs."""
        while True:
            due = time.monotonic() + TICK_S
            await asyncio.sleep(TICK_S)
            self._late = max(self._late, time.monotonic() - due)

    def counts(self) -> Counts:
        """Return what was counted so far."""
        return Counts(
            arrivals=self._agents.total(),
            refused=self._refused,
            unique=len(self._pictures),
            busiest=self._arrived.busiest,
            seconds=self._last - self._first,
            by_user_agent={name.decode(errors="replace"): count for name, count in self._agents.items()},
            late_ms=round(1000 * self._late, 1),
        )


class Connection(Requests):
    """One connection, which may be used for many requests."""

    def __init__(self, ledger: Ledger, latency: float) -> None:
        super().__init__()
        self._ledger = ledger
        self._latency = latency
        self._loop = asyncio.get_running_loop()

    def take(self, head: bytes, body: bytes) -> None:
        """Answer a request: an upload later, as a line would."""
        if head.startswith(b"GET " + COUNTS_PATH.encode()):
            self.transport.write(_answer(b"200 OK", json.dumps(asdict(self._ledger.counts())).encode()))
        else:
            answer = self._ledger.upload(head, body, time.monotonic())
            last = header(head, b"connection") == b"close"
            self._loop.call_later(self._latency, self._answer, answer, last)

    def _answer(self, answer: bytes, last: bool) -> None:
        self.transport.write(answer)
        if last:
            self.transport.close()


def _answer(status: bytes, body: bytes) -> bytes:
    head = b"HTTP/1.1 %s\r\nContent-Type: application/json\r\nContent-Length: %d" % (status, len(body))
    return head + HEAD_END + body


class Service(Server):
    """The stub, while the block runs.

    :param latency: seconds before each answer.
    :param limit: how many requests a second are taken; None for any.
    :param journal: a file that gets a line for each upload that was taken: when, the picture's id, and the body.
    """

    module = "service"

    def __init__(self, *, latency: float = LATENCY_S, limit: int | None = None, journal: Path | None = None) -> None:
        options = {"--limit": limit, "--journal": journal}
        given = [word for option, value in options.items() if value is not None for word in (option, value)]
        super().__init__("--latency", latency, *given)

    def counts(self) -> Counts:
        """Return what arrived so far."""
        with urllib.request.urlopen(self.url + COUNTS_PATH, timeout=30) as answer:  # noqa: S310  # http, by ourselves
            return Counts(**json.load(answer))


async def serve(latency: float, limit: int | None, journal: IO[bytes] | None) -> None:
    """Serve on a free port of loopback, and print its URL."""
    with contextlib.suppress(PermissionError):
        # The real one has machines of its own: it counts an arrival when it arrives, whatever else runs here.
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    ledger = Ledger(limit, journal)
    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(ledger, latency), "127.0.0.1", 0, backlog=4096
    )
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    async with asyncio.TaskGroup() as group:
        group.create_task(ledger.watch())
        group.create_task(server.serve_forever())


def main() -> None:
    """Serve until ended."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=LATENCY_S, help="seconds before each answer")
    parser.add_argument("--limit", type=int, help="how many requests a second are taken")
    parser.add_argument("--journal", type=Path, help="gets a line for each upload that was taken")
    options = parser.parse_args()
    with options.journal.open("wb", buffering=0) if options.journal else contextlib.nullcontext() as journal:
        asyncio.run(serve(options.latency, options.limit, journal))


if __name__ == "__main__":
    main()
