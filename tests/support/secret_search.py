"""Search for secrets, complete or in fragments, in the files of an Airflow."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

Text: TypeAlias = tuple[str, bytes]
"""A location and its content."""

FRAGMENT_LENGTH: Final = 10


def secret_fragments(connections: Iterable[Mapping[str, Any]]) -> set[bytes]:
    """Return all fragments of the master secrets and of their Base64 forms."""
    fragments = set()
    for connection in connections:
        secret, pair = connection["password"].encode(), f"{connection['login']}:{connection['password']}".encode()
        for form in (secret, base64.b64encode(secret), base64.b64encode(pair)):
            fragments |= {form[at : at + FRAGMENT_LENGTH] for at in range(len(form) - FRAGMENT_LENGTH + 1)}
    return fragments


def find_locations(fragments: Collection[bytes], texts: Iterable[Text]) -> set[str]:
    """Return the locations that contain one of the fragments."""
    return {location for location, text in texts if any(fragment in text for fragment in fragments)}


def files(home: Path) -> Iterator[Text]:
    """Yield all files of an Airflow, including its database, by their path below its home."""
    for path in home.rglob("*"):
        if path.is_file() and not path.is_symlink():
            with contextlib.suppress(FileNotFoundError):  # it was deleted meanwhile
                yield str(path.relative_to(home)), path.read_bytes()


def logs(home: Path) -> Iterator[Text]:
    """Yield the log files: of components, tasks, triggers and DAG files."""
    return ((location, text) for location, text in files(home) if ".log" in location)
