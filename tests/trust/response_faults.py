"""Faults in the content of responses: every code of the contract, and invalid responses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import partial
from typing import Any, Final

from airflow_provider_oppo_image.contract import (
    ERROR_CODES,
    MAX_RESPONSE_BYTES,
    MAX_STATUS_BYTES,
    RATE_LIMIT_CODES,
    ErrorCode,
)
from airflow_provider_oppo_image.errors import (
    AccountError,
    PictureRefusedError,
    RateLimitedError,
    RequestRefusedError,
    ServiceUnavailableError,
)
from tests.support.fault_server import Connection, Reply, answer, flood, flood_in_chunks, gzip_bomb, refusal, send
from tests.trust import calls
from tests.trust.fault_types import (
    CONNECTION_FAILED,
    DONE,
    NO_PICTURE,
    UNKNOWN,
    ExpectedReport,
    ExpectedResult,
    FaultCase,
    FaultContext,
    always,
    report_by_status,
    unreadable,
)

UNKNOWN_CODE: Final = 4242
STATUSES: Final = (200, 201, 400, 401, 403, 404, 408, 409, 413, 422, 425, 429, 500, 501, 502, 503, 504, 599)
PROBE_CODES: Final = (23002, 21003)
"""Codes for a missing parameter. They prove that the credentials are valid."""

# A call that asks for nothing except_for consent has it from any JSON object that is no error.
_ACKNOWLEDGED: Final = {call.name: DONE for call in (calls.VALIDATE, calls.WITHDRAW)}
_ANY_OBJECT: Final = _ACKNOWLEDGED | {calls.PUSH_STATUS.name: ExpectedResult("done", any_value=True)}


def status_case(
    name: str, reply: Reply, status: int, code: int | None = None, retry_after: float | None = None
) -> FaultCase:
    """Return a fault whose result depends on the HTTP status only."""
    return FaultCase(name, always(reply), by_status(status, code, retry_after), report_by_status(status, retry_after))


def _unreadable_case(name: str, reply: Reply, **more: Any) -> FaultCase:
    return FaultCase(name, always(reply), unreadable(200), NO_PICTURE, **more)


def codes() -> Iterator[FaultCase]:
    """Yield every code of the contract, with each of its HTTP statuses and in an HTTP 200."""
    for row in ERROR_CODES.values():
        exceptions = {calls.TEST_CONNECTION.name: DONE} if row.code in PROBE_CODES else {}
        for status in dict.fromkeys((row.status, *row.http_statuses, 200)):
            for where, reply in (
                ("", refusal(row.code, status)),
                (", outside of an error object", answer(status, {"code": row.code, "message": "no"})),
            ):
                name = f"code {row.code} in HTTP {status}{where}"
                yield FaultCase(name, always(reply), _by_code(row, status), report_by_status(status), exceptions)


def _by_code(row: ErrorCode, status: int) -> ExpectedResult:
    if row.code == 51:
        error: Any = PictureRefusedError
    elif row.code in RATE_LIMIT_CODES:
        error = RateLimitedError
    elif row.scope == "account":
        error = AccountError
    elif row.permanent:
        error = RequestRefusedError
    else:
        error = ServiceUnavailableError
    return ExpectedResult(
        "unknown" if error is ServiceUnavailableError else "refused",
        error,
        row.permanent,
        row.scope,
        row.code,
        status,
        row.retry_after,
    )


def by_status(status: int, code: int | None = None, retry_after: float | None = None) -> ExpectedResult:
    permanent = status < 500 and status not in (408, 425, 429)
    if status in (401, 403):
        return ExpectedResult("refused", AccountError, True, "account", code, status)
    if permanent:
        return ExpectedResult("refused", RequestRefusedError, True, "request", code, status)
    if status == 429:
        return ExpectedResult("refused", RateLimitedError, False, "request", code, status, retry_after)
    return ExpectedResult("unknown", ServiceUnavailableError, False, "request", code, status, retry_after)


def unknown_codes() -> Iterator[FaultCase]:
    for status in STATUSES:
        name = f"an unknown code in HTTP {status}"
        yield status_case(name, refusal(UNKNOWN_CODE, status), status, UNKNOWN_CODE)
        if status >= 400:
            yield status_case(f"HTTP {status} with an empty body", answer(status), status)


def malformed_errors() -> Iterator[FaultCase]:
    refused = by_status(200)
    values: tuple[tuple[Any, ExpectedResult], ...] = (
        *((error, refused) for error in ({}, [], "no", "", False, 0, {"code": None}, {"code": [51]})),
        ({"code": 0, "message": "success"}, by_status(200, 0)),
        *(({"code": code}, _by_code(ERROR_CODES[51], 200)) for code in ("51", 51.0)),
    )
    for error, result in values:
        # The response also contains a good id; the error takes precedence.
        yield FaultCase(f"the error {error!r} beside an id", _beside_an_id(error), result, NO_PICTURE)
    yield FaultCase(
        "a malformed cid",
        always(refusal(23003, 400, "The cid is malformed")),
        _by_code(ERROR_CODES[23003], 400),
        report_by_status(400),
    )


def _beside_an_id(error: Any) -> Any:
    return lambda context: answer(200, {context.call.id_key or "big_picture_id": "1_a", "error": error})


def ids() -> Iterator[FaultCase]:
    values: tuple[tuple[str, Any], ...] = (
        ("an empty id", ""),
        ("an id of blanks", "  "),
        ("a null id", None),
        ("a number as id", 7.5),
        ("true as id", True),
        ("a list as id", ["1_a"]),
        ("an object as id", {"id": "1_a"}),
        ("an id with a line break", "1\n2"),
        ("an id with a non-ASCII character", "é"),
        ("an id of 201 characters", "x" * 201),
    )
    for name, value in values:
        yield FaultCase(name, _with_id(value), unreadable(200), NO_PICTURE, _ANY_OBJECT)
    yield _unreadable_case("no id", answer(200, {}), exceptions=_ANY_OBJECT)
    yield _unreadable_case("an id under another key", answer(200, {"id": "1_a"}), exceptions=_ANY_OBJECT)


def _with_id(value: Any) -> Any:
    return lambda context: answer(200, {context.call.id_key or "id": value})


def bodies() -> Iterator[FaultCase]:
    texts: tuple[tuple[str, bytes], ...] = (
        ("a list", b"[]"),
        ("a list with a good response", b'[{"big_picture_id": "1_a", "small_picture_id": "2_b", "msg_id": "42"}]'),
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
        yield _unreadable_case(f"{name} in HTTP 200", answer(200, body))
    empty = ExpectedReport("absent", "empty")
    yield FaultCase("an empty body in HTTP 200", always(answer(200)), unreadable(200), empty)
    no_content = always(send(b"HTTP/1.1 204 No Content\r\n\r\n"))
    yield FaultCase("HTTP 204", no_content, unreadable(204), report_by_status(204))
    cut = dict.fromkeys(_ANY_OBJECT, unreadable(200))
    yield FaultCase("JSON cut in half", _half, unreadable(200), NO_PICTURE, cut)
    html = b"<html><body>Bad gateway</body></html>"
    yield status_case("HTML in HTTP 502", answer(502, html, Content_Type="text/html"), 502)
    # The vendor's SDK handles such responses.
    yield _unreadable_case("the bare word success", answer(200, b"success"), exceptions=_ACKNOWLEDGED)


def _half(context: FaultContext) -> Any:
    key = context.call.id_key or "msg_id"
    return answer(200, f'{{"{key}": "1_a", "request'.encode())


def _bomb(status: int, line: Connection) -> None:
    gzip_bomb(status)(line)


def sizes() -> Iterator[FaultCase]:
    """Yield responses that are too large. Each starts with a good response, which must not be used."""
    start = b'{"big_picture_id": "1_a", "small_picture_id": "2_b", "msg_id": "42"}'
    for status in (200, 302, 400, 500):
        report = ExpectedReport("wrong", "too_heavy") if status == 200 else report_by_status(status)
        result = unreadable(200) if status == 200 else by_status(status)
        head = f"HTTP/1.1 {status} X\r\nContent-Length: {len(start) + 60_000_000}\r\n\r\n".encode()
        reply = always([send(head + start), flood(60_000_000)])
        yield FaultCase(f"60 MB in HTTP {status}", reply, result, report, heavy=True)
    for status in (200, 500):
        report = ExpectedReport("wrong", "encoded_body") if status == 200 else report_by_status(status)
        result = unreadable(200) if status == 200 else by_status(status)
        yield FaultCase(f"a gzip bomb in HTTP {status}", always(partial(_bomb, status)), result, report, heavy=True)
    chunked = send(b"HTTP/1.1 200 X\r\nTransfer-Encoding: chunked\r\n\r\n")
    yield _unreadable_case("60 MB in chunks", [chunked, flood_in_chunks(start, 60_000_000)], heavy=True)
    yield FaultCase("a response one byte above the limit", _above_the_limit, unreadable(200), NO_PICTURE)
    lengths = send(b"HTTP/1.1 200 X\r\nContent-Length: 4\r\nContent-Length: 70\r\n\r\n" + start)
    yield FaultCase("two different lengths", always(lengths), UNKNOWN, CONNECTION_FAILED)


def _above_the_limit(context: FaultContext) -> Reply:
    limit = MAX_STATUS_BYTES if context.call == calls.PUSH_STATUS else MAX_RESPONSE_BYTES
    return answer(200, json.dumps({context.call.id_key or "42": "1_a"}).encode().ljust(limit + 1))


RESPONSE_FAULTS: Final = (*codes(), *unknown_codes(), *malformed_errors(), *ids(), *bodies(), *sizes())
