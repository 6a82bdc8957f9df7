"""Split of a manifest into parts for several workers, and merge of the results of the parts."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import IO

from airflow_provider_oppo_image.batch.manifest import (
    FORMATS_WITH_HEADER,
    GZIP_SUFFIX,
    MAX_LINE_BYTES,
    UTF8_BOM,
    manifest_suffix,
    open_manifest,
    read_manifest,
)
from airflow_provider_oppo_image.batch.progress import ResultCounter, Summary
from airflow_provider_oppo_image.batch.results import RowResult, build_result, read_results, write_results
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.storage import AnyPath, StoragePath, atomic_write, path_text, resolve, storage_errors


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
        header = [file.readline() for _ in _read_header(source)]
        lines = _count_lines(source) - len(header)
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


def merge_results(manifests: Sequence[str], results: str) -> Summary:
    """Merge the results of the parts into one file, with the line numbers of the original manifest.

    Rows of a part that has no results are "not tried".

    :param manifests: what `split_manifest` returned.
    :param results: the path or URL of the merged results.
    :return: the summary of all parts.
    :raises ConfigurationError: if the suffix of `results` is not known.
    :raises StorageError: if a file cannot be read or written.
    """
    path, counter = resolve(results), ResultCounter()
    write_results(path, counter.count(_read_all_results(manifests)))
    return counter.summary(results)


def _read_all_results(manifests: Sequence[str]) -> Iterator[RowResult]:
    offset = 0
    for manifest in manifests:
        part, results = resolve(manifest), resolve(default_results_path(manifest))
        with storage_errors(f"Reading {part} and {results}"):
            for result in read_results(results) if results.exists() else _results_not_tried(part):
                yield dataclasses.replace(result, line=offset + result.line)
            offset += _count_lines(part) - len(_read_header(part))


def _results_not_tried(manifest: StoragePath) -> Iterator[RowResult]:
    for row in read_manifest(manifest):
        yield build_result(row.line, row.name, row.pictures)


def _read_header(manifest: StoragePath) -> list[bytes]:
    """Return the header of a CSV manifest, with the blank lines before it; an empty list for other formats."""
    header = []
    with open_manifest(manifest) as file:
        while manifest_suffix(manifest) in FORMATS_WITH_HEADER and (line := file.readline(MAX_LINE_BYTES)):
            header.append(line)
            if line.removeprefix(UTF8_BOM).strip():
                break
    return header


def _count_lines(path: StoragePath) -> int:
    lines, is_complete = 0, True
    with open_manifest(path) as file:
        while chunk := file.readline(MAX_LINE_BYTES):
            lines += is_complete
            is_complete = chunk.endswith(b"\n")
    return lines


def _copy_lines(source: IO[bytes], target: IO[bytes], lines: int) -> None:
    while lines and (chunk := source.readline(MAX_LINE_BYTES)):
        target.write(chunk)
        lines -= chunk.endswith(b"\n")
