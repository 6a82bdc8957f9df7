"""The sandbox's page: everything that was received, displayed as on an OPPO phone, problems first."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import jinja2

from airflow_provider_oppo_image.contract import BIG_PICTURE_STYLE, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.sandbox.push_rules import Push, cid_of, displayed_text, oppo_options
from airflow_provider_oppo_image.sandbox.state import SandboxState, SentPush, ValidatedPush

STYLE_PATH: Final = "/sandbox/page.css"
PICTURE_PATH: Final = "/sandbox/pictures"

# The page displays untrusted input. It runs no script, and loads only its own style sheet and pictures.
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_MAX_ROWS: Final = 50
_FOLDER: Final = Path(__file__).parent
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Notification:
    """A push as a phone displays it.

    :param small: the path of its small picture; None if none is displayed.
    :param big: the path of its big picture; None if none is displayed.
    :param no_big: the reason why the push's big picture is not displayed.
    :param state: "sent", "withdrawn" or "validated".
    :param facts: further details, as names and values.
    """

    title: str
    text: str
    small: str | None
    big: str | None
    no_big: str | None
    state: str
    facts: Sequence[tuple[str, str]]
    when: datetime


def render(state: SandboxState, url: str, app_key: str) -> str:
    """Return the page as HTML.

    :param url: the sandbox's own URL.
    :param app_key: the AppKey that the sandbox accepts.
    """
    pushes: list[SentPush | ValidatedPush] = [*state.pushes.values(), *state.validations]
    accepted = [upload for upload in state.uploads if upload.picture_id]
    refused = [upload for upload in state.uploads if not upload.picture_id]
    used_ids = {value for push in pushes for value in oppo_options(push.push).values() if isinstance(value, str)}
    return _template().render(
        url=url,
        app_key=app_key,
        style_path=STYLE_PATH,
        counts={
            "accepted": len(accepted),
            "refused": len(refused),
            "sent": len(state.pushes),
            "validated": len(state.validations),
        },
        max_rows=_MAX_ROWS,
        refused=_newest(refused),
        notifications=[_notification(push, state) for push in _newest(sorted(pushes, key=lambda push: push.when))],
        unused=_newest(upload for upload in accepted if upload.picture_id not in used_ids),
        refusals=_newest(state.refusals),
        rules=PICTURE_RULES,
        picture_of=lambda upload: _picture_path(state, upload.picture_id, upload.kind),
    )


def style() -> str:
    """Return the page's style sheet."""
    return (_FOLDER / "page.css").read_text("utf-8")


def _newest(items: Iterable[_Item]) -> list[_Item]:
    return list(items)[: -_MAX_ROWS - 1 : -1]


def _notification(push: SentPush | ValidatedPush, state: SandboxState) -> Notification:
    title, text = displayed_text(push.push)
    big = _picture_path(state, oppo_options(push.push).get("big_picture_id"), "big")
    no_big = _reason_for_no_big(push.push, big)
    if isinstance(push, ValidatedPush):
        outcome, facts = "validated", _facts(push.push)
    else:
        outcome = "withdrawn" if push.withdrawn else "sent"
        facts = [("Message id", push.msg_id), *_facts(push.push)]
        if push.repeats:
            facts.append(("Repeats", f"{push.repeats}, not sent again"))
    small = _picture_path(state, oppo_options(push.push).get("small_picture_id"), "small")
    return Notification(title, text, small, None if no_big else big, no_big, outcome, facts, push.when)


def _facts(push: Push) -> list[tuple[str, str]]:
    oppo, to = oppo_options(push), push["to"]
    facts = [("To", to if isinstance(to, str) else ", ".join(to)), ("cid", cid_of(push))]
    facts += [(f"{rule.kind.capitalize()} picture", oppo.get(rule.id_key)) for rule in PICTURE_RULES.values()]
    facts += [("Style", oppo.get("style")), ("Channel", oppo.get("channel_id")), ("Category", oppo.get("category"))]
    return [(name, str(value)) for name, value in facts if value is not None]


def _reason_for_no_big(push: Push, picture: str | None) -> str | None:
    oppo = oppo_options(push)
    if not oppo.get("big_picture_id"):
        return None
    if oppo.get("style") != BIG_PICTURE_STYLE:
        return f"The big picture is not displayed: `style` is not {BIG_PICTURE_STYLE}"
    return None if picture else "The sandbox no longer keeps the big picture"


def _picture_path(state: SandboxState, picture_id: object, kind: PictureKind) -> str | None:
    """Return the path of a picture's bytes; None if they are not kept any more."""
    kept = isinstance(picture_id, str) and picture_id in state.pictures and state.has_picture(kind, picture_id)
    return f"{PICTURE_PATH}/{picture_id}" if kept else None


@functools.cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(_FOLDER)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html")
