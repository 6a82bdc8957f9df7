"""Searches what an Airflow has left for secrets: whole ones, and pieces of them."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

Text: TypeAlias = tuple[str, bytes]
"""A place, and what stands there."""

PIECE: Final = 10
"""How much of a secret is too much, in characters."""


def pieces_of_secrets(connections: Iterable[Mapping[str, Any]]) -> set[bytes]:
    """Return all pieces of the master secrets, and of what is made of them to be sent."""
    pieces = set()
    for connection in connections:
        secret, pair = connection["password"].encode(), f"{connection['login']}:{connection['password']}".encode()
        for form in (secret, base64.b64encode(secret), base64.b64encode(pair)):
            pieces |= {form[at : at + PIECE] for at in range(len(form) - PIECE + 1)}
    return pieces


def found(forms: Collection[bytes], texts: Iterable[Text]) -> set[str]:
    """Return the places where one of these forms stands."""
    return {place for place, text in texts if any(form in text for form in forms)}


def files(home: Path) -> Iterator[Text]:
    """All files of an Airflow, its database among them, by their paths below its home."""
    for path in home.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with contextlib.suppress(FileNotFoundError):  # it was there a moment ago
                yield str(path.relative_to(home)), path.read_bytes()


def logs(home: Path) -> Iterator[Text]:
    """The logs among them: of components, tasks, triggers and DAG files."""
    return ((place, text) for place, text in files(home) if ".log" in place)
