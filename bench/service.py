"""A small stub of the service in a process of its own: it answers uploads after a latency, and counts them.

    with Service(limit=500) as service:
        ...  # upload to service.url
        print(service.counts().busiest)

It does not check pictures and reads little of a request, so that it does not slow the client down.

usage: python -m bench.service [--latency SECONDS] [--limit NUMBER] [--journal FILE]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import time
from collections import Counter, deque
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Final

from bench.http_protocol import Connection, Server, header, response, serve

LATENCY_S: Final = 0.020
PRIORITY: Final = -15
TICK_S: Final = 0.005
WINDOW_S: Final = 1.0

IMAGE_PATH: Final = "/v4/image/oppo"
REFUSAL: Final = b'{"error": {"code": 23008, "message": "More than the limit of requests a second for this AppKey"}}'


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
    """All that arrived.

    :param limit: accepted requests per second; None for no limit. A refused request does not count, as in the sandbox.
    :param journal: gets a line for each accepted upload: the time in seconds, the picture id, and the body.
    """

    def __init__(self, limit: int | None = None, journal: IO[bytes] | None = None) -> None:
        self._journal = journal
        self._limit = limit
        self._arrived, self._accepted = SlidingWindow(), SlidingWindow()
        self._pictures: set[bytes] = set()
        self._agents: Counter[bytes] = Counter()
        self._first = self._last = 0.0
        self._refused = 0
        self._late = 0.0

    def upload(self, head: bytes, body: bytes, now: float) -> bytes:
        """Count an upload, and return the response."""
        self._first = self._first or now
        self._last = now
        self._agents[header(head, b"user-agent")] += 1
        self._arrived.add(now)
        if self._limit is not None and self._accepted.count(now) >= self._limit:
            self._refused += 1
            return _json(b"400 Bad Request", REFUSAL)
        self._accepted.add(now)
        self._pictures.add(body)
        picture_id = b"3653918_%024x" % len(self._pictures)
        if self._journal:
            self._journal.write(b"%.4f %s %s\n" % (now, picture_id, body))
        kind = b"small" if b"small_picture_url" in body else b"big"
        return _json(b"200 OK", b'{"%s_picture_id": "%s"}' % (kind, picture_id))

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


class ServiceConnection(Connection):
    """A connection to the stub."""

    def __init__(self, ledger: Ledger, latency: float) -> None:
        super().__init__()
        self._ledger = ledger
        self._latency = latency

    def answer(self, head: bytes, body: bytes) -> None:
        if head.startswith(b"GET /counts"):
            self.transport.write(_json(b"200 OK", json.dumps(asdict(self._ledger.counts())).encode()))
            return
        answer = self._ledger.upload(head, body, time.monotonic())
        close = header(head, b"connection") == b"close"
        asyncio.get_running_loop().call_later(self._latency, self._send, answer, close)

    def _send(self, answer: bytes, close: bool) -> None:
        self.transport.write(answer)
        if close:
            self.transport.close()


def _json(status: bytes, body: bytes) -> bytes:
    return response(status, body, b"Content-Type: application/json\r\n")


class Service(Server):
    """The stub; see `Ledger` for the limit and the journal."""

    module = "service"

    def __init__(self, *, latency: float = LATENCY_S, limit: int | None = None, journal: Path | None = None) -> None:
        options = {"--latency": latency, "--limit": limit, "--journal": journal}
        super().__init__(*(part for item in options.items() if item[1] is not None for part in item))

    def counts(self) -> Counts:
        return Counts(**self.get_counts())


async def run(latency: float, limit: int | None, journal: IO[bytes] | None) -> None:
    with contextlib.suppress(PermissionError):
        # The real service has its own machines: other processes here must not delay the stub.
        os.setpriority(os.PRIO_PROCESS, 0, PRIORITY)
    ledger = Ledger(limit, journal)
    async with asyncio.TaskGroup() as group:
        group.create_task(ledger.measure_lateness())
        group.create_task(serve(lambda: ServiceConnection(ledger, latency)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=LATENCY_S, help="seconds before each answer")
    parser.add_argument("--limit", type=int, help="accepted requests per second")
    parser.add_argument("--journal", type=Path, help="gets a line for each accepted upload")
    options = parser.parse_args()
    with options.journal.open("wb", buffering=0) if options.journal else contextlib.nullcontext() as journal:
        asyncio.run(run(options.latency, options.limit, journal))


if __name__ == "__main__":
    main()
