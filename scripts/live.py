"""Ask the live service what we expect of it, and compare each answer with the sandbox and contract.py.

usage: python -m scripts.live --big URL --small URL [--wrong URL] [--conn-id ID]

Exits with 0 if everything is as expected, with 1 if an answer is different, and with 2 if something was not tested. No
question sends a push.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from airflow_provider_oppo_image import __version__, contract, errors
from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, non_empty
from airflow_provider_oppo_image.cli.output import print_note, print_result
from airflow_provider_oppo_image.connection import Settings
from airflow_provider_oppo_image.contract import ERROR_CODES, PICTURE_KINDS, PICTURE_RULES, ErrorCode, PictureKind
from airflow_provider_oppo_image.engagelab import messages
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.messages import Request
from airflow_provider_oppo_image.engagelab.push_body import compose_push
from airflow_provider_oppo_image.engagelab.responses import Response, read_object
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError
from airflow_provider_oppo_image.net.redaction import SecretRedactor
from airflow_provider_oppo_image.pictures.report import format_rows
from airflow_provider_oppo_image.sandbox.server import SandboxServer

EXPECTED: Final = "as expected"
DIFFERENT: Final = "DIFFERENT"
NOT_TESTED: Final = "NOT TESTED"
EXIT_CODES: Final = {EXPECTED: 0, DIFFERENT: 1, NOT_TESTED: 2}

OURS: Final = "our credentials"
WRONG_SECRET: Final = "a wrong master secret"  # noqa: S105 - a description
UNKNOWN_KEY: Final = "an unknown AppKey"

NOTICE: Final = (
    "This uploads {pictures} to the account of connection {conn_id!r}: OPPO counts them, and keeps them for some time. "
    "If the service takes both pictures in one request, it uploads these two once more. It asks three times with wrong "
    "credentials. It sends no push: it only validates pushes to a tag that nobody has."
)

NOWHERE: Final = "https://missing.invalid/big.jpg"
"""A URL that never resolves: RFC 2606 reserves its domain."""

NO_PICTURE: Final = "1_000000000000000000000000"
"""An id of the expected form that no upload gave."""

_NO_ANSWER: Final = (errors.TransportError, errors.RateLimitedError, errors.ServiceUnavailableError)

_ID_FORMS: Final = {rule.id_key: "[0-9]+_[0-9a-f]{24}" for rule in PICTURE_RULES.values()} | {"msg_id": "[0-9]+"}
"""The forms of ids, by key. Source: a test of the vendor's sibling service; not documented."""

_ID: Final = re.compile(rf'("(?:{"|".join(_ID_FORMS)})"\s*:\s*"?)([^",}}]+)')
_QUERY: Final = re.compile(r"\?[^\"\s]+")


class Question(NamedTuple):
    """One question.

    :param request: None if it needs a picture id that is missing.
    :param read: our code's parser of the answer, which raises for a refusal.
    :param also_known: error codes that are expected too: the account decides between them and the sandbox's answer.
    """

    name: str
    request: Request | None
    read: Callable[[Request, Response], object]
    credentials: str = OURS
    also_known: tuple[int, ...] = ()


def questions(big: str, small: str, wrong: str | None) -> Iterator[Question]:
    """Yield the questions for one service, each made when it is asked: the reader of an upload stores the picture id.

    All questions need the answer to the first one.
    """
    ids: dict[PictureKind, str] = {}

    def upload(name: str, kind: PictureKind, url: str) -> Question:
        def read(request: Request, answer: Response) -> None:
            ids.setdefault(kind, messages.read_upload(kind, request, answer))

        return Question(name, messages.upload_request(kind, url), read)

    def validate(name: str, request: Request | None) -> Question:
        return Question(name, request, messages.read_acknowledgement, also_known=(21011,))  # nobody receives it

    probe = messages.credentials_probe(), messages.read_credentials_probe
    yield Question("Test the credentials", *probe)
    yield Question("Test a wrong master secret", *probe, WRONG_SECRET)
    yield Question("Test an unknown AppKey", *probe, UNKNOWN_KEY)
    yield validate("Validate a push with a wrong master secret", _push())._replace(
        credentials=WRONG_SECRET, also_known=()
    )
    for name, path in (("Ask for uploads by GET", contract.IMAGE_PATH), ("Ask for pushes by GET", contract.PUSH_PATH)):
        yield Question(name, Request(name, "GET", path), _read_object)
    yield upload("Upload the big picture", "big", big)
    yield upload("Upload the small picture", "small", small)
    yield Question("Upload both pictures in one request", _both(big, small), _read_both)
    yield upload("Upload a picture that is not there", "big", NOWHERE)
    if wrong:
        yield upload("Upload a wrong picture", "big", wrong)
    push = _push(ids["big"], ids["small"]) if len(ids) == len(PICTURE_KINDS) else None
    yield validate("Validate a push with the pictures", push)
    yield validate("Validate a push with an id that no upload gave", _push(NO_PICTURE))
    yield Question("Ask for the status of a push that was never sent", messages.status_request("1"), _read_object)


def _read_object(request: Request, answer: Response) -> object:
    return read_object(request.action, answer)


def _both(big: str, small: str) -> Request:
    bodies = [messages.upload_request("big", big).body or {}, messages.upload_request("small", small).body or {}]
    return Request("Uploading both pictures", "POST", contract.IMAGE_PATH, {**bodies[0], **bodies[1]})


def _read_both(request: Request, answer: Response) -> object:
    return [messages.read_upload(kind, request, answer) for kind in PICTURE_KINDS]


def _push(big: str | None = None, small: str | None = None) -> Request:
    """Return the validation of a push to a tag that nobody has: nobody would see it, even if it were sent."""
    notification = {"android": {"alert": "A push that is only validated", "title": "Validation"}}
    body = {"platform": ["android"], "notification": notification}
    push = {"to": {"tag": [f"nobody-{secrets.token_hex(8)}"]}, "body": body}
    composed = compose_push(push, big_picture_id=big, small_picture_id=small)
    return messages.push_request(composed.body, validate=True)


class Seen(NamedTuple):
    """The answer to a request, if there was one, and the error that our code raises, if it does."""

    answer: Response | None
    error: OppoImageError | None

    @property
    def code(self) -> int | None:
        return self.error.code if self.error else None

    @property
    def row(self) -> ErrorCode | None:
        """The row of contract.py about the code."""
        return ERROR_CODES.get(self.code or 0)

    @property
    def content(self) -> Any:
        """The JSON data of the answer, or its text."""
        assert self.answer is not None
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(self.answer.body)
        return self.answer.body.decode(errors="replace")

    def __str__(self) -> str:
        if self.answer is None:
            return "none"
        body = _redact(self.answer.body.decode(errors="replace"))
        return f"HTTP {self.answer.status} {self.answer.excerpt(body, max_length=600)}"

    def outcome(self) -> str:
        """Return what our code makes of the answer."""
        if self.error is None:
            return "accepted"
        code = "" if self.code is None else f"code {self.code}, "
        duration = "permanent" if self.error.permanent else "transient"
        return f"{type(self.error).__name__} ({code}{duration}, of the {self.error.scope})"

    def facts(self) -> dict[str, str]:
        """Return what must be equal to the sandbox's answer, by the words before it."""
        assert self.answer is not None
        return {
            "HTTP ": str(self.answer.status),
            "": "no code" if self.code is None else f"code {self.code}",
            "our code raises ": type(self.error).__name__ if self.error else "no error",
            "the body has ": ", ".join(sorted(_shape(self.content))) or "nothing",
        }


@contextlib.contextmanager
def service(settings: Settings) -> Iterator[Callable[[Question], Seen]]:
    """Connect to a service, and yield a function that asks it a question which has a request.

    :raises ConfigurationError: if the address or the proxy is not usable.
    """
    key, secret, fake = settings.app_key, settings.master_secret, secrets.token_hex(12)
    agent = f"airflow-provider-oppo-image/{__version__} scripts.live"
    with contextlib.ExitStack() as stack:

        def connect(*credentials: str) -> HttpTransport:
            options = settings.transport_options
            transport = HttpTransport(settings.base_url, *credentials, user_agent=agent, options=options, connections=1)
            stack.callback(transport.close)
            return transport

        transports = {OURS: connect(key, secret), WRONG_SECRET: connect(key, fake), UNKNOWN_KEY: connect(fake, secret)}

        def ask(question: Question) -> Seen:
            assert question.request is not None
            answer = None
            try:
                answer = transports[question.credentials].send(question.request)
                question.read(question.request, answer)
            except OppoImageError as error:
                return Seen(answer, error)
            return Seen(answer, None)

        yield ask


def compare(question: Question, live: Seen, sandbox: Seen) -> tuple[str, str]:
    """Return how the live service's answer compares with what is expected, and the lines about it."""
    request, row = question.request, live.row
    assert request is not None
    # An account error says nothing about other questions, unless it is the expected one, or about the credentials.
    unexpected = question.credentials == OURS and row and live.code != sandbox.code
    if isinstance(live.error, _NO_ANSWER) or (unexpected and live.error and live.error.scope == "account"):
        state, reasons = NOT_TESTED, [str(live.error)]
    else:
        reasons = list(_differences(live, sandbox, as_sandbox=live.code not in question.also_known))
        state = DIFFERENT if reasons else EXPECTED
    body = "" if request.body is None else _redact(messages.to_json(request.body).decode())
    rows = [
        ("sent", f"{request.method} {request.path} {body} with {question.credentials}"),
        ("answer", str(live)),
        ("our code", live.outcome()),
        ("sandbox", f"{sandbox}, {sandbox.outcome()}"),
    ]
    if row:
        rows.append(("contract", f"code {row.code}, HTTP {_statuses(row)}: {row.meaning} ({row.source})"))
    return state, ": ".join(filter(None, (question.name, state, "; ".join(reasons)))) + "\n" + format_rows(rows)


def _differences(live: Seen, sandbox: Seen, *, as_sandbox: bool) -> Iterator[str]:
    """Yield the differences from contract.py, and from the sandbox's answer if it must be the same."""
    assert live.answer is not None
    if as_sandbox:
        for (name, fact), wanted in zip(live.facts().items(), sandbox.facts().values(), strict=True):
            if fact != wanted:
                yield f"{name}{fact}, expected {wanted}"
        data = live.content if isinstance(live.content, dict) else {}
        for key, form in _ID_FORMS.items():
            if (value := data.get(key)) and not re.fullmatch(form, str(value)):
                yield f"{key} has the form {_mask(str(value))}, expected {form}"
    if live.code is not None and live.row is None:
        yield f"code {live.code} is not in contract.py"
    elif live.row and live.answer.status not in live.row.http_statuses:
        yield f"HTTP {live.answer.status} with code {live.code}, expected {_statuses(live.row)} by contract.py"


def _statuses(row: ErrorCode) -> str:
    return " or ".join(map(str, row.http_statuses))


def _shape(value: Any, path: str = "") -> Iterator[str]:
    """Yield the paths and types in JSON data; an empty string counts as missing, as on the vendor's page."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _shape(inner, f"{path}.{key}" if path else str(key))
    elif value not in ("", None):
        kind = {str: "text", bool: "flag", int: "number", float: "number", list: "list"}[type(value)]
        yield f"{path} ({kind})" if path else kind


def _mask(text: str) -> str:
    """Return the form of an id: 9 for each digit, a for each letter."""
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", text))


def _redact(text: str) -> str:
    """Return a text without ids and URL queries."""
    return _QUERY.sub("?…", _ID.sub(lambda found: found[1] + _mask(found[2]), text))


def main(arguments: Sequence[str] | None = None) -> int:
    """Ask and print; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m scripts.live", allow_abbrev=False)
    for name, required, what in (
        ("--big", True, "good big picture"),
        ("--small", True, "good small picture"),
        ("--wrong", False, "wrong big picture, such as 876 x 324 px"),
    ):
        parser.add_argument(name, required=required, type=non_empty, help=f"a public URL of a {what}")
    add_connection(parser)
    args = parser.parse_args(arguments)
    print_note(NOTICE.format(pictures=f"{'three' if args.wrong else 'two'} pictures", conn_id=args.conn_id))
    try:
        states = _run(args)
    except ConfigurationError as error:
        print_note(f"error: {error}")
        return EXIT_CODES[NOT_TESTED]
    same, different, untested = map(states.count, EXIT_CODES)
    counts = f"{same} as expected, {different} different, {untested} not tested"
    print_result(f"\n{len(states)} questions: {counts}. Nothing was sent to any phone.")
    if different:
        print_result("Please report the differences: paste the complete output; it has no secret.")
    return EXIT_CODES[DIFFERENT if different else NOT_TESTED if untested else EXPECTED]


def _run(args: argparse.Namespace) -> list[str]:
    """Check the pictures, ask all questions, and return how each answer compares."""
    with open_hook(args.conn_id, verbose=args.verbose) as hook:
        settings = hook.settings
        reports = [(hook.check("big", args.big), "ready"), (hook.check("small", args.small), "ready")]
        reports += [(hook.check("big", args.wrong), "wrong")] if args.wrong else []
    header = messages.basic_auth(settings.app_key, settings.master_secret).removeprefix("Basic ")
    redact = SecretRedactor(settings.app_key, settings.master_secret, header).redact
    print_result(f"airflow-provider-oppo-image {__version__}, compared with {redact(settings.base_url)}")
    for report, expected in reports:
        print_result(redact(str(report)))
        if report.state != expected:
            raise ConfigurationError(
                f"{report.url} is {report.state} as a {report.kind} picture; it must be {expected}. Nothing was asked. "
                "Name another picture."
            )
    states: list[str] = []
    with SandboxServer() as server:
        key, secret = server.options.app_key, server.options.master_secret
        local = replace(settings, app_key=key, master_secret=secret, base_url=server.url)
        with service(settings) as ask, service(local) as ask_sandbox:
            each = (questions(args.big, args.small, args.wrong) for _ in range(2))
            for number, (one, same) in enumerate(zip(*each, strict=True), 1):
                state, text = NOT_TESTED, f"{one.name}: {NOT_TESTED}: it needs the ids of both pictures"
                if one.request and same.request:
                    state, text = compare(one, ask(one), ask_sandbox(same))
                states.append(state)
                print_result(f"\n{number}. {redact(text)}")
                if number == 1 and state == NOT_TESTED:
                    break
    return states


if __name__ == "__main__":
    sys.exit(main())
