"""Split of a manifest into parts for several workers, and merge of the results of the parts."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import IO

from airflow_provider_oppo_image.batch.manifest import (
    FORMATS_WITH_HEADER,
    GZIP_SUFFIX,
    MAX_LINE_BYTES,
    UTF8_BOM,
    Row,
    manifest_suffix,
    open_manifest,
    read_manifest,
)
from airflow_provider_oppo_image.batch.plan import Plan
from airflow_provider_oppo_image.batch.progress import ResultCounter, Summary
from airflow_provider_oppo_image.batch.results import read_results, require_results_format, write_results
from airflow_provider_oppo_image.batch.row_result import Origin, RowResult
from airflow_provider_oppo_image.errors import BatchError, ConfigurationError
from airflow_provider_oppo_image.storage import AnyPath, StoragePath, atomic_write, path_text, resolve, storage_errors

log = logging.getLogger(__name__)


def default_results_path(manifest: AnyPath) -> str:
    """Return the default path of a manifest's results: ``night.results.csv`` for ``night.csv`` or ``night.csv.gz``.

    :param manifest: the path or URL of the manifest.
    """
    stem, dot, suffix = path_text(manifest).removesuffix(GZIP_SUFFIX).rpartition(".")
    return f"{stem}.results{dot}{suffix}"


def split_manifest(manifest: AnyPath, folder: AnyPath, parts: int) -> list[str]:
    """Split a manifest into parts of equal length, in its order; each part of a CSV manifest has the header.

    Each part is a batch of its own: a name or a picture that is in two parts is not detected.

    :param manifest: the path or URL of the manifest.
    :param folder: the folder of the parts; parts of an earlier split are overwritten.
    :param parts: the number of parts, at least 1; parts without a line are not written.
    :return: the paths or URLs of the parts, for a mapped task.
    :raises ConfigurationError: if `parts` is less than 1, or the file is not a valid manifest.
    :raises StorageError: if a file cannot be read or written.
    """
    if parts < 1:
        raise ConfigurationError(f"The number of parts must be at least 1, not {parts}.")
    source, target = resolve(manifest), resolve(folder)
    suffix = manifest_suffix(source)
    for _ in read_manifest(source):
        pass  # to the end, since only then is it known whether the manifest is valid
    with storage_errors(f"Splitting {source} into {target}"), open_manifest(source) as file:
        target.mkdir(parents=True, exist_ok=True)
        header_lines, lines = _count_lines(source)
        header = [file.readline() for _ in range(header_lines)]
        paths = []
        for number in range(parts):
            length = lines * (number + 1) // parts - lines * number // parts
            if length:
                part = target / f"part-{number + 1:04d}{suffix}"
                with atomic_write(part) as copy:
                    copy.writelines(header)
                    _copy_lines(file, copy, length)
                paths.append(str(part))
    return paths


def merge_results(manifests: Sequence[AnyPath], results: AnyPath) -> Summary:
    """Merge the results of the parts into one file, with the line numbers of the original manifest.

    Only results that were made from the very part are used: they carry the fingerprint of its rows. All other rows are
    "not tried". A name that is in two parts fails its second row. Such names and pictures are logged.

    :param manifests: what `split_manifest` returned.
    :param results: the path or URL of the merged results.
    :return: the summary of all parts.
    :raises BatchError: if no part has results; the merged file is written before.
    :raises ConfigurationError: if the suffix of `results` is not known, or parts were uploaded with different AppKeys
        or to different data centers.
    :raises StorageError: if a file cannot be read or written.
    """
    path, counter = resolve(results), ResultCounter()
    require_results_format(path)
    parts = [_read_part(manifest) for manifest in manifests]
    with Plan(_numbered_rows(parts)) as plan:
        _log_shared(parts, plan)
        accounts = set()
        for part, offset in _with_offsets(parts):
            for row in part.results():
                accounts.add(row.account)
                plan.restore_row(offset + row.line, row)
        if len(accounts) > 1:
            raise ConfigurationError(
                f"The parts were uploaded with {len(accounts)} different AppKeys or data centers, and ids are valid "
                "for one only. Upload all parts with the same connection."
            )
        origin = Origin(plan.fingerprint, next(iter(accounts), None) or "")
        write_results(path, counter.count(plan.results(origin)))
    summary = counter.summary(str(path))
    if parts and not accounts:
        raise BatchError(
            f"None of the {len(parts)} parts has results of this manifest, so all rows are not tried. See the logs of "
            "the tasks that upload the parts.",
            summary=summary.to_dict(),
        )
    return summary


@dataclass(frozen=True)
class _Part:
    """A part of a manifest.

    :param manifest: its path.
    :param lines: the number of its lines without the header.
    :param fingerprint: SHA-256 of its rows.
    :param names: the number of different names.
    :param pictures: the number of different pictures.
    """

    manifest: StoragePath
    lines: int
    fingerprint: str
    names: int
    pictures: int

    def results(self) -> Iterator[RowResult]:
        """Yield the results that were made from this part."""
        path = resolve(default_results_path(self.manifest))
        with storage_errors(f"Reading {path}"):
            exists = path.exists()
        if not exists:
            log.warning("%s does not exist, so the rows of this part are not tried.", path)
            return
        foreign = 0
        for row in read_results(path):
            if row.manifest == self.fingerprint:
                yield row
            else:
                foreign += 1
        if foreign:
            log.warning("%s has %s rows of another manifest, which are ignored.", path, f"{foreign:,}")


def _read_part(manifest: AnyPath) -> _Part:
    path = resolve(manifest)
    with Plan(read_manifest(path)) as plan:
        _, lines = _count_lines(path)
        return _Part(path, lines, plan.fingerprint, plan.name_count, plan.picture_count)


def _with_offsets(parts: Sequence[_Part]) -> Iterator[tuple[_Part, int]]:
    """Yield each part, with the number to add to its line numbers."""
    offset = 0
    for part in parts:
        yield part, offset
        offset += part.lines


def _numbered_rows(parts: Sequence[_Part]) -> Iterator[Row]:
    for part, offset in _with_offsets(parts):
        for row in read_manifest(part.manifest):
            yield dataclasses.replace(row, line=offset + row.line)


def _log_shared(parts: Sequence[_Part], plan: Plan) -> None:
    names = sum(part.names for part in parts) - plan.name_count
    pictures = sum(part.pictures for part in parts) - plan.picture_count
    if names or pictures:
        log.warning(
            "%s names are in more than one part; the first row of a name is used. %s uploads were repeated, or are not "
            "used.",
            f"{names:,}",
            f"{pictures:,}",
        )


def _count_lines(manifest: StoragePath) -> tuple[int, int]:
    """Return the number of lines up to the header of a CSV manifest, and of those after it.

    Blank lines before the header count as its lines; other formats have no header.
    """
    header, lines, is_complete = 0, 0, True
    in_header = manifest_suffix(manifest) in FORMATS_WITH_HEADER
    with open_manifest(manifest) as file:
        while chunk := file.readline(MAX_LINE_BYTES):
            if in_header:
                header += is_complete
                in_header = not chunk.removeprefix(UTF8_BOM).strip() or not chunk.endswith(b"\n")
            else:
                lines += is_complete
            is_complete = chunk.endswith(b"\n")
    return header, lines


def _copy_lines(source: IO[bytes], target: IO[bytes], lines: int) -> None:
    while lines and (chunk := source.readline(MAX_LINE_BYTES)):
        target.write(chunk)
        lines -= chunk.endswith(b"\n")
