"""Faults of connections: slow, broken and redirected responses, rate limits, and clock changes."""

from __future__ import annotations

import datetime
import email.utils
from collections.abc import Iterator
from typing import Any, Final

from tests.support.fault_server import (
    Connection,
    Reply,
    Step,
    answer,
    break_tls,
    close,
    delivered,
    drip,
    headers_without_end,
    reset,
    send,
    stall,
)
from tests.trust.fake_clock import jump
from tests.trust.fault_types import (
    CONNECTION_FAILED,
    DONE,
    NOT_SENT,
    NOT_VERIFIED,
    READY,
    TIMED_OUT,
    UNKNOWN,
    ExpectedReport,
    ExpectedResult,
    FaultCase,
    ServerSetup,
    always,
    good,
    unreadable,
)
from tests.trust.response_faults import by_status, status_case

BOTH: Final[tuple[ServerSetup, ...]] = ("http", "https")
PLAIN: Final[tuple[ServerSetup, ...]] = ("http",)
TLS: Final[tuple[ServerSetup, ...]] = ("https",)
READ_TIMEOUT_S: Final = 0.5
"""Connect and read timeout of the client in faults with a `wait_s`."""
TOTAL_TIMEOUT_S: Final = 0.8
"""Total timeout in these faults."""
DAY: Final = 86_400.0

HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CUT: Final = ExpectedReport("absent", "truncated")


def _fault(
    name: str, reply: Reply, result: ExpectedResult = UNKNOWN, report: ExpectedReport = CONNECTION_FAILED, **more: Any
) -> FaultCase:
    return FaultCase(name, always(reply), result, report, **{"setups": BOTH} | more)


def slow() -> Iterator[FaultCase]:
    """Yield servers that stop sending, or send single bytes."""
    for name, reply, wait_s in (
        ("no response", stall, READ_TIMEOUT_S),
        ("half a header and no more", [send(HEAD[:20]), stall], READ_TIMEOUT_S),
        ("headers and no body", [send(HEAD), stall], READ_TIMEOUT_S),
        ("half a body and no more", [send(HEAD + b"{" * 500), stall], READ_TIMEOUT_S),
        ("a byte of the headers at intervals", drip(HEAD * 100, every=0.05), TOTAL_TIMEOUT_S),
        ("a byte of the body at intervals", [send(HEAD), drip(b" " * 1000, every=0.05)], TOTAL_TIMEOUT_S),
        ("a chunk at intervals", [send(CHUNKED), drip(b"1\r\n \r\n" * 200, every=0.05)], TOTAL_TIMEOUT_S),
        ("100 Continue at intervals", _endless_interim_responses, TOTAL_TIMEOUT_S),
    ):
        yield _fault(name, reply, UNKNOWN, TIMED_OUT, wait_s=wait_s)
    slow_handshake = drip(b"\x16\x03\x03\x02\x00\x02" + bytes(600), every=0.05)
    for name, greeting, wait_s in (
        ("no TLS handshake", stall, READ_TIMEOUT_S),
        ("a byte of the TLS handshake at intervals", slow_handshake, READ_TIMEOUT_S),
    ):
        yield FaultCase(name, good, NOT_SENT, TIMED_OUT, setups=TLS, greeting=greeting, received=0, wait_s=wait_s)


def _endless_interim_responses(line: Connection) -> None:
    while not line.server.stopping.wait(0.05):
        line.send(b"HTTP/1.1 100 Continue\r\n\r\n")


def broken() -> Iterator[FaultCase]:
    yield _fault("reset before the response", reset)
    yield _fault("reset in the status", [send(HEAD[:9]), delivered, reset])
    in_headers, in_body = [send(HEAD[:20]), delivered, reset], [send(HEAD + b"{"), delivered, reset]
    yield _fault("reset in the headers", in_headers, setups=PLAIN)
    yield _fault("reset in the body", in_body, setups=PLAIN)
    # The HTTP libraries treat a TLS reset as the end of the stream, and the end of the stream as the end of headers.
    empty = ExpectedReport("absent", "empty")
    yield _fault("reset in the headers", in_headers, unreadable(200), empty, setups=TLS)
    yield _fault("reset in the body", in_body, report=CUT, setups=TLS)
    yield FaultCase("reset after the response", _before(delivered, reset), DONE, READY, setups=BOTH, hangs_up=True)
    yield _fault("closed before the response", close)
    yield _fault("closed in the status", [send(HEAD[:9]), close])
    yield _fault("closed in the headers", [send(HEAD[:20]), close], unreadable(200), empty)
    yield _fault("closed in the body", [send(HEAD + b"{"), close], report=CUT)
    yield _fault("closed in a chunk", [send(CHUNKED + b"9\r\n{"), close], report=CUT)
    yield FaultCase("closed after the response", _before(close), DONE, READY, setups=BOTH, hangs_up=True)
    yield _fault("not HTTP", [send(b"\x00\x01\x02 nonsense\r\n\r\n"), close])
    yield _fault("invalid chunks", [send(CHUNKED + b"zz\r\n\xff"), close], report=CUT)
    yield _fault("endless headers", headers_without_end, heavy=True)
    yield _fault("an endless header", _endless_header, heavy=True)
    yield _fault("another protocol", [send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"), close])
    for status in (100, 102, 103):
        interim = send(f"HTTP/1.1 {status} Wait\r\nLink: x\r\n\r\n".encode())
        yield FaultCase(f"HTTP {status} before the response", _after(interim), DONE, READY, setups=BOTH)
    yield _fault("TLS that breaks before the response", [break_tls, close], setups=TLS)
    yield _fault("TLS that breaks in the response", [send(HEAD + b"{"), break_tls, close], setups=TLS)


def _after(step: Step) -> Any:
    return lambda context: [step, context.call.good]


def _before(*steps: Step) -> Any:
    return lambda context: [context.call.good, *steps]


def _endless_header(line: Connection) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nX-More: ")
    while not line.server.stopping.is_set():
        line.send(b"x" * 10_000)


def unreachable() -> Iterator[FaultCase]:
    failed = CONNECTION_FAILED
    for name, end in (("reset", reset), ("closed", close)):
        first_byte = _after_a_byte(end)
        yield FaultCase(f"{name} in the request", good, UNKNOWN, failed, greeting=first_byte, received=0)
        name = f"{name} in the TLS handshake"
        yield FaultCase(name, good, NOT_SENT, failed, setups=TLS, greeting=end, received=0)
    unverified = ExpectedReport("wrong", "tls_unverified")
    setups: tuple[tuple[ServerSetup, ExpectedResult, ExpectedReport], ...] = (
        ("https, the certificate of an unknown authority", NOT_VERIFIED, unverified),
        ("https, the certificate of another host", NOT_VERIFIED, unverified),
        ("https, an expired certificate", NOT_VERIFIED, unverified),
        ("https, to a server without TLS", NOT_VERIFIED, unverified),
        ("http, to a port where nothing listens", NOT_SENT, failed),
    )
    for setup, result, report in setups:
        greeting = answer(400) if setup == "https, to a server without TLS" else None
        yield FaultCase("unreachable", good, result, report, setups=(setup,), greeting=greeting, received=0)


def _after_a_byte(end: Step) -> Step:
    def step(line: Connection) -> None:
        line.sock.recv(1)
        end(line)

    return step


def redirects() -> Iterator[FaultCase]:
    """Yield redirects. Credentials must not follow them; a picture download may."""
    for status in (301, 302, 303, 307, 308):
        yield FaultCase(f"HTTP {status} to another host", _to_another_host(status), by_status(status), READY)
    for name, location in (("nonsense", "http://[nonsense"), ("a file", "file:///etc/passwd")):
        there = always(answer(302, b"", Location=location))
        yield FaultCase(f"a redirect to {name}", there, by_status(302), ExpectedReport("wrong", "bad_url"))
    yield status_case("a redirect to nowhere", answer(302), 302)


def _to_another_host(status: int) -> Any:
    return lambda context: answer(status, b"{}", Location=f"{context.elsewhere}/v4/image/oppo")


def limits() -> Iterator[FaultCase]:
    waits: tuple[tuple[str, str | None, float | None], ...] = (
        ("no Retry-After", None, None),
        ("Retry-After: 0", "0", 0.0),
        ("Retry-After: 1", "1", 1.0),
        ("Retry-After: nonsense", "soon", None),
        ("Retry-After: negative", "-5", None),
        ("Retry-After: a day", "86400", DAY),
        ("Retry-After: a thousand years", "31536000000", DAY),
    )
    for status in (429, 503):
        for name, header, wait in waits:
            headers = {} if header is None else {"Retry-After": header}
            yield status_case(f"HTTP {status}, {name}", answer(status, **headers), status, retry_after=wait)
        for name, ahead in (("by this machine's clock", 0.0), ("by a clock a day ahead", DAY), ("a day behind", -DAY)):
            reply = _retry_after_date(60, status, ahead)
            name = f"HTTP {status}, Retry-After: a date, {name}"
            yield status_case(name, reply, status, retry_after=60.0)


def _retry_after_date(seconds: float, status: int, ahead: float) -> Step:

    def step(line: Connection) -> None:
        now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=ahead)
        then = now + datetime.timedelta(seconds=seconds)
        dates = {"Date": email.utils.format_datetime(now, True), "Retry-After": email.utils.format_datetime(then, True)}
        answer(status, b"", **dates)(line)

    return step


def clocks() -> Iterator[FaultCase]:
    """Yield changes of this machine's clock during a call. They must not change its duration."""
    for name, seconds in (("a day ahead", DAY), ("a day back", -DAY)):
        change = jump(seconds)
        yield FaultCase(f"the clock jumps {name} before a response", _after(change), DONE, READY)
        stalled, slow_body = [change, stall], [change, send(HEAD), drip(b" " * 1000, every=0.05)]
        for what, reply, wait_s in (
            ("no response", stalled, READ_TIMEOUT_S),
            ("a byte at intervals", slow_body, TOTAL_TIMEOUT_S),
        ):
            yield _fault(f"the clock jumps {name}, and {what}", reply, UNKNOWN, TIMED_OUT, setups=PLAIN, wait_s=wait_s)
        limited = [change, answer(429, Retry_After="1")]
        yield status_case(f"the clock jumps {name}, and a wait of a second", limited, 429, retry_after=1.0)


CONNECTION_FAULTS: Final = (*slow(), *broken(), *unreachable(), *redirects(), *limits(), *clocks())
