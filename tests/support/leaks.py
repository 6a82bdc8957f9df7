"""Looks for a secret in whatever somebody may get to see: in all its forms, and in pieces."""

from __future__ import annotations

import base64
import html
import json
import pickle
import traceback
from collections.abc import Iterator
from urllib.parse import quote, quote_plus

APP_KEY = "an-app-key"
SECRET = 'Zq7/wX9&k3+P%vT"e\\u<é>mR2=Yd5'
"""A master secret that everything escapes in its own way."""

TOKEN = base64.b64encode(f"{APP_KEY}:{SECRET}".encode()).decode()
SIGNATURE = "X-Signature=5b1cN0tF0rL0gs"
"""The query of a picture's URL."""

_PIECE = 8


def _escaped(text: str) -> Iterator[str]:
    data = text.encode()
    yield text
    yield text.rstrip("=")
    yield from (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], text.replace("/", r"\/"))
    yield from (quote(text), quote(text, safe=""), quote_plus(text), html.escape(text))
    yield from (repr(text)[1:-1], ascii(text)[1:-1], repr(data)[2:-1], data.decode("latin-1"), data.hex())
    yield base64.b64encode(data).decode()
    yield base64.urlsafe_b64encode(data).decode()


def _pieces(*secrets: str) -> frozenset[str]:
    forms = {form for secret in secrets for form in _escaped(secret)}
    forms |= {form[::-1] for form in forms}
    return frozenset(form[at : at + _PIECE] for form in forms for at in range(len(form) - _PIECE + 1))


_OF_THE_SECRET = _pieces(SECRET, TOKEN)
_OF_THE_SIGNATURE = _pieces(SIGNATURE.partition("=")[2])


def leaks(*texts: str | bytes) -> list[str]:
    """Return the pieces of the master secret and of the header in texts, eight characters each; [] for none."""
    return _found(_OF_THE_SECRET, texts)


def signatures(*texts: str | bytes) -> list[str]:
    """Return the pieces of the picture URL's signature in texts; [] for none."""
    return _found(_OF_THE_SIGNATURE, texts)


def _found(pieces: frozenset[str], texts: tuple[str | bytes, ...]) -> list[str]:
    shown = "\n".join(text.decode(errors="replace") if isinstance(text, bytes) else text for text in texts)
    return sorted(pieces.intersection([shown[at : at + _PIECE] for at in range(len(shown) - _PIECE + 1)]))


def everything_about(error: BaseException) -> str:
    """Return whatever an error and those behind it show to somebody who looks, or moves them to another process."""
    return "\n".join(_everything(error, set()))


def _everything(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    yield from (str(error), repr(error), repr(error.args), repr(vars(error)), repr(getattr(error, "__notes__", "")))
    yield from traceback.format_exception_only(error)
    for value in (*error.args, *vars(error).values()):
        yield repr(getattr(value, "__dict__", ""))
        yield repr(getattr(value, "headers", ""))
    try:
        yield pickle.dumps(error).decode(errors="replace")
    except (TypeError, AttributeError, pickle.PicklingError):  # an error of somebody else's
        yield ""
    for other in (error.__cause__, error.__context__):
        if other is not None and id(other) not in seen:
            yield from _everything(other, seen)


def with_locals(error: BaseException) -> str:
    """Return a traceback, and what tools for error reports add: the local variables of each frame of this package."""
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in _frames(shown) if "/airflow_provider_oppo_image/" in frame.filename]
    return "".join(traceback.format_exception(error)) + "\n".join(f"{frame.name}: {frame.locals}" for frame in frames)


def _frames(shown: traceback.TracebackException) -> Iterator[traceback.FrameSummary]:
    yield from shown.stack
    for other in (shown.__cause__, shown.__context__):
        if other is not None:
            yield from _frames(other)
