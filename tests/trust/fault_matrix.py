"""Combinations of calls, faults and server setups, tried on real sockets."""

from __future__ import annotations

import contextlib
import ctypes
import datetime
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

import trustme

from airflow_provider_oppo_image.net.deadline import TransportOptions
from tests.support.fault_server import FaultServer, Reply
from tests.trust.calls import CALLS, Call, make_hook
from tests.trust.connection_faults import CONNECTION_FAULTS, READ_TIMEOUT_S, TOTAL_TIMEOUT_S
from tests.trust.fault_types import FaultCase, FaultContext, ServerSetup
from tests.trust.response_faults import RESPONSE_FAULTS

SHORT_TIMEOUTS: Final = TransportOptions(READ_TIMEOUT_S, READ_TIMEOUT_S, TOTAL_TIMEOUT_S)
LONG_TIMEOUTS: Final = TransportOptions(10, 10, 10)


@dataclass(frozen=True)
class Combination:
    call: Call
    fault: FaultCase
    setup: ServerSetup

    def __str__(self) -> str:
        return f"{self.call}: {self.fault}: {self.setup}"

    @property
    def timeouts(self) -> TransportOptions:
        return SHORT_TIMEOUTS if self.fault.wait_s else LONG_TIMEOUTS


COMBINATIONS: Final = tuple(
    Combination(call, fault, setup)
    for call in CALLS
    for fault in (*RESPONSE_FAULTS, *CONNECTION_FAULTS)
    for setup in fault.setups
)


@dataclass(frozen=True)
class Observation:
    """Observations of one call."""

    value: Any
    error: BaseException | None
    seconds: float
    received: int
    sent: int
    memory: int
    elsewhere: tuple[str | None, ...]


def try_once(at: Combination) -> tuple[Observation, Observation]:
    """Make a call without retries, and a second one with the same hook when the fault is over."""
    with _prepared_call(at, 0, at.call.good) as make:
        return make(), make()


def try_with_retries(at: Combination, budget: float, then: Reply | None = None) -> Observation:
    """Make a call with a retry budget in seconds; the second reply is good, or `then`."""
    with _prepared_call(at, budget, then or at.call.good) as make:
        return make()


@contextlib.contextmanager
def _prepared_call(at: Combination, budget: float, then: Reply) -> Iterator[Callable[[], Observation]]:
    with _server(at, then) as (server, elsewhere, url):
        hook = make_hook(url, at.timeouts, budget)

        def make() -> Observation:
            while at.fault.hangs_up and server.requests and server.connections:
                time.sleep(0.001)
            received, value, error = len(server.requests), None, None
            start = time.monotonic()
            with _memory(at.fault.heavy) as memory:
                try:
                    value = at.call.make(hook, url)
                except BaseException as raised:  # noqa: BLE001  # any error is compared
                    error = raised
            seconds = time.monotonic() - start
            headers = tuple(request.headers.get("authorization") for request in elsewhere.requests)
            return Observation(value, error, seconds, len(server.requests) - received, server.taken, memory(), headers)

        try:
            yield make
        finally:
            hook.get_conn().close()


@contextlib.contextmanager
def _memory(heavy: bool) -> Iterator[Callable[[], int]]:
    """Measure the growth of this process's resident memory. The server's part of it is small.

    tracemalloc is not used: it crashes if it is stopped while another thread decompresses without the GIL.
    """
    growth = 0
    if heavy:
        # Return freed memory to the kernel, so that its reuse is counted, and reset the peak.
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        before = _memory_bytes("VmRSS")
    try:
        yield lambda: growth
    finally:
        if heavy:
            growth = _memory_bytes("VmHWM") - before


def _memory_bytes(field: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(field))


@contextlib.contextmanager
def _server(at: Combination, then: Reply) -> Iterator[tuple[FaultServer, FaultServer, str]]:
    with FaultServer(at.call.good) as elsewhere:
        reply = at.fault.reply(FaultContext(at.call, elsewhere.url))
        with FaultServer(*[reply] * at.fault.received, then, greeting=at.fault.greeting, tls=_tls(at)) as server:
            yield server, elsewhere, _url(at.setup, server)


def _url(setup: ServerSetup, server: FaultServer) -> str:
    if setup == "http, to a port where nothing listens":
        return f"http://127.0.0.1:{_bound_socket().getsockname()[1]}"
    return f"{setup.partition(',')[0]}://127.0.0.1:{server.port}"


@cache
def _bound_socket() -> socket.socket:
    """Return a socket that has a port and does not listen. A released port could be reused by another test."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    return bound


def _tls(at: Combination) -> ssl.SSLContext | None:
    if at.setup in ("https", "https, an expired certificate"):
        return _certified(_authority(), "127.0.0.1", expired="expired" in at.setup)
    if at.setup == "https, the certificate of another host":
        return _certified(_authority(), "elsewhere.example.com")
    if at.setup == "https, the certificate of an unknown authority":
        return _certified(_unknown_authority(), "127.0.0.1")
    return None


@cache
def _authority() -> trustme.CA:
    return trustme.CA()


@cache
def _unknown_authority() -> trustme.CA:
    return trustme.CA()


@cache
def _certified(authority: trustme.CA, name: str, *, expired: bool = False) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    yesterday = datetime.datetime.now(datetime.UTC) - datetime.timedelta(days=1)
    authority.issue_cert(name, not_after=yesterday if expired else None).configure_cert(context)
    return context


def write_authority(path: Path) -> None:
    _authority().cert_pem.write_to_path(path)
