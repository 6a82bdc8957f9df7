"""The page for people: what was received, as an OPPO phone would show it, what went wrong first."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, TypeVar

import jinja2

from airflow_provider_oppo_image.contract import BIG_PICTURE_STYLE, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.sandbox.memory import SandboxState, SentPush, ValidatedPush
from airflow_provider_oppo_image.sandbox.push_rules import Push, cid_of, oppo_options, shown_text

STYLE_PATH: Final = "/sandbox/page.css"
PICTURE_PATH: Final = "/sandbox/pictures"

# The page shows what strangers send: it runs no script, and loads nothing but its own style and pictures.
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_SHOWN: Final = 50
_HERE: Final = Path(__file__).parent
_Item = TypeVar("_Item")


@dataclass(frozen=True)
class Notification:
    """One push as a phone shows it.

    :param title: its title.
    :param text: its content.
    :param small: the address of its small picture; None where there is none.
    :param big: the address of its big picture; None where none is shown.
    :param no_big: why a big picture that the push names is not shown; None where all is well.
    :param state: "sent", "withdrawn" or "validated".
    :param facts: what else there is to know, as names and values.
    :param when: the time of the push.
    """

    title: str
    text: str
    small: str | None
    big: str | None
    no_big: str | None
    state: str
    facts: Sequence[tuple[str, str]]
    when: datetime


def render(memory: SandboxState, url: str, app_key: str) -> str:
    """Make the page.

    :param memory: what was received.
    :param url: the sandbox's own URL.
    :param app_key: the AppKey that the sandbox accepts.
    :return: HTML.
    """
    pushes: list[SentPush | ValidatedPush] = [*memory.pushes.values(), *memory.validations]
    accepted = [upload for upload in memory.uploads if upload.picture_id]
    refused = [upload for upload in memory.uploads if not upload.picture_id]
    named = {value for push in pushes for value in oppo_options(push.push).values() if isinstance(value, str)}
    return _template().render(
        url=url,
        app_key=app_key,
        style_path=STYLE_PATH,
        counts={
            "accepted": len(accepted),
            "refused": len(refused),
            "sent": len(memory.pushes),
            "validated": len(memory.validations),
        },
        shown=_SHOWN,
        refused=_newest(refused),
        notifications=[_notification(push, memory) for push in _newest(sorted(pushes, key=lambda push: push.when))],
        unused=_newest(upload for upload in accepted if upload.picture_id not in named),
        refusals=_newest(memory.refusals),
        rules=PICTURE_RULES,
        picture_of=lambda upload: _picture(memory, upload.picture_id, upload.kind),
    )


def style() -> str:
    """Return the page's style sheet."""
    return (_HERE / "page.css").read_text("utf-8")


def _newest(items: Iterable[_Item]) -> list[_Item]:
    return list(items)[: -_SHOWN - 1 : -1]


def _notification(push: SentPush | ValidatedPush, memory: SandboxState) -> Notification:
    title, text = shown_text(push.push)
    big = _picture(memory, oppo_options(push.push).get("big_picture_id"), "big")
    no_big = _why_no_big(push.push, big)
    if isinstance(push, ValidatedPush):
        state, facts = "validated", _facts(push.push)
    else:
        state = "withdrawn" if push.withdrawn else "sent"
        facts = [("Message id", push.msg_id), *_facts(push.push)]
        if push.repeats:
            facts.append(("Repeats", f"{push.repeats}, not sent again"))
    small = _picture(memory, oppo_options(push.push).get("small_picture_id"), "small")
    return Notification(title, text, small, None if no_big else big, no_big, state, facts, push.when)


def _facts(push: Push) -> list[tuple[str, str]]:
    oppo, to = oppo_options(push), push["to"]
    facts = [("To", to if isinstance(to, str) else ", ".join(to)), ("cid", cid_of(push))]
    facts += [(f"{rule.kind.capitalize()} picture", oppo.get(rule.id_key)) for rule in PICTURE_RULES.values()]
    facts += [("Style", oppo.get("style")), ("Channel", oppo.get("channel_id")), ("Category", oppo.get("category"))]
    return [(name, str(value)) for name, value in facts if value is not None]


def _why_no_big(push: Push, picture: str | None) -> str | None:
    oppo = oppo_options(push)
    if not oppo.get("big_picture_id"):
        return None
    if oppo.get("style") != BIG_PICTURE_STYLE:
        return f"The big picture stays hidden: its style is not {BIG_PICTURE_STYLE}"
    return None if picture else "The big picture is no longer kept here"


def _picture(memory: SandboxState, picture_id: object, kind: PictureKind) -> str | None:
    """Return the address of a picture's bytes, where they are still kept."""
    known = isinstance(picture_id, str) and picture_id in memory.pictures and memory.has_picture(kind, picture_id)
    return f"{PICTURE_PATH}/{picture_id}" if known else None


@functools.cache
def _template() -> jinja2.Template:
    loader = jinja2.FileSystemLoader(_HERE)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.get_template("page.html")
