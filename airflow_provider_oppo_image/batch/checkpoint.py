"""The checkpoint of a batch: the outcomes of its pictures, in immutable part files beside the results.

Objects in object storage cannot be appended to, so each part is one atomic write. A run never changes the parts of
another run, even if both write at the same time; all parts are read.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from typing import Any, Final

from airflow_provider_oppo_image.batch.results import Outcome, require_results_format
from airflow_provider_oppo_image.errors import ConfigurationError, Failure
from airflow_provider_oppo_image.storage import StoragePath, atomic_write, storage_errors

CHECKPOINT_VERSION: Final = 1

_HEADER_FILE: Final = "batch.json"


class Checkpoint:
    """The checkpoint of one batch.

    :param results: the path of the results; the checkpoint is the folder of that name with ``.parts`` appended.
    :raises ConfigurationError: if the suffix of the results is not known.
    """

    def __init__(self, results: StoragePath) -> None:
        require_results_format(results)
        self.results = results
        self.folder = results.with_name(results.name + ".parts")
        self.has_progress = False
        """Whether an earlier run of the same batch has opened the checkpoint."""
        self._run_id = secrets.token_hex(4)
        self._part_number = 0

    def open(self, fingerprint: str) -> dict[str, Any] | None:
        """Create the checkpoint, or open that of an earlier run.

        :param fingerprint: the fingerprint of the plan.
        :return: the summary of the batch if an earlier run uploaded all rows; otherwise None.
        :raises ConfigurationError: if the files belong to another batch, or are not those of a batch.
        """
        with storage_errors(f"Using {self.folder}"):
            header = self._read_header()
            if header is None:
                if self.results.exists():
                    raise ConfigurationError(
                        f"{self.results} exists, and no batch of this package wrote it. Choose another path for the "
                        "results, or remove the file."
                    )
                self._write_header(fingerprint)
                return None
            if header.get("format") != CHECKPOINT_VERSION or header.get("fingerprint") != fingerprint:
                raise ConfigurationError(
                    f"{self.results} belongs to another manifest, or the manifest was changed. Choose another path for "
                    f"the results, or remove this file and the folder {self.folder} beside it."
                )
            if header.get("summary") and not self.results.exists():
                # The results of a complete batch were removed: start again.
                self._write_header(fingerprint)
                return None
            self.has_progress = True
            return header.get("summary")

    def outcomes(self) -> Iterator[Outcome]:
        """Yield the outcomes of earlier runs, oldest part first."""
        with storage_errors(f"Reading {self.folder}"):
            for part in self._parts():
                yield from filter(None, map(_parse_outcome, part.read_bytes().splitlines()))

    def write(self, outcomes: Sequence[Outcome]) -> None:
        """Write a part.

        :param outcomes: at least one outcome.
        :raises StorageError: if the part cannot be written.
        """
        with storage_errors(f"Writing to {self.folder}"):
            if not self._part_number:
                self._part_number = len(self._parts())
            self._part_number += 1
            with atomic_write(self.folder / f"part-{self._part_number:06d}-{self._run_id}.jsonl") as file:
                for outcome in outcomes:
                    file.write(json.dumps(asdict(outcome), ensure_ascii=False).encode() + b"\n")

    def complete(self, fingerprint: str, summary: dict[str, Any]) -> None:
        """Record that all rows are uploaded, and remove the parts.

        :param fingerprint: the fingerprint of the plan.
        :param summary: the summary that `open` returns from now on.
        """
        with storage_errors(f"Writing to {self.folder}"):
            self._write_header(fingerprint, summary)
            for part in self._parts():
                part.unlink()

    def _parts(self) -> list[StoragePath]:
        files: Iterable[StoragePath] = self.folder.iterdir() if self.folder.exists() else ()
        return sorted((file for file in files if file.name.startswith("part-")), key=lambda file: str(file.name))

    def _read_header(self) -> dict[str, Any] | None:
        path = self.folder / _HEADER_FILE
        if not path.exists():
            return None
        header: dict[str, Any] = json.loads(path.read_bytes())
        return header

    def _write_header(self, fingerprint: str, summary: dict[str, Any] | None = None) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        header = {"format": CHECKPOINT_VERSION, "fingerprint": fingerprint, "summary": summary}
        with atomic_write(self.folder / _HEADER_FILE) as file:
            file.write(json.dumps(header, ensure_ascii=False).encode())


def _parse_outcome(line: bytes) -> Outcome | None:
    """Parse a line of a part; None for a damaged line, whose picture is uploaded again."""
    try:
        entry = json.loads(line)
        failure = entry["failure"]
        return Outcome(entry["number"], entry["picture_id"], failure and Failure(**failure))
    except (ValueError, KeyError, TypeError):
        return None
