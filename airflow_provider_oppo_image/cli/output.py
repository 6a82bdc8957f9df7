"""What the command line writes: results to standard output, words about them to standard error."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any, TextIO


def print_result(text: str) -> None:
    """Write a result for a person to standard output.

    :param text: one line or several; control characters in it are made harmless, since hosts choose some of the words.
    """
    _write(sys.stdout, text)


def print_json(data: Mapping[str, Any]) -> None:
    """Write a result for a program to standard output: one JSON object on one line."""
    _write(sys.stdout, json.dumps(data))


def print_note(text: str) -> None:
    """Write to standard error: what went wrong, and what is good to know beside a result."""
    _write(sys.stderr, text)


def table(rows: Iterable[tuple[str, str]]) -> str:
    """Return rows of two columns, aligned and indented.

    :param rows: what a row is about, and its words.
    """
    rows = list(rows)
    width = max((len(name) for name, _ in rows), default=0)
    return "\n".join(f"  {name:<{width}}  {words}" for name, words in rows)


def flush() -> None:
    """Write out what argparse may have left behind; nobody may be reading any more."""
    _write(sys.stdout, "", end="")


def _write(stream: TextIO | None, text: str, end: str = "\n") -> None:
    """Write and flush; a reader who has left, as `head` does, changes nothing about the verdict."""
    if stream is None:  # the caller closed it
        return
    harmless = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(harmless.encode(encoding, "backslashreplace").decode(encoding) + end)
        stream.flush()
    except BrokenPipeError:
        # What is still in the buffer would fail again when the interpreter ends.
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
