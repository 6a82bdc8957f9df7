"""A manifest in parts, for several workers, and their results in one file again."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from typing import IO

from airflow_provider_oppo_image.batch.manifest import BOM, MAX_LINE, WITH_HEADER, read_manifest
from airflow_provider_oppo_image.batch.progress import ResultCounter, Summary
from airflow_provider_oppo_image.batch.results import RowResult, build_result, check_format, read_results, write_results
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.storage import StoragePath, atomic_write, open_read, resolve, storage_errors


def default_results_path(manifest: str) -> str:
    """Return where a manifest's results go unless told otherwise: of ``night.csv``, to ``night.results.csv``.

    :param manifest: the manifest's path or URL.
    """
    stem, dot, suffix = manifest.rpartition(".")
    return f"{stem}.results{dot}{suffix}"


def split_manifest(manifest: str, folder: str, parts: int) -> list[str]:
    """Split a manifest into parts of equal length, in its order; a CSV's header is in each.

    Each part is a batch of its own: a name or a picture that stands in two of them is not noticed.

    :param manifest: its path or URL.
    :param folder: where the parts are written to; parts of an earlier split are written over.
    :param parts: how many, at least 1; there is none without a line.
    :return: the parts' paths or URLs, to be mapped over.
    :raises ConfigurationError: if it is no manifest.
    :raises StorageError: if a place cannot be read or written.
    """
    if parts < 1:
        raise ConfigurationError(f"A manifest cannot be split into {parts} parts. Give a number of 1 or more.")
    source, target = resolve(manifest), resolve(folder)
    for _ in read_manifest(source):
        pass  # to its end, where it is known to be one
    with storage_errors(f"Splitting {source} into {target}"), open_read(source) as file:
        target.mkdir(parents=True, exist_ok=True)
        header = [file.readline() for _ in _header(source)]
        lines = _count_lines(source) - len(header)
        paths = []
        for number in range(parts):
            length = lines * (number + 1) // parts - lines * number // parts
            if length:
                part = target / f"part-{number + 1:04d}{source.suffix}"
                with atomic_write(part) as copy:
                    copy.writelines(header)
                    _copy_lines(file, copy, length)
                paths.append(str(part))
    return paths


def merge_results(manifests: Sequence[str], results: str) -> Summary:
    """Put the results of the parts of a manifest into one file, their lines counted as in the whole manifest.

    Rows of a part that has no results count as not tried.

    :param manifests: what `split_manifest` returned.
    :param results: where the results are written to.
    :return: the numbers of all parts together.
    :raises StorageError: if a place cannot be read or written.
    """
    place, tally = resolve(results), ResultCounter()
    check_format(place)
    write_results(place, tally.count(_results_of_all(manifests)))
    return tally.summary(results)


def _results_of_all(manifests: Sequence[str]) -> Iterator[RowResult]:
    before = 0
    for manifest in manifests:
        part, found = resolve(manifest), resolve(default_results_path(manifest))
        with storage_errors(f"Reading {part} and {found}"):
            for result in read_results(found) if found.exists() else _not_tried(part):
                yield dataclasses.replace(result, line=before + result.line)
            before += _count_lines(part) - len(_header(part))


def _not_tried(manifest: StoragePath) -> Iterator[RowResult]:
    for row in read_manifest(manifest):
        urls = row.pictures.get("big"), row.pictures.get("small")
        yield build_result(row.line, row.name, (None, None), (), urls=urls, missing=True)


def _header(manifest: StoragePath) -> list[bytes]:
    """Return a manifest's header, with the blank lines before it; no line where there is none."""
    header = []
    with open_read(manifest) as file:
        while manifest.suffix.lower() in WITH_HEADER and (line := file.readline(MAX_LINE)):
            header.append(line)
            if line.removeprefix(BOM).strip():
                break
    return header


def _count_lines(place: StoragePath) -> int:
    lines, whole = 0, True
    with open_read(place) as file:
        while piece := file.readline(MAX_LINE):
            lines += whole
            whole = piece.endswith(b"\n")
    return lines


def _copy_lines(source: IO[bytes], target: IO[bytes], lines: int) -> None:
    while lines and (piece := source.readline(MAX_LINE)):
        target.write(piece)
        lines -= piece.endswith(b"\n")
