"""A batch's checkpoint: what became of its pictures, in parts beside its results, each written whole and never changed.

Nothing is appended to, since objects in a store cannot be. A try that comes after another one, or while another one is
still dying, writes parts of its own, and all of them count.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from airflow_provider_oppo_image.batch.results import Outcome, check_format
from airflow_provider_oppo_image.errors import ConfigurationError, Failure
from airflow_provider_oppo_image.storage import StoragePath, atomic_write, storage_errors

FORMAT: Final = 1
"""The version of what is written here."""

_OWNER: Final = "batch.json"


class Checkpoint:
    """The parts of one batch.

    :param results: where its results will be; the parts lie beside it, in a folder of that name and ``.parts``.
    :raises ConfigurationError: if its suffix tells no format.
    """

    def __init__(self, results: StoragePath) -> None:
        check_format(results)
        self.results = results
        self.folder = results.with_name(results.name + ".parts")
        self.is_begun = False
        """Whether an earlier run has been here, as `claim` found."""
        self._token = secrets.token_hex(4)
        self._written = 0

    def claim(self, fingerprint: str) -> dict[str, Any] | None:
        """Make this place a batch's own, or find that it was.

        :param fingerprint: the plan's.
        :return: the summary of the batch where it has ended, with all its rows uploaded; else None.
        :raises ConfigurationError: if the place belongs to another batch, or to something else.
        """
        with storage_errors(f"Using {self.folder}"):
            owner = self._owner()
            if owner is None:
                if self.results.exists():
                    raise ConfigurationError(
                        f"{self.results} is there, and no batch of this package wrote it. Choose another place for the "
                        "results, or remove it."
                    )
                self._write_owner(fingerprint)
                return None
            if owner.get("format") != FORMAT or owner.get("fingerprint") != fingerprint:
                raise ConfigurationError(
                    f"{self.results} belongs to another manifest, or to this one as it was before it was changed. "
                    f"Choose another place for the results, or remove {self.results} and {self.folder}."
                )
            if owner.get("summary") and not self.results.exists():
                # Somebody removed the results of a batch that had ended: it begins anew.
                self._write_owner(fingerprint)
                return None
            self.is_begun = True
            return owner.get("summary")

    def outcomes(self) -> Iterator[Outcome]:
        """Yield what earlier tries noted, the earliest first."""
        with storage_errors(f"Reading {self.folder}"):
            for part in self._parts():
                yield from filter(None, map(_read_outcome, part.read_bytes().splitlines()))

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Write a part.

        :param outcomes: what became of pictures, at least one.
        :raises StorageError: if it cannot be written.
        """
        with storage_errors(f"Writing to {self.folder}"):
            if not self._written:
                self._written = len(self._parts())
            self._written += 1
            with atomic_write(self.folder / f"part-{self._written:06d}-{self._token}.jsonl") as file:
                for outcome in outcomes:
                    file.write(json.dumps(asdict(outcome), ensure_ascii=False).encode() + b"\n")

    def end(self, fingerprint: str, summary: dict[str, Any]) -> None:
        """Note that the batch has ended with all its rows uploaded, and remove the parts.

        :param fingerprint: the plan's.
        :param summary: what `claim` returns from now on.
        """
        with storage_errors(f"Writing to {self.folder}"):
            self._write_owner(fingerprint, summary)
            for part in self._parts():
                part.unlink()

    def _parts(self) -> list[StoragePath]:
        found: Iterable[StoragePath] = self.folder.iterdir() if self.folder.exists() else ()
        return sorted((place for place in found if place.name.startswith("part-")), key=lambda place: str(place.name))

    def _owner(self) -> dict[str, Any] | None:
        place = self.folder / _OWNER
        if not place.exists():
            return None
        owner: dict[str, Any] = json.loads(place.read_bytes())
        return owner

    def _write_owner(self, fingerprint: str, summary: dict[str, Any] | None = None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        owner = {"format": FORMAT, "fingerprint": fingerprint, "summary": summary}
        with atomic_write(self.folder / _OWNER) as file:
            file.write(json.dumps(owner, ensure_ascii=False).encode())


def _read_outcome(line: bytes) -> Outcome | None:
    """Read a line of a part; None where it is damaged, and its picture is uploaded again."""
    try:
        entry = json.loads(line)
        failure = entry["failure"]
        return Outcome(entry["number"], entry["picture_id"], failure and Failure(**failure))
    except (ValueError, KeyError, TypeError):
        return None
