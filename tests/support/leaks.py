"""Search for a test's master secret and signature in texts, in all escaped forms and in fragments."""

from __future__ import annotations

import base64
import html
import json
import pickle
import re
import traceback
from collections.abc import Iterator
from urllib.parse import quote, quote_plus, unquote

APP_KEY = "an-app-key"
SECRET = 'Zq7/wX9&k3+P%vT"e\\u<é>mR2=Yd5'
"""A master secret that each escaping changes in a different way."""

TOKEN = base64.b64encode(f"{APP_KEY}:{SECRET}".encode()).decode()
SIGNATURE = "X-Signature=5b1cN0tF0rL0gs"
"""The query of a picture's URL."""

_FRAGMENT_LENGTH = 8


def _escaped(text: str) -> Iterator[str]:
    data = text.encode()
    yield text
    yield text.rstrip("=")
    yield from (json.dumps(text)[1:-1], json.dumps(text, ensure_ascii=False)[1:-1], text.replace("/", r"\/"))
    yield from (quote(text), quote(text, safe=""), quote_plus(text), html.escape(text))
    yield from (repr(text)[1:-1], ascii(text)[1:-1], repr(data)[2:-1], data.decode("latin-1"), data.hex())
    yield base64.b64encode(data).decode()
    yield base64.urlsafe_b64encode(data).decode()


def _split(text: str) -> list[str]:
    return [text[at : at + _FRAGMENT_LENGTH] for at in range(len(text) - _FRAGMENT_LENGTH + 1)]


def _fragments(*secrets: str) -> frozenset[str]:
    forms = {form for secret in secrets for form in _escaped(secret)}
    forms |= {form[::-1] for form in forms}
    return frozenset(fragment for form in forms for fragment in _split(form))


_SECRET_FRAGMENTS = _fragments(SECRET, TOKEN)
_SIGNATURE_FRAGMENTS = _fragments(SIGNATURE.partition("=")[2])


def leaks(*texts: str | bytes) -> list[str]:
    """Return the fragments of the master secret and of the Authorization header in texts; [] if there are none."""
    return _find(_SECRET_FRAGMENTS, texts)


def signatures(*texts: str | bytes) -> list[str]:
    """Return the fragments of the picture URL's signature in texts; [] if there are none."""
    return _find(_SIGNATURE_FRAGMENTS, texts)


def _find(fragments: frozenset[str], texts: tuple[str | bytes, ...]) -> list[str]:
    joined = "\n".join(text.decode(errors="replace") if isinstance(text, bytes) else text for text in texts)
    if re.search(r"%25|&#|\\u00", joined):
        escaped = re.sub(r"\\+u00([0-9a-f]{2})", lambda match: chr(int(match[1], 16)), joined)
        joined += html.unescape(unquote(unquote(escaped)))
    return sorted(fragments.intersection(_split(joined)))


def dump_error(error: BaseException) -> str:
    """Return everything that an error and its causes contain, including their pickled form."""
    return "\n".join(_dump(error, set()))


def _dump(error: BaseException, seen: set[int]) -> Iterator[str]:
    seen.add(id(error))
    yield from (str(error), repr(error), repr(error.args), repr(vars(error)), repr(getattr(error, "__notes__", "")))
    yield from traceback.format_exception_only(error)
    for value in (*error.args, *vars(error).values()):
        yield repr(getattr(value, "__dict__", ""))
        yield repr(getattr(value, "headers", ""))
    try:
        yield pickle.dumps(error).decode(errors="replace")
    except (TypeError, AttributeError, pickle.PicklingError):  # an error of another library
        yield ""
    for other in (error.__cause__, error.__context__):
        if other is not None and id(other) not in seen:
            yield from _dump(other, seen)


def traceback_with_locals(error: BaseException) -> str:
    """Return a traceback with the local variables of this package's frames, as error reporting tools send it."""
    summary = traceback.TracebackException.from_exception(error, capture_locals=True)
    frames = [frame for frame in _frames(summary) if "/airflow_provider_oppo_image/" in frame.filename]
    return "".join(traceback.format_exception(error)) + "\n".join(f"{frame.name}: {frame.locals}" for frame in frames)


def _frames(summary: traceback.TracebackException) -> Iterator[traceback.FrameSummary]:
    yield from summary.stack
    for other in (summary.__cause__, summary.__context__):
        if other is not None:
            yield from _frames(other)
