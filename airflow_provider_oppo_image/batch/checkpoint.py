"""The checkpoint of a batch: the outcomes of its pictures, in immutable part files beside the results.

Objects in object storage cannot be appended to, so each part is one atomic write. The header and each part carry their
origin, and what has another origin is not used. What is read is untrusted: each line is validated.
"""

from __future__ import annotations

import datetime
import json
import logging
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, Generic, Self, TypeVar

from airflow_provider_oppo_image.batch.lease import Lease
from airflow_provider_oppo_image.batch.progress import Summary
from airflow_provider_oppo_image.batch.results import log_invalid_line, require_results_format
from airflow_provider_oppo_image.batch.row_result import Origin, Outcome, is_valid_outcome
from airflow_provider_oppo_image.errors import ConfigurationError, Failure
from airflow_provider_oppo_image.storage import (
    StoragePath,
    atomic_write,
    remove_temp_files,
    reserve_space,
    storage_errors,
)

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

log = logging.getLogger(__name__)

CHECKPOINT_VERSION: Final = 2

_HEADER_FILE: Final = "batch.json"
_LEASE_FILE: Final = "lease.json"

_BYTES_PER_ROW: Final = 1_000
"""Disk space of a row in the results and in the parts, which is reserved before the first upload. Our own estimate."""


def checkpoint_folder(results: StoragePath) -> StoragePath:
    """Return the folder of the checkpoint of a results file.

    :param results: the path of the results.
    """
    return results.with_name(results.name + ".parts")


OutcomeT = TypeVar("OutcomeT", bound="DataclassInstance")


class BaseCheckpoint(ABC, Generic[OutcomeT]):
    """The checkpoint of one batch; a context manager that holds the lease.

    :param results: the path of the results; the checkpoint is the folder of that name with ``.parts`` appended.
    :param origin: the origin of the batch; the task may differ between runs.
    :raises ConfigurationError: if the suffix of the results is not known.
    """

    other_batch: ClassVar[str]
    """What is wrong with a checkpoint that belongs to another batch, after the path of the results."""
    remedy: ClassVar[str]
    """What to do with a checkpoint that belongs to another batch; it may contain ``{folder}``."""

    def __init__(self, results: StoragePath, origin: Origin) -> None:
        require_results_format(results)
        self.results = results
        self.folder = checkpoint_folder(results)
        self.has_progress = False
        """Whether an earlier run of the same batch has opened the checkpoint."""
        self._origin: dict[str, Any] = {"manifest": origin.manifest, "account": origin.account}
        self.header: dict[str, Any] = {}
        """The header of an earlier run; in a new checkpoint, what is written into the header in addition."""
        self._lease = Lease(self.folder / _LEASE_FILE, str(results))
        self._run_id = secrets.token_hex(4)
        self._part_number = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._lease.release()

    def open(self, rows: int) -> None:
        """Acquire the lease, and create the checkpoint or open that of an earlier run.

        :param rows: the number of rows, for which disk space is reserved.
        :raises BatchError: if another run works on the checkpoint; it is transient.
        :raises ConfigurationError: if the files belong to another batch, or are not those of a batch.
        :raises StorageError: if a file cannot be written, for example because the disk is full.
        """
        with storage_errors(f"Using {self.folder}"):
            if not self.folder.exists():
                self._refuse_foreign_results()
            self.folder.mkdir(parents=True, exist_ok=True)
            self._lease.acquire()
            remove_temp_files(self.folder)
            remove_temp_files(self.results.parent, f"{self.results.name}.")
            reserve_space(self.results, rows * _BYTES_PER_ROW)
            header = self._read_header()
            if header is None:
                self._refuse_foreign_results()
                self._write_header()
                return
            self._compare(header)
            self.has_progress = True
            self.header = header

    def _refuse_foreign_results(self) -> None:
        if self.results.exists():
            raise ConfigurationError(
                f"{self.results} exists, and no batch of this package wrote it. Choose another path for the "
                "results, or remove the file."
            )

    def _compare(self, header: dict[str, Any]) -> None:
        remedy = self.remedy.format(folder=self.folder)
        if header.get("format") != CHECKPOINT_VERSION or header.get("manifest") != self._origin.get("manifest"):
            raise ConfigurationError(f"{self.results} {self.other_batch} {remedy}")
        if header.get("account") != self._origin["account"]:
            raise ConfigurationError(
                f"{self.results} belongs to another AppKey or data center, and picture ids are valid for one only. "
                f"{remedy}"
            )
        if header.get("task") != self._origin.get("task"):
            raise ConfigurationError(f"{self.results} belongs to another task or run: {header.get('task')}. {remedy}")

    def outcomes(self) -> Iterator[OutcomeT]:
        """Yield the outcomes of earlier runs, oldest part first."""
        with storage_errors(f"Reading {self.folder}"):
            for part in self._parts():
                first, *lines = part.read_bytes().splitlines() or [b""]
                if _parse_json(first) != self._origin:
                    self._reject_part(part)
                    continue
                for number, line in enumerate(lines, start=2):
                    if outcome := self._parse_outcome(_parse_json(line)):
                        yield outcome
                    else:
                        self._reject_line(part, number)

    @abstractmethod
    def _parse_outcome(self, entry: Any) -> OutcomeT | None:
        """Return the outcome of a line; None for a line that is not valid."""

    @abstractmethod
    def _reject_part(self, part: StoragePath) -> None:
        """Handle a part of another origin."""

    @abstractmethod
    def _reject_line(self, part: StoragePath, number: int) -> None:
        """Handle a line that is not valid."""

    def write(self, outcomes: Sequence[OutcomeT]) -> None:
        """Write a part.

        :param outcomes: at least one outcome.
        :raises BatchError: if another run has taken over the checkpoint.
        :raises StorageError: if the part cannot be written.
        """
        with storage_errors(f"Writing to {self.folder}"):
            if not self._part_number:
                self._part_number = len(self._parts())
            self._part_number += 1
            with atomic_write(self.folder / f"part-{self._part_number:06d}-{self._run_id}.jsonl") as file:
                for entry in (self._origin, *outcomes):
                    # `asdict` would take a third of the time of a batch of pushes.
                    file.write(json.dumps(entry, ensure_ascii=False, default=vars).encode() + b"\n")

    def renew(self) -> None:
        """Renew the lease, if that is due.

        :raises BatchError: if another run has taken it over.
        """
        with storage_errors(f"Renewing the lease on {self.folder}"):
            self._lease.renew()

    def _parts(self) -> list[StoragePath]:
        files: Iterable[StoragePath] = self.folder.iterdir() if self.folder.exists() else ()
        names = (file for file in files if file.name.startswith("part-") and file.name.endswith(".jsonl"))
        return sorted(names, key=lambda file: str(file.name))

    def _read_header(self) -> dict[str, Any] | None:
        path = self.folder / _HEADER_FILE
        if not path.exists():
            return None
        header = _parse_json(path.read_bytes())
        if not isinstance(header, dict):
            raise ConfigurationError(
                f"{path} is damaged, so it is not known what was done. {self.remedy.format(folder=self.folder)}"
            )
        return header

    def _write_header(self) -> None:
        header = {**self.header, "format": CHECKPOINT_VERSION, **self._origin}
        with atomic_write(self.folder / _HEADER_FILE) as file:
            file.write(json.dumps(header, ensure_ascii=False).encode())


class Checkpoint(BaseCheckpoint[Outcome]):
    """The checkpoint of a batch of uploads. What cannot be read is logged, and its pictures are uploaded again."""

    other_batch = "belongs to another manifest, or the manifest was changed."
    remedy = "Choose another path for the results, or remove this file and the folder {folder} beside it."

    def completed(self, renew_before: datetime.datetime | None = None) -> Summary | None:
        """Return the summary of an earlier run that uploaded all rows; None if none did.

        :param renew_before: None is returned if an id was uploaded before this time; None for no limit.
        """
        with storage_errors(f"Reading {self.results}"):
            if not self.results.exists():
                return None
        try:
            summary = Summary.from_dict(self.header["summary"])
            oldest = self.header["oldest"] and datetime.datetime.fromisoformat(self.header["oldest"])
            return None if renew_before and oldest and oldest < renew_before else summary
        except (KeyError, TypeError, ValueError):
            return None  # not complete, or damaged: the parts tell what is uploaded

    def complete(self, summary: Summary, oldest: str | None) -> None:
        """Record that all rows are uploaded.

        :param summary: the summary that `completed` returns from now on.
        :param oldest: the time of the earliest upload, in ISO 8601; None without an upload.
        """
        self.header |= {"summary": summary.to_dict(), "oldest": oldest}
        with storage_errors(f"Writing to {self.folder}"):
            self._write_header()

    def _parse_outcome(self, entry: Any) -> Outcome | None:
        try:
            failure = entry["failure"]
            outcome = Outcome(**entry | {"failure": failure and Failure(**failure)})
        except (KeyError, TypeError):
            return None
        return outcome if is_valid_outcome(outcome) else None

    def _reject_part(self, part: StoragePath) -> None:
        log.warning("%s was not written for this manifest and AppKey, and is ignored.", part)

    def _reject_line(self, part: StoragePath, number: int) -> None:
        log_invalid_line(part, number)


def storage_of(
    checkpoint: BaseCheckpoint[OutcomeT] | None,
) -> tuple[Callable[[Sequence[OutcomeT]], None], Callable[[], None]]:
    """Return how a worker pool writes outcomes and renews the lease; without a checkpoint, both do nothing.

    :param checkpoint: the checkpoint; None without one.
    """
    return (checkpoint.write, checkpoint.renew) if checkpoint else (lambda _: None, lambda: None)


def _parse_json(content: bytes) -> Any:
    """Return the value of JSON; None for other content."""
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
