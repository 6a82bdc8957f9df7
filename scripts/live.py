"""Ask the live service what we expect of it, and compare each answer with the sandbox and contract.py.

usage: python -m scripts.live --big URL --small URL [--wrong URL] [--conn-id ID]

Exits with 0 if everything is as expected, with 1 if an answer is different, and with 2 if something was not tested. No
question sends a push.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import re
import secrets
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from airflow_provider_oppo_image import __version__, contract
from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, non_empty
from airflow_provider_oppo_image.cli.output import print_note, print_result
from airflow_provider_oppo_image.connection import Settings
from airflow_provider_oppo_image.contract import ERROR_CODES, PICTURE_KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.engagelab import messages
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.messages import Request
from airflow_provider_oppo_image.engagelab.push_body import compose_push
from airflow_provider_oppo_image.engagelab.responses import Response, read_object
from airflow_provider_oppo_image.errors import (
    ConfigurationError,
    OppoImageError,
    RateLimitedError,
    ServiceUnavailableError,
    TransportError,
)
from airflow_provider_oppo_image.net.options import TransportOptions
from airflow_provider_oppo_image.net.redaction import SecretRedactor
from airflow_provider_oppo_image.pictures.report import format_rows
from airflow_provider_oppo_image.sandbox.server import LOOPBACK, SandboxServer

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

_NO_RECEIVER: Final = 21011

_ID_FORMS: Final = {rule.id_key: "[0-9]+_[0-9a-f]{24}" for rule in PICTURE_RULES.values()} | {"msg_id": "[0-9]+"}
"""The forms of ids, by key. Source: a test of the vendor's sibling service; not documented."""

_ID: Final = re.compile(rf'("(?:{"|".join(_ID_FORMS)})"\s*:\s*"?)([^",}}]+)')
_QUERY: Final = re.compile(r"\?[^\"\s]+")


@dataclass(frozen=True)
class Question:
    """One question.

    :param request: makes the request from the picture ids so far; returns None if an id that it needs is missing.
    :param read: our code's parser of the answer, which raises for a refusal.
    :param kind: the kind of picture whose id is in the answer.
    :param also_known: error codes that are expected too: the account decides between them and the sandbox's answer.
    """

    name: str
    request: Callable[[Mapping[PictureKind, str]], Request | None]
    read: Callable[[Request, Response], object]
    kind: PictureKind | None = None
    credentials: str = OURS
    also_known: tuple[int, ...] = ()


def questions(big: str, small: str, wrong: str | None) -> Iterator[Question]:
    """Yield the questions; all of them need the answer to the first one."""

    def probe(name: str, credentials: str) -> Question:
        return Question(
            name, lambda _: messages.credentials_probe(), messages.read_credentials_probe, credentials=credentials
        )

    def get(name: str, path: str) -> Question:
        return Question(name, lambda _: Request(name, "GET", path), _read_object)

    def upload(name: str, kind: PictureKind, url: str) -> Question:
        return Question(name, lambda _: messages.upload_request(kind, url), partial(messages.read_upload, kind), kind)

    def validate(name: str, push: Callable[[Mapping[PictureKind, str]], Request | None], **more: Any) -> Question:
        return Question(name, push, messages.read_acknowledgement, **more)

    known = {"also_known": (_NO_RECEIVER,)}
    yield probe("Test the credentials", OURS)
    yield probe("Test a wrong master secret", WRONG_SECRET)
    yield probe("Test an unknown AppKey", UNKNOWN_KEY)
    yield validate("Validate a push with a wrong master secret", lambda _: _push(), credentials=WRONG_SECRET)
    yield get("Ask for uploads by GET", contract.IMAGE_PATH)
    yield get("Ask for pushes by GET", contract.PUSH_PATH)
    yield upload("Upload the big picture", "big", big)
    yield upload("Upload the small picture", "small", small)
    yield Question("Upload both pictures in one request", lambda _: _both(big, small), _read_both)
    yield upload("Upload a picture that is not there", "big", NOWHERE)
    if wrong:
        yield upload("Upload a wrong picture", "big", wrong)
    yield validate(
        "Validate a push with the pictures",
        lambda ids: _push(ids["big"], ids["small"]) if len(ids) == len(PICTURE_KINDS) else None,
        **known,
    )
    yield validate("Validate a push with an id that no upload gave", lambda _: _push(NO_PICTURE), **known)
    status = "Ask for the status of a push that was never sent"
    yield Question(status, lambda _: messages.status_request("1"), _read_object)


def _read_object(request: Request, answer: Response) -> object:
    return read_object(request.action, answer)


def _both(big: str, small: str) -> Request:
    alone = [messages.upload_request("big", big), messages.upload_request("small", small)]
    body = {key: url for request in alone for key, url in (request.body or {}).items()}
    return Request("Uploading both pictures", "POST", contract.IMAGE_PATH, body)


def _read_both(request: Request, answer: Response) -> object:
    return [messages.read_upload(kind, request, answer) for kind in PICTURE_KINDS]


def _push(big: str | None = None, small: str | None = None) -> Request:
    """Return the validation of a push to a tag that nobody has: nobody would see it, even if it were sent."""
    notification = {"android": {"alert": "A push that is only validated", "title": "Validation"}}
    push: Mapping[str, Any] = {
        "to": {"tag": [f"nobody-{secrets.token_hex(8)}"]},
        "body": {"platform": ["android"], "notification": notification},
    }
    if big:
        push = compose_push(push, big_picture_id=big, small_picture_id=small).body
    return messages.push_request(push, validate=True)


@dataclass(frozen=True)
class Seen:
    """A request, the answer to it (None if there was none), and the error that our code raises (None for none)."""

    request: Request
    answer: Response | None
    error: OppoImageError | None

    @property
    def code(self) -> int | None:
        return self.error.code if self.error else None

    @property
    def content(self) -> Any:
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

    def facts(self) -> Iterator[tuple[str, str]]:
        """Yield what must be equal to the sandbox's answer."""
        assert self.answer is not None
        yield "HTTP ", str(self.answer.status)
        yield "", "no code" if self.code is None else f"code {self.code}"
        yield "our code raises ", type(self.error).__name__ if self.error else "no error"
        yield "the body has ", ", ".join(sorted(_shape(self.content))) or "nothing"


class Target:
    """A service, and the picture ids that it gave.

    :raises ConfigurationError: if the address or the proxy is not usable.
    """

    def __init__(self, base_url: str, app_key: str, master_secret: str, options: TransportOptions) -> None:
        fake, agent = secrets.token_hex(12), f"airflow-provider-oppo-image/{__version__} scripts.live"
        pairs = {OURS: (app_key, master_secret), WRONG_SECRET: (app_key, fake), UNKNOWN_KEY: (fake, master_secret)}
        self._ids: dict[PictureKind, str] = {}
        self._transports = {
            name: HttpTransport(base_url, *pair, user_agent=agent, options=options, connections=1)
            for name, pair in pairs.items()
        }

    def close(self) -> None:
        for transport in self._transports.values():
            transport.close()

    def ask(self, question: Question) -> Seen | None:
        """Ask once; return None if the question needs an id that is missing."""
        request, answer = question.request(self._ids), None
        if request is None:
            return None
        try:
            answer = self._transports[question.credentials].send(request)
            result = question.read(request, answer)
        except OppoImageError as error:
            return Seen(request, answer, error)
        if question.kind and isinstance(result, str):
            self._ids.setdefault(question.kind, result)
        return Seen(request, answer, None)


def compare(question: Question, live: Seen | None, sandbox: Seen | None) -> tuple[str, str]:
    """Return how the live service's answer compares with what is expected, and the lines about it."""
    if live is None or sandbox is None:
        return NOT_TESTED, f"{question.name}: {NOT_TESTED}: it needs the ids of both pictures"
    row = ERROR_CODES.get(live.code or 0)
    # An account error says nothing about other questions, unless the question is about the credentials.
    account = question.credentials == OURS and live.error and live.error.scope == "account" and row
    if account or isinstance(live.error, TransportError | RateLimitedError | ServiceUnavailableError):
        state, reasons = NOT_TESTED, [str(live.error)]
    else:
        reasons = list(_against_contract(live))
        if reasons or live.code not in question.also_known:
            reasons = [*_against_sandbox(live, sandbox), *reasons]
        state = DIFFERENT if reasons else EXPECTED
    request = live.request
    body = "" if request.body is None else _redact(messages.to_json(request.body).decode())
    rows = [
        ("sent", f"{request.method} {request.path} {body} with {question.credentials}"),
        ("answer", str(live)),
        ("our code", live.outcome()),
        ("sandbox", f"{sandbox}, {sandbox.outcome()}"),
    ]
    if row:
        statuses = " or ".join(map(str, row.http_statuses))
        rows.append(("contract", f"code {row.code}, HTTP {statuses}: {row.meaning} ({row.source})"))
    return state, ": ".join(filter(None, (question.name, state, "; ".join(reasons)))) + "\n" + format_rows(rows)


def _against_sandbox(live: Seen, sandbox: Seen) -> Iterator[str]:
    for (prefix, found), (_, expected) in zip(live.facts(), sandbox.facts(), strict=True):
        if found != expected:
            yield f"{prefix}{found}, expected {expected}"
    content = live.content
    for key, form in _ID_FORMS.items():
        if isinstance(content, dict) and (value := content.get(key)) and not re.fullmatch(form, str(value)):
            yield f"{key} has the form {_mask(str(value))}, expected {form}"


def _against_contract(live: Seen) -> Iterator[str]:
    if live.code is None or live.answer is None:
        return
    row = ERROR_CODES.get(live.code)
    if row is None:
        yield f"code {live.code} is not in contract.py"
    elif live.answer.status not in row.http_statuses:
        expected = " or ".join(map(str, row.http_statuses))
        yield f"HTTP {live.answer.status} with code {live.code}, expected {expected} by contract.py"


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
    parser.add_argument("--big", required=True, type=non_empty, help="a public URL of a good big picture")
    parser.add_argument("--small", required=True, type=non_empty, help="a public URL of a good small picture")
    parser.add_argument("--wrong", type=non_empty, help="a public URL of a wrong big picture, such as 876 x 324 px")
    add_connection(parser)
    args = parser.parse_args(arguments)
    print_note(NOTICE.format(pictures=f"{'three' if args.wrong else 'two'} pictures", conn_id=args.conn_id))
    try:
        return EXIT_CODES[_run(args)]
    except ConfigurationError as error:
        print_note(f"error: {error}")
        return EXIT_CODES[NOT_TESTED]


def _run(args: argparse.Namespace) -> str:
    with open_hook(args.conn_id, verbose=args.verbose) as hook:
        settings = hook.settings
        pictures: list[tuple[PictureKind, str, str]] = [("big", args.big, "ready"), ("small", args.small, "ready")]
        pictures += [("big", args.wrong, "wrong")] if args.wrong else []
        reports = [(hook.check(kind, url), expected) for kind, url, expected in pictures]
    header = messages.basic_auth(settings.app_key, settings.master_secret).removeprefix("Basic ")
    redactor = SecretRedactor(settings.app_key, settings.master_secret, header)
    print_result(f"airflow-provider-oppo-image {__version__}, compared with {redactor.redact(settings.base_url)}")
    for report, expected in reports:
        print_result(redactor.redact(str(report)))
        if report.state != expected:
            raise ConfigurationError(
                f"{report.url} is {report.state} as a {report.kind} picture; it must be {expected}. Nothing was asked. "
                "Name another picture."
            )
    states = _ask_all(settings, args, redactor)
    same, different, untested = map(states.count, EXIT_CODES)
    print_result(
        f"\n{len(states)} questions: {same} as expected, {different} different, {untested} not tested. "
        "Nothing was sent to any phone."
    )
    if different:
        print_result("Please report the differences: paste the complete output; it has no secret.")
    return DIFFERENT if different else NOT_TESTED if untested else EXPECTED


def _ask_all(settings: Settings, args: argparse.Namespace, redactor: SecretRedactor) -> list[str]:
    states: list[str] = []
    for name in ("no_proxy", "NO_PROXY"):  # the sandbox is on this machine
        os.environ[name] = ",".join(filter(None, (os.environ.get(name), LOOPBACK)))
    options = settings.transport_options
    with (
        SandboxServer() as server,
        contextlib.closing(Target(settings.base_url, settings.app_key, settings.master_secret, options)) as live,
        contextlib.closing(
            Target(server.url, server.options.app_key, server.options.master_secret, options)
        ) as sandbox,
    ):
        for number, question in enumerate(questions(args.big, args.small, args.wrong), 1):
            state, text = compare(question, live.ask(question), sandbox.ask(question))
            states.append(state)
            print_result(f"\n{number}. {redactor.redact(text)}")
            if number == 1 and state == NOT_TESTED:
                break
    return states


if __name__ == "__main__":
    sys.exit(main())
