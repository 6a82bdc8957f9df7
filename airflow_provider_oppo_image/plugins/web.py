"""What the page's addresses have in common: how a request is read, and what every answer carries."""

from __future__ import annotations

import re
from typing import Annotated, Final

from fastapi import Depends, HTTPException, Request
from fastapi.responses import HTMLResponse

from airflow_provider_oppo_image.plugins.rendering import template
from airflow_provider_oppo_image.plugins.words import Words, words_for

HEADERS: Final = {
    # Pictures are wherever campaigns have theirs; nothing else comes from elsewhere.
    "Content-Security-Policy": (
        "default-src 'none'; img-src http: https:; style-src 'self'; script-src 'self'; form-action 'self'; "
        "base-uri 'none'; frame-ancestors 'self'"
    ),
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Vary": "Accept-Language",
}


class PageError(Exception):
    """There is no page, and why is told in its place.

    :param status: the HTTP status.
    :param name: the name of its words, which are `trouble_` and `advice_` with it.
    :param said: what was found, in English; "" for nothing.
    """

    def __init__(self, status: int, name: str, said: str = "") -> None:
        super().__init__(name)
        self.status = status
        self.name = name
        self.said = said


def map_index_of(map_index: str = "-1") -> int:
    """Return which of a task's mapped instances a request asks for; -1 for one that is not mapped.

    :param map_index: from the query. What is no number means that the task is not mapped: Airflow leaves its
        placeholder in the address then.
    """
    return int(map_index) if re.fullmatch("[0-9]{1,9}", map_index) else -1


MapIndex = Annotated[int, Depends(map_index_of)]


def words_of(request: Request) -> Words:
    """Return the words of a request's language.

    :param request: the request.
    """
    return words_for(request.headers.get("Accept-Language", ""))


def render_error(request: Request, error: Exception) -> HTMLResponse:
    """Answer with the page that says why there is none.

    :param request: the request.
    :param error: `PageError`, or what FastAPI raises.
    """
    words = words_of(request)
    told = error if isinstance(error, PageError) else _told(error, words)
    # As a link says it: Airflow may live below a path of its own.
    up = "../" * (request.scope["path"].removeprefix(request.scope.get("root_path", "")).count("/") - 1)
    page = template("trouble.html").render(words=words, name=told.name, said=told.said, up=up)
    return HTMLResponse(page, told.status, headers=HEADERS)


def _told(error: Exception, words: Words) -> PageError:
    status = error.status_code if isinstance(error, HTTPException) else 400
    known = f"trouble_{status}" in words.texts
    return PageError(status, str(status if known else 400 if status < 500 else 500))
