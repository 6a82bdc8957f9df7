"""How a connection uploads many pictures: for the operator, the command line and anybody's own tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow_provider_oppo_image.batch.manifest import read_manifest
from airflow_provider_oppo_image.batch.rows import Row, read_row
from airflow_provider_oppo_image.batch.run import THREADS, Batch, BatchEnd, run_batch
from airflow_provider_oppo_image.engagelab.rate import DEFAULT_RATE, Rate, Turnstile
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.hooks.checking import check_over
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.pictures.lines import Lines
from airflow_provider_oppo_image.pictures.slow_hosts import giving_up
from airflow_provider_oppo_image.places import place_of


def upload_batch(
    hook: OppoImageHook,
    *,
    pictures: Iterable[Mapping[str, Any]] | None = None,
    manifest: str | None = None,
    results: str | None = None,
    check: bool = True,
    turnstile: Turnstile | None = None,
    threads: int = THREADS,
    **options: Any,
) -> BatchEnd:
    """Upload the pictures of a list or of a manifest, and go on where an earlier run with the same results ended.

    :param hook: the connection's hook.
    :param pictures: rows with ``name``, and ``big_picture_url``, ``small_picture_url`` or both.
    :param manifest: the path or URL of a manifest, in place of `pictures`.
    :param results: the path or URL where the results are written to, and the checkpoint beside them; None for nowhere.
    :param check: look at each picture first, as the service will.
    :param turnstile: the rate of the requests; None takes `DEFAULT_RATE`. To shut it ends the batch.
    :param threads: how many pictures are under way at once.
    :param options: the other parameters of `batch.run.Batch`.
    :return: how it ended; what is wrong with rows, pictures or the account is in it, and is not raised.
    :raises ConfigurationError: if there is no manifest, or `results` belongs to another one. Nothing was sent.
    :raises StorageError: if a place cannot be read or written.
    """
    turnstile = turnstile or Turnstile(Rate(DEFAULT_RATE))
    rows = _rows(pictures or ()) if manifest is None else read_manifest(place_of(manifest))
    with Lines() as lines, hook.open_client(connections=threads, turnstile=turnstile) as client:
        # A host that never answers would hold thread after thread for as long as it has pictures.
        look = giving_up(check_over(hook, lines=lines), max(1, threads // 4)) if check else None
        batch = Batch(client, turnstile, look, threads=threads, **options)
        return run_batch(batch, rows, None if results is None else place_of(results))


def _rows(pictures: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    for number, entry in enumerate(pictures, start=1):
        if not isinstance(entry, Mapping):
            raise ConfigurationError(
                f"Entry {number} of `pictures` is of type {type(entry).__name__}; it must be a mapping with name, "
                "big_picture_url, small_picture_url."
            )
        yield read_row(number, entry)
