"""Faults of what an answer says: every code of the contract, and everything that is no answer at all."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from airflow_provider_oppo_image.contract import ERROR_CODES, MAX_RESPONSE_BYTES, ErrorCode
from airflow_provider_oppo_image.errors import (
    AccountError,
    CidAlreadyUsedError,
    PictureRefusedError,
    RateLimitedError,
    RequestRefusedError,
    ServiceUnavailableError,
)
from tests.support.fault_server import Connection, answer, flood, flood_in_chunks, gzip_bomb, refusal, send
from tests.trust import calls
from tests.trust.faults import (
    DONE,
    NO_PICTURE,
    UNKNOWN,
    Fault,
    Scene,
    Seen,
    Verdict,
    always,
    seen_by_status,
    unreadable,
)

UNKNOWN_CODE: Final = 4242
STATUSES: Final = (200, 201, 400, 401, 403, 404, 408, 409, 413, 422, 425, 429, 500, 501, 502, 503, 504, 599)
PROOFS: Final = (23002, 21003)
"""Codes that say that a parameter is missing: whoever is told so was let in."""

# A call that asks for nothing but consent has it from any JSON object that is no error.
_CONSENT: Final = {call.name: DONE for call in (calls.VALIDATE, calls.WITHDRAW)}
_ANY_OBJECT: Final = _CONSENT | {calls.PUSH_STATUS.name: Verdict("done", any_result=True)}


def codes() -> Iterator[Fault]:
    """Every code of the contract, in each of its HTTP statuses and inside a success."""
    for row in ERROR_CODES.values():
        for status in dict.fromkeys((*row.http_statuses, 200)):
            let_in = {calls.TEST_CONNECTION.name: DONE} if row.code in PROOFS else {}
            yield Fault(
                f"code {row.code} in HTTP {status}",
                always(refusal(row.code, status)),
                _by_code(row, status),
                seen_by_status(status),
                but=let_in,
            )
            yield Fault(
                f"code {row.code} in HTTP {status}, and not in an error object",
                always(answer(status, {"code": row.code, "message": "no"})),
                _by_code(row, status),
                seen_by_status(status),
                but=let_in,
            )


def _by_code(row: ErrorCode, status: int) -> Verdict:
    if row.code == 51:
        error: Any = PictureRefusedError
    elif row.scope == "account":
        error = AccountError
    elif row.permanent:
        error = RequestRefusedError
    else:
        error = RateLimitedError if row.code in (13, 55, 23008) else ServiceUnavailableError
    return Verdict(
        "unknown" if error is ServiceUnavailableError else "refused",
        error,
        row.permanent,
        row.scope,
        row.code,
        status,
        row.retry_after,
    )


def by_status(status: int, code: int | None = None, wait: float | None = None) -> Verdict:
    """What a call must come to where the table of codes does not help."""
    permanent = status < 500 and status not in (408, 425, 429)
    if status in (401, 403):
        return Verdict("refused", AccountError, True, "account", code, status)
    if permanent:
        return Verdict("refused", RequestRefusedError, True, "request", code, status)
    if status == 429:
        return Verdict("refused", RateLimitedError, False, "request", code, status, wait)
    return Verdict("unknown", ServiceUnavailableError, False, "request", code, status, wait)


def unknown_codes() -> Iterator[Fault]:
    """A code that no table has, in every HTTP status that services use, and those statuses without words."""
    for status in STATUSES:
        refused = always(refusal(UNKNOWN_CODE, status))
        yield Fault(
            f"an unknown code in HTTP {status}", refused, by_status(status, UNKNOWN_CODE), seen_by_status(status)
        )
        if status >= 400:
            yield Fault(f"HTTP {status} and nothing", always(answer(status)), by_status(status), seen_by_status(status))


def errors_in_disguise() -> Iterator[Fault]:
    """What else may stand where an error stands, inside a success."""
    refused = by_status(200)
    disguises: tuple[tuple[Any, Verdict], ...] = (
        ({}, refused),
        ([], refused),
        ("no", refused),
        ("", refused),
        (False, refused),
        (0, refused),
        ({"code": None}, refused),
        ({"code": 0, "message": "success"}, by_status(200, 0)),
        ({"code": "51"}, _by_code(ERROR_CODES[51], 200)),
        ({"code": 51.0}, _by_code(ERROR_CODES[51], 200)),
        ({"code": [51]}, refused),
    )
    for error, verdict in disguises:
        # With a good answer beside it: the error counts.
        yield Fault(f"the error {error!r} beside an id", _beside_an_id(error), verdict, NO_PICTURE)
    yield Fault(
        "a cid that was used",
        always(refusal(21003, 400, "The cid has been used")),
        _by_code(ERROR_CODES[21003], 400),
        seen_by_status(400),
        but={
            calls.PUSH.name: Verdict("refused", CidAlreadyUsedError, True, "request", 21003, 400),
            calls.TEST_CONNECTION.name: DONE,
        },
    )


def _beside_an_id(error: Any) -> Any:
    return lambda scene: answer(200, {scene.call.id_key or "big_picture_id": "1_a", "error": error})


def ids() -> Iterator[Fault]:
    """Successes without the id that was asked for."""
    values: tuple[tuple[str, Any], ...] = (
        ("an empty id", ""),
        ("an id of blanks", "  "),
        ("a null id", None),
        ("a number as id", 7.5),
        ("true as id", True),
        ("a list as id", ["1_a"]),
        ("an object as id", {"id": "1_a"}),
        ("an id with a line break", "1\n2"),
        ("an id that is a word of a template", "é"),
        ("an endless id", "x" * 201),
    )
    for name, value in values:
        yield Fault(name, _with_id(value), unreadable(200), NO_PICTURE, but=_ANY_OBJECT)
    yield Fault("no id", always(answer(200, {})), unreadable(200), NO_PICTURE, but=_ANY_OBJECT)
    yield Fault(
        "an id under another key", always(answer(200, {"id": "1_a"})), unreadable(200), NO_PICTURE, but=_ANY_OBJECT
    )


def _with_id(value: Any) -> Any:
    return lambda scene: answer(200, {scene.call.id_key or "id": value})


def bodies() -> Iterator[Fault]:
    """Bodies that are no JSON object, in a success."""
    texts: tuple[tuple[str, bytes], ...] = (
        ("a list", b"[]"),
        ("a list of a good answer", b'[{"big_picture_id": "1_a", "small_picture_id": "2_b", "msg_id": "42"}]'),
        ("a number", b"5"),
        ("null", b"null"),
        ("true", b"true"),
        ("a string", b'"success"'),
        ("a word", b"OK"),
        ("HTML", b"<!DOCTYPE html><html><body>Please sign in.</body></html>"),
        ("invalid UTF-8", b'{"big_picture_id": "\xff", "small_picture_id": "\xff", "msg_id": "\xff"}'),
        ("JSON that is nested too deep", b'{"a":' * 10_000),
        ("a number of 10,000 digits", b'{"msg_id": ' + b"9" * 10_000 + b"}"),
        ("zeros", bytes(100)),
    )
    for name, body in texts:
        yield Fault(f"{name} in HTTP 200", always(answer(200, body)), unreadable(200), NO_PICTURE)
    empty = Seen("absent", "empty")
    yield Fault("nothing in HTTP 200", always(answer(200)), unreadable(200), empty)
    yield Fault("HTTP 204", always(send(b"HTTP/1.1 204 No Content\r\n\r\n")), unreadable(204), seen_by_status(204))
    yield Fault("JSON cut in half", _half, unreadable(200), NO_PICTURE, but=dict.fromkeys(_ANY_OBJECT, unreadable(200)))
    yield Fault(
        "HTML in HTTP 502",
        always(answer(502, b"<html><body>Bad gateway</body></html>", Content_Type="text/html")),
        by_status(502),
        seen_by_status(502),
    )
    yield Fault(
        "the bare word success", always(answer(200, b"success")), unreadable(200), NO_PICTURE, but=_CONSENT
    )  # the vendor's own SDK knows such answers


def _half(scene: Scene) -> Any:
    key = scene.call.id_key or "msg_id"
    return answer(200, f'{{"{key}": "1_a", "request'.encode())


def _bomb(status: int, line: Connection) -> None:
    """Make it when it is needed."""
    gzip_bomb(status)(line)


def sizes() -> Iterator[Fault]:
    """Answers that are too large to be one. Each begins with a good answer, which must not be believed."""
    start = b'{"big_picture_id": "1_a", "small_picture_id": "2_b", "msg_id": "42"}'
    for status in (200, 302, 400, 500):
        wrong = Seen("wrong", "too_heavy") if status == 200 else seen_by_status(status)
        verdict = unreadable(200) if status == 200 else by_status(status)
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(start) + 60_000_000}\r\n\r\n".encode()
        yield Fault(
            f"60 MB in HTTP {status}", always([send(head + start), flood(60_000_000)]), verdict, wrong, heavy=True
        )
    for status in (200, 500):
        packed = Seen("wrong", "encoded_body") if status == 200 else seen_by_status(status)
        verdict = unreadable(200) if status == 200 else by_status(status)
        yield Fault(
            f"a gzip bomb in HTTP {status}",
            always(partial(_bomb, status)),
            verdict,
            packed,
            heavy=True,
        )
    yield Fault(
        "60 MB in chunks",
        always([send(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n"), flood_in_chunks(start, 60_000_000)]),
        unreadable(200),
        NO_PICTURE,
        heavy=True,
    )
    yield Fault(
        "an answer that is a byte too long",
        always(answer(200, start.ljust(MAX_RESPONSE_BYTES + 1))),
        unreadable(200),
        NO_PICTURE,
    )
    yield Fault(
        "a length that cannot be",
        always(send(b"HTTP/1.1 200 X\r\nContent-Length: 4\r\nContent-Length: 70\r\n\r\n" + start)),
        UNKNOWN,
        Seen("absent", "connection_failed"),
    )


ANSWER_FAULTS: Final = (*codes(), *unknown_codes(), *errors_in_disguise(), *ids(), *bodies(), *sizes())
