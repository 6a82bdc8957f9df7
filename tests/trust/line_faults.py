"""Faults of the line: answers that come late, in pieces, from elsewhere or not at all, and clocks that jump."""

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
from tests.trust.answer_faults import by_status
from tests.trust.clock import jump
from tests.trust.faults import (
    BROKEN_OFF,
    DONE,
    NOT_SENT,
    NOT_VERIFIED,
    READY,
    TOO_SLOW,
    UNKNOWN,
    Fault,
    Seen,
    Verdict,
    Wire,
    always,
    good,
    seen_by_status,
    unreadable,
)

BOTH: Final[tuple[Wire, ...]] = ("http", "https")
PLAIN: Final[tuple[Wire, ...]] = ("http",)
TLS: Final[tuple[Wire, ...]] = ("https",)
SILENCE: Final = 0.5
"""Seconds after which a silent server is left, where a fault takes patience."""
TOTAL: Final = 0.8
"""Seconds after which any server is left."""
DAY: Final = 86_400.0

HEAD: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
CHUNKED: Final = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CUT: Final = Seen("absent", "truncated")


def _line(name: str, reply: Reply, verdict: Verdict = UNKNOWN, seen: Seen = BROKEN_OFF, **more: Any) -> Fault:
    return Fault(name, always(reply), verdict, seen, **{"wires": BOTH} | more)


def slow() -> Iterator[Fault]:
    """Servers that are silent, or send just enough never to be."""
    for name, reply, patience in (
        ("no answer", stall, SILENCE),
        ("half a header and no more", [send(HEAD[:20]), stall], SILENCE),
        ("headers and no body", [send(HEAD), stall], SILENCE),
        ("half a body and no more", [send(HEAD + b"{" * 500), stall], SILENCE),
        ("a byte of the headers now and then", drip(HEAD * 100, every=0.05), TOTAL),
        ("a byte of the body now and then", [send(HEAD), drip(b" " * 1000, every=0.05)], TOTAL),
        ("a chunk now and then", [send(CHUNKED), drip(b"1\r\n \r\n" * 200, every=0.05)], TOTAL),
        ("100 Continue now and then", _interim_without_end, TOTAL),
    ):
        yield _line(name, reply, UNKNOWN, TOO_SLOW, patience=patience)
    yield Fault("no TLS handshake", good, NOT_SENT, TOO_SLOW, wires=TLS, greeting=stall, received=0, patience=SILENCE)
    yield Fault(
        "a byte of the TLS handshake now and then",
        good,
        NOT_SENT,
        TOO_SLOW,
        wires=TLS,
        greeting=drip(b"\x16\x03\x03\x02\x00\x02" + bytes(600), every=0.05),
        received=0,
        patience=SILENCE,
    )


def _interim_without_end(line: Connection) -> None:
    while not line.server.stopping.wait(0.05):
        line.send(b"HTTP/1.1 100 Continue\r\n\r\n")


def broken() -> Iterator[Fault]:
    """Connections that break, at each moment of an answer, and answers that are no HTTP."""
    yield _line("reset before the answer", reset)
    yield _line("reset in the status", [send(HEAD[:9]), delivered, reset])
    in_headers, in_body = [send(HEAD[:20]), delivered, reset], [send(HEAD + b"{"), delivered, reset]
    yield _line("reset in the headers", in_headers, wires=PLAIN)
    yield _line("reset in the body", in_body, wires=PLAIN)
    # To the libraries below, a reset of TLS is an end, and headers end where the connection does.
    empty = Seen("absent", "empty")
    yield _line("reset in the headers", in_headers, unreadable(200), empty, wires=TLS)
    yield _line("reset in the body", in_body, seen=CUT, wires=TLS)
    yield Fault("reset after the answer", _before(delivered, reset), DONE, READY, wires=BOTH, hangs_up=True)
    yield _line("closed before the answer", close)
    yield _line("closed in the status", [send(HEAD[:9]), close])
    yield _line("closed in the headers", [send(HEAD[:20]), close], unreadable(200), empty)
    yield _line("closed in the body", [send(HEAD + b"{"), close], seen=CUT)
    yield _line("closed in a chunk", [send(CHUNKED + b"9\r\n{"), close], seen=CUT)
    yield Fault("closed after the answer", _before(close), DONE, READY, wires=BOTH, hangs_up=True)
    yield _line("no HTTP", [send(b"\x00\x01\x02 nonsense\r\n\r\n"), close])
    yield _line("chunks that are none", [send(CHUNKED + b"zz\r\n\xff"), close], seen=CUT)
    yield _line("headers without end", headers_without_end, heavy=True)
    yield _line("a header without end", _header_without_end, heavy=True)
    yield _line("another protocol", [send(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"), close])
    for status in (100, 102, 103):
        interim = send(f"HTTP/1.1 {status} Wait\r\nLink: x\r\n\r\n".encode())
        yield Fault(f"HTTP {status} before the answer", _after(interim), DONE, READY, wires=BOTH)
    yield _line("TLS that breaks before the answer", [break_tls, close], wires=TLS)
    yield _line("TLS that breaks in the answer", [send(HEAD + b"{"), break_tls, close], wires=TLS)


def _after(step: Step) -> Any:
    return lambda scene: [step, scene.call.good]


def _before(*steps: Step) -> Any:
    return lambda scene: [scene.call.good, *steps]


def _header_without_end(line: Connection) -> None:
    line.send(b"HTTP/1.1 200 OK\r\nX-More: ")
    while not line.server.stopping.is_set():
        line.send(b"x" * 10_000)


def unreachable() -> Iterator[Fault]:
    """Servers that the request cannot be given to."""
    for name, end in (("reset", reset), ("closed", close)):
        yield Fault(f"{name} in the request", good, UNKNOWN, BROKEN_OFF, greeting=_after_a_byte(end), received=0)
    yield Fault("reset in the TLS handshake", good, NOT_SENT, BROKEN_OFF, wires=TLS, greeting=reset, received=0)
    yield Fault("closed in the TLS handshake", good, NOT_SENT, BROKEN_OFF, wires=TLS, greeting=close, received=0)
    unverified = Seen("wrong", "tls_unverified")
    wires: tuple[tuple[Wire, Verdict, Seen], ...] = (
        ("https, the certificate of an unknown authority", NOT_VERIFIED, unverified),
        ("https, the certificate of another host", NOT_VERIFIED, unverified),
        ("https, an expired certificate", NOT_VERIFIED, unverified),
        ("https, to a server without TLS", NOT_SENT, BROKEN_OFF),
        ("http, to a port where nothing listens", NOT_SENT, BROKEN_OFF),
    )
    for wire, verdict, seen in wires:
        greeting = answer(400) if wire == "https, to a server without TLS" else None
        yield Fault("no way to ask", good, verdict, seen, wires=(wire,), greeting=greeting, received=0)


def _after_a_byte(end: Step) -> Step:
    def step(line: Connection) -> None:
        line.sock.recv(1)
        end(line)

    return step


def redirects() -> Iterator[Fault]:
    """Redirects: the credentials stay here, while a picture may well lie elsewhere."""
    for status in (301, 302, 303, 307, 308):
        yield Fault(f"HTTP {status} to another host", _to_another_host(status), by_status(status), READY)
    for name, location in (("nonsense", "http://[nonsense"), ("a file", "file:///etc/passwd")):
        there = always(answer(302, b"", Location=location))
        yield Fault(f"a redirect to {name}", there, by_status(302), Seen("wrong", "bad_url"))
    yield Fault("a redirect to nowhere", always(answer(302)), by_status(302), seen_by_status(302))


def _to_another_host(status: int) -> Any:
    return lambda scene: answer(status, b"{}", Location=f"{scene.elsewhere}/v4/image/oppo")


def limits() -> Iterator[Fault]:
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
            yield Fault(f"HTTP {status}, {name}", reply, by_status(status, wait=wait), seen_by_status(status, wait))
        for name, ahead in (("by this machine's clock", 0.0), ("by a clock a day ahead", DAY), ("a day behind", -DAY)):
            reply = always(_come_back_in(60, status, ahead))
            verdict, seen = by_status(status, wait=60.0), seen_by_status(status, 60.0)
            yield Fault(f"HTTP {status}, Retry-After: a date, {name}", reply, verdict, seen)


def _come_back_in(seconds: float, status: int, ahead: float) -> Step:
    """Ask for a wait by a date, as the server's clock has it."""

    def step(line: Connection) -> None:
        now = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=ahead)
        then = now + datetime.timedelta(seconds=seconds)
        dates = {"Date": email.utils.format_datetime(now, True), "Retry-After": email.utils.format_datetime(then, True)}
        answer(status, b"", **dates)(line)

    return step


def clocks() -> Iterator[Fault]:
    """This machine's clock is set while a call waits: nothing hangs, and nothing is given up early."""
    for name, seconds in (("a day ahead", DAY), ("a day back", -DAY)):
        turn = jump(seconds)
        yield Fault(f"the clock jumps {name} before an answer", _after(turn), DONE, READY)
        yield _line(
            f"the clock jumps {name}, and no answer", [turn, stall], UNKNOWN, TOO_SLOW, wires=("http",),
            patience=SILENCE,
        )  # fmt: skip
        yield _line(
            f"the clock jumps {name}, and a byte now and then", [turn, send(HEAD), drip(b" " * 1000, every=0.05)],
            UNKNOWN, TOO_SLOW, wires=("http",), patience=TOTAL,
        )  # fmt: skip
        limited = always([turn, answer(429, b"", Retry_After="1")])
        yield Fault(
            f"the clock jumps {name}, and a wait of a second", limited, by_status(429, wait=1.0),
            seen_by_status(429, 1.0),
        )  # fmt: skip


LINE_FAULTS: Final = (*slow(), *broken(), *unreachable(), *redirects(), *limits(), *clocks())
