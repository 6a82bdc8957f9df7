"""Calls times faults times wires: each combination is tried on real sockets, and what came of it is compared."""

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

from airflow_provider_oppo_image.net.options import TransportOptions
from tests.support.fault_server import FaultServer, Reply
from tests.trust.answer_faults import ANSWER_FAULTS
from tests.trust.calls import CALLS, Call, make_hook
from tests.trust.faults import Fault, Scene, Wire
from tests.trust.line_faults import LINE_FAULTS, SILENCE, TOTAL

HURRIED: Final = TransportOptions(SILENCE, SILENCE, TOTAL)
UNHURRIED: Final = TransportOptions(10, 10, 10)


@dataclass(frozen=True)
class Combination:
    """One call that meets one fault."""

    call: Call
    fault: Fault
    wire: Wire

    def __str__(self) -> str:
        return f"{self.call}: {self.fault}: {self.wire}"

    @property
    def timeouts(self) -> TransportOptions:
        """The connection's."""
        return HURRIED if self.fault.patience else UNHURRIED


COMBINATIONS: Final = tuple(
    Combination(call, fault, wire) for call in CALLS for fault in (*ANSWER_FAULTS, *LINE_FAULTS) for wire in fault.wires
)


@dataclass(frozen=True)
class Came:
    """What came of a call.

    :param result: what it returned.
    :param error: what it raised instead.
    :param seconds: how long it took.
    :param received: how many requests the server got.
    :param taken: how many bytes the network took from the server.
    :param memory: by how many bytes this process grew meanwhile, at most; 0 where the fault is not heavy.
    :param elsewhere: the Authorization headers, None for none, that another host got.
    """

    result: Any
    error: BaseException | None
    seconds: float
    received: int
    taken: int
    memory: int
    elsewhere: tuple[str | None, ...]


def try_once(at: Combination) -> tuple[Came, Came]:
    """Make the call in one attempt, and then once more with the same hook, to a server that is well again."""
    with _scene(at, 0, at.call.good) as make:
        return make(), make()


def try_on(at: Combination, budget: float, then: Reply | None = None) -> Came:
    """Make the call with a budget of some seconds, to a server that is well at the second request, or says `then`."""
    with _scene(at, budget, then or at.call.good) as make:
        return make()


@contextlib.contextmanager
def _scene(at: Combination, budget: float, then: Reply) -> Iterator[Callable[[], Came]]:
    """Set up the servers and a hook, and hand out the call."""
    with _server(at, then) as (server, elsewhere, url):
        hook = make_hook(url, at.timeouts, budget)

        def make() -> Came:
            while at.fault.hangs_up and server.requests and server.connections:
                time.sleep(0.001)
            received, result, error = len(server.requests), None, None
            start = time.monotonic()
            with _memory(at.fault.heavy) as memory:
                try:
                    result = at.call.make(hook, url)
                except BaseException as raised:  # noqa: BLE001  # whatever it is, it is judged
                    error = raised
            seconds = time.monotonic() - start
            told = tuple(request.headers.get("authorization") for request in elsewhere.requests)
            return Came(result, error, seconds, len(server.requests) - received, server.taken, memory(), told)

        try:
            yield make
        finally:
            hook.get_conn().close()


@contextlib.contextmanager
def _memory(heavy: bool) -> Iterator[Callable[[], int]]:
    """Measure how far this process grows, by the kernel's count: the server's part of it is small.

    Not by tracemalloc: stopped while another thread unpacks something without the interpreter's lock, it crashes.
    """
    growth = 0
    if heavy:
        # What was freed goes back to the kernel, so that it cannot be taken again unseen; and the peak begins anew.
        with contextlib.suppress(AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        before = _resident("VmRSS")
    try:
        yield lambda: growth
    finally:
        if heavy:
            growth = _resident("VmHWM") - before


def _resident(which: str) -> int:
    """Return a line of the process's status in bytes."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(which))


@contextlib.contextmanager
def _server(at: Combination, then: Reply) -> Iterator[tuple[FaultServer, FaultServer, str]]:
    with FaultServer(at.call.good) as elsewhere:
        reply = at.fault.reply(Scene(at.call, elsewhere.url))
        with FaultServer(*[reply] * at.fault.received, then, greeting=at.fault.greeting, tls=_tls(at)) as server:
            yield server, elsewhere, _url(at.wire, server)


def _url(wire: Wire, server: FaultServer) -> str:
    if wire == "http, to a port where nothing listens":
        return f"http://127.0.0.1:{_silent().getsockname()[1]}"
    return f"{wire.partition(',')[0]}://127.0.0.1:{server.port}"


@cache
def _silent() -> socket.socket:
    """Return a socket that has a port and does not listen: a port that was given back can be another test's soon."""
    silent = socket.socket()
    silent.bind(("127.0.0.1", 0))
    return silent


def _tls(at: Combination) -> ssl.SSLContext | None:
    if at.wire in ("https", "https, an expired certificate"):
        return _certified(_authority(), "127.0.0.1", expired="expired" in at.wire)
    if at.wire == "https, the certificate of another host":
        return _certified(_authority(), "elsewhere.example.com")
    if at.wire == "https, the certificate of an unknown authority":
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
    """Write the certificate of the authority that this machine is to trust."""
    _authority().cert_pem.write_to_path(path)
