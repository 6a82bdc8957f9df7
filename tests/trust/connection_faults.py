"""Faults of the line: answers that come late, in pieces, from elsewhere or not at all, and clocks that jump."""

from __future__ import annotations

import datetime
import email.utils
from collections.abc import Iterator
from typing import Any, Final

from tests.support.fault_server import (
    Line,
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
    BROKEN_OFF,
    DONE,
    NOT_SENT,
    NOT_VERIFIED,
    READY,
    TOO_SLOW,
    UNKNOWN,
    ExpectedReport,
    ExpectedResult,
    FaultCase,
    ServerSetup,
    always,
    good,
    report_by_status,
    unreadable,
)
from tests.trust.response_faults import by_status

BOTH: Final[tuple[ServerSetup, ...]] = ("http", "https")
PLAIN: Final[tuple[ServerSetup, ...]] = ("http",)
TLS: Final[tuple[ServerSetup, ...]] = ("https",)
SILENCE: Final = 0.5
"""Seconds after which a silent server is left, where a fault takes wait_s."""
TOTAL: Final = 0.8
"""Seconds after which any server is left."""
DAY: Final = 86_400.0

HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CUT: Final = ExpectedReport("absent", "truncated")


def _line(
    name: str, reply: Reply, result: ExpectedResult = UNKNOWN, report: ExpectedReport = BROKEN_OFF, **more: Any
) -> FaultCase:
    return FaultCase(name, always(reply), result, report, **{"setups": BOTH} | more)


def slow() -> Iterator[FaultCase]:
    """Servers that are silent, or send just enough never to be."""
    for name, reply, wait_s in (
        ("no answer", stall, SILENCE),
        ("half a header and no more", [send(HEAD[:20]), stall], SILENCE),
        ("headers and no body", [send(HEAD), stall], SILENCE),
        ("half a body and no more", [send(HEAD + b"{" * 500), stall], SILENCE),
        ("a byte of the headers now and then", drip(HEAD * 100, every=0.05), TOTAL),
        ("a byte of the body now and then", [send(HEAD), drip(b" " * 1000, every=0.05)], TOTAL),
        ("a chunk now and then", [send(CHUNKED), drip(b"1\r\n \r\n" * 200, every=0.05)], TOTAL),
        ("100 Continue now and then", _interim_without_end, TOTAL),
    ):
        yield _line(name, reply, UNKNOWN, TOO_SLOW, wait_s=wait_s)
    yield FaultCase(
        "no TLS handshake", good, NOT_SENT, TOO_SLOW, setups=TLS, greeting=stall, received=0, wait_s=SILENCE
    )
    yield FaultCase(
        "a byte of the TLS handshake now and then",
        good,
        NOT_SENT,
        TOO_SLOW,
        setups=TLS,
        greeting=drip(b"\x16\x03\x03\x02\x00\x02" + bytes(600), every=0.05),
        received=0,
        wait_s=SILENCE,
    )


def _interim_without_end(line: Line) -> None:
    while not line.server.stopping.wait(0.05):
        line.send(b"HTTP/1.1 100 Continue\r\n\r\n")


def broken() -> Iterator[FaultCase]:
    """Connections that break, at each moment of an answer, and answers that are no HTTP."""
    yield _line("reset before the answer", reset)
    yield _line("reset in the status", [send(HEAD[:9]), delivered, reset])
    in_headers, in_body = [send(HEAD[:20]), delivered, reset], [send(HEAD + b"{"), delivered, reset]
    yield _line("reset in the headers", in_headers, setups=PLAIN)
    yield _line("reset in the body", in_body, setups=PLAIN)
    # To the libraries below, a reset of TLS is an end, and headers end where the connection does.
    empty = ExpectedReport("absent", "empty")
    yield _line("reset in the headers", in_headers, unreadable(200), empty, setups=TLS)
    yield _line("reset in the body", in_body, report=CUT, setups=TLS)
    yield FaultCase("reset after the answer", _before(delivered, reset), DONE, READY, setups=BOTH, hangs_up=True)
    yield _line("closed before the answer", close)
    yield _line("closed in the status", [send(HEAD[:9]), close])
    yield _line("closed in the headers", [send(HEAD[:20]), close], unreadable(200), empty)
    yield _line("closed in the body", [send(HEAD + b"{"), close], report=CUT)
    yield _line("closed in a chunk", [send(CHUNKED + b"9\r\n{"), close], report=CUT)
    yield FaultCase("closed after the answer", _before(close), DONE, READY, setups=BOTH, hangs_up=True)
    yield _line("no HTTP", [send(b"\x00\x01\x02 nonsense\r\n\r\n"), close])
    yield _line("chunks that are none", [send(CHUNKED + b"zz\r\n\xff"), close], report=CUT)
    yield _line("headers without end", headers_without_end, heavy=True)
    yield _line("a header without end", _header_without_end, heavy=True)
    yield _line("another protocol", [send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"), close])
    for status in (100, 102, 103):
        interim = send(f"HTTP/1.1 {status} Wait\r\nLink: x\r\n\r\n".encode())
        yield FaultCase(f"HTTP {status} before the answer", _after(interim), DONE, READY, setups=BOTH)
    yield _line("TLS that breaks before the answer", [break_tls, close], setups=TLS)
    yield _line("TLS that breaks in the answer", [send(HEAD + b"{"), break_tls, close], setups=TLS)


def _after(step: Step) -> Any:
    return lambda context: [step, context.call.good]


def _before(*steps: Step) -> Any:
    return lambda context: [context.call.good, *steps]


def _header_without_end(line: Line) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nX-More: ")
    while not line.server.stopping.is_set():
        line.send(b"x" * 10_000)


def unreachable() -> Iterator[FaultCase]:
    """Servers that the request cannot be given to."""
    for name, end in (("reset", reset), ("closed", close)):
        yield FaultCase(f"{name} in the request", good, UNKNOWN, BROKEN_OFF, greeting=_after_a_byte(end), received=0)
    yield FaultCase("reset in the TLS handshake", good, NOT_SENT, BROKEN_OFF, setups=TLS, greeting=reset, received=0)
    yield FaultCase("closed in the TLS handshake", good, NOT_SENT, BROKEN_OFF, setups=TLS, greeting=close, received=0)
    unverified = ExpectedReport("wrong", "tls_unverified")
    setups: tuple[tuple[ServerSetup, ExpectedResult, ExpectedReport], ...] = (
        ("https, the certificate of an unknown authority", NOT_VERIFIED, unverified),
        ("https, the certificate of another host", NOT_VERIFIED, unverified),
        ("https, an expired certificate", NOT_VERIFIED, unverified),
        ("https, to a server without TLS", NOT_SENT, BROKEN_OFF),
        ("http, to a port where nothing listens", NOT_SENT, BROKEN_OFF),
    )
    for setup, result, report in setups:
        greeting = answer(400) if setup == "https, to a server without TLS" else None
        yield FaultCase("no way to ask", good, result, report, setups=(setup,), greeting=greeting, received=0)


def _after_a_byte(end: Step) -> Step:
    def step(line: Line) -> None:
        line.sock.recv(1)
        end(line)

    return step


def redirects() -> Iterator[FaultCase]:
    """Redirects: the credentials stay here, while a picture may well lie elsewhere."""
    for status in (301, 302, 303, 307, 308):
        yield FaultCase(f"HTTP {status} to another host", _to_another_host(status), by_status(status), READY)
    for name, location in (("nonsense", "http://[nonsense"), ("a file", "file:///etc/passwd")):
        there = always(answer(302, b"", Location=location))
        yield FaultCase(f"a redirect to {name}", there, by_status(302), ExpectedReport("wrong", "bad_url"))
    yield FaultCase("a redirect to nowhere", always(answer(302)), by_status(302), report_by_status(302))


def _to_another_host(status: int) -> Any:
    return lambda context: answer(status, b"{}", Location=f"{context.elsewhere}/v4/image/oppo")


def limits() -> Iterator[FaultCase]:
    """Servers that ask for fewer requests, with and without saying when to come back."""
    waits: tuple[tuple[str, str | None, float | None], ...] = (
        ("no Retry-After", None, None),
        ("Retry-After: 0", "0", 0.0),
        ("Retry-After: 1", "1", 1.0),
        ("Retry-After: nonsense", "soon", None),
        ("Retry-After: less than nothing", "-5", None),
        ("Retry-After: a day", "86400", DAY),
        ("Retry-After: a thousand years", "31536000000", DAY),
    )
    for status in (429, 503):
        for name, header, wait in waits:
            reply = always(answer(status, b"", **({} if header is None else {"Retry-After": header})))
            yield FaultCase(
                f"HTTP {status}, {name}", reply, by_status(status, wait=wait), report_by_status(status, wait)
            )
        for name, ahead in (("by this machine's clock", 0.0), ("by a clock a day ahead", DAY), ("a day behind", -DAY)):
            reply = always(_come_back_in(60, status, ahead))
            result, report = by_status(status, wait=60.0), report_by_status(status, 60.0)
            yield FaultCase(f"HTTP {status}, Retry-After: a date, {name}", reply, result, report)


def _come_back_in(seconds: float, status: int, ahead: float) -> Step:
    """Ask for a wait by a date, as the server's clock has it."""

    def step(line: Line) -> None:
        now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=ahead)
        then = now + datetime.timedelta(seconds=seconds)
        dates = {"Date": email.utils.format_datetime(now, True), "Retry-After": email.utils.format_datetime(then, True)}
        answer(status, b"", **dates)(line)

    return step


def clocks() -> Iterator[FaultCase]:
    """This machine's clock is set while a call waits: nothing hangs, and nothing is given up early."""
    for name, seconds in (("a day ahead", DAY), ("a day back", -DAY)):
        turn = jump(seconds)
        yield FaultCase(f"the clock jumps {name} before an answer", _after(turn), DONE, READY)
        yield _line(
            f"the clock jumps {name}, and no answer", [turn, stall], UNKNOWN, TOO_SLOW, setups=("http",),
            wait_s=SILENCE,
        )  # fmt: skip
        yield _line(
            f"the clock jumps {name}, and a byte now and then", [turn, send(HEAD), drip(b" " * 1000, every=0.05)],
            UNKNOWN, TOO_SLOW, setups=("http",), wait_s=TOTAL,
        )  # fmt: skip
        limited = always([turn, answer(429, b"", Retry_After="1")])
        yield FaultCase(
            f"the clock jumps {name}, and a wait of a second", limited, by_status(429, wait=1.0),
            report_by_status(429, 1.0),
        )  # fmt: skip


LINE_FAULTS: Final = (*slow(), *broken(), *unreachable(), *redirects(), *limits(), *clocks())
