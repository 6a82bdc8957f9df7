"""What came of it, in words that can be pasted into a report of a mistake. Pure."""

from __future__ import annotations

import platform
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.cli.output import table
from airflow_provider_oppo_image.contract import ERROR_CODES
from airflow_provider_oppo_image.engagelab.messages import to_json
from scripts.live.comparing import ID_FORMS, Verdict, mask, name
from scripts.live.parties import Seen
from scripts.live.questions import Question

_LONGEST_BODY: Final = 600
_ID: Final = re.compile(rf'("(?:{"|".join(ID_FORMS)})"\s*:\s*"?)([^",}}]+)')
_QUERY: Final = re.compile(r"\?[^\"\s]+")


@dataclass(frozen=True)
class Row:
    """One question and its answers.

    :param question: what was asked.
    :param live: what was seen of the live service; None where it could not be asked.
    :param sandbox: what was seen of the sandbox; None where it could not be asked.
    :param verdict: how they compare.
    """

    question: Question
    live: Seen | None
    sandbox: Seen | None
    verdict: Verdict


def heading(base_url: str, pictures: Sequence[object]) -> str:
    """Return what stands above the rows.

    :param base_url: where the service is.
    :param pictures: the reports of the pictures.
    """
    lines = [
        f"The live service beside what airflow-provider-oppo-image {__version__} knows "
        f"(Python {platform.python_version()}).",
        f"Ids are shown by their form, 9 for a digit and a for a letter. The service: {base_url}",
        *map(str, pictures),
    ]
    return "\n".join(lines)


def describe(number: int, row: Row) -> str:
    """Return a row in lines.

    :param number: which one it is, from 1.
    :param row: the row.
    """
    words = {"known": "as we know it", "different": "DIFFERENT", "untried": "NOT TRIED"}[row.verdict.state]
    reasons = "; ".join(row.verdict.reasons)
    return f"{number}. {row.question.name}: {words}{': ' if reasons else ''}{reasons}\n" + table(_lines(row))


def _lines(row: Row) -> Iterator[tuple[str, str]]:
    yield "teaches", row.question.teaches
    if row.live:
        yield "sent", _sent(row.question, row.live)
        yield "answer", _answered(row.live)
        yield "our code", name(row.live, row.question)
        if known := ERROR_CODES.get(row.live.code or 0):
            statuses = " or ".join(map(str, known.http_statuses))
            yield "contract", f"code {known.code}, HTTP {statuses}: {known.meaning} ({known.source})"
    if row.sandbox:
        yield "sandbox", f"{_answered(row.sandbox)}, {name(row.sandbox, row.question)}"


def _sent(question: Question, seen: Seen) -> str:
    request = seen.request
    body = "" if request.body is None else _hidden(to_json(request.body).decode())
    credentials = "" if question.credentials == "ours" else f"with {question.credentials}"
    return " ".join(filter(None, (request.method, request.path, body, credentials)))


def _answered(seen: Seen) -> str:
    if seen.answer is None:
        return "none"
    body = _hidden(seen.answer.body.decode(errors="replace"))
    return f"HTTP {seen.answer.status} {seen.answer.excerpt(body, max_length=_LONGEST_BODY)}"


def _hidden(text: str) -> str:
    """Return a text without ids and URLs' queries."""
    return _QUERY.sub("?…", _ID.sub(lambda found: found[1] + mask(found[2]), text))


def summary(rows: Sequence[Row], *, wrong_given: bool) -> str:
    """Return the last line.

    :param rows: all that was asked.
    :param wrong_given: whether a wrong picture was named.
    """
    counts = {state: sum(row.verdict.state == state for row in rows) for state in ("known", "different", "untried")}
    line = (
        f"{len(rows)} questions: {counts['known']} as we know it, {counts['different']} different, "
        f"{counts['untried']} not tried. Nothing was sent to any phone."
    )
    if not wrong_given:
        line += " Name a picture of the wrong size by WRONG= to see how OPPO's refusal looks."
    if counts["different"]:
        line += " Please report what is different: paste all of this; it holds no secret."
    return line
