"""How a connection uploads many pictures: for the operator, the command line and anybody's own tasks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from airflow_provider_oppo_image.batch.manifest import Row, read_manifest, read_row
from airflow_provider_oppo_image.batch.run import THREADS, Batch, BatchResult, run_batch
from airflow_provider_oppo_image.engagelab.rate_limiter import DEFAULT_RATE, AdaptiveRate, RateLimiter
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.pictures.check_many import with_circuit_breaker
from airflow_provider_oppo_image.pictures.session_pool import SessionPool
from airflow_provider_oppo_image.storage import resolve


def upload_batch(
    hook: OppoImageHook,
    *,
    pictures: Iterable[Mapping[str, Any]] | None = None,
    manifest: str | None = None,
    results: str | None = None,
    check: bool = True,
    rate_limiter: RateLimiter | None = None,
    threads: int = THREADS,
    **options: Any,
) -> BatchResult:
    """Upload the pictures of a list or of a manifest, and go on where an earlier run with the same results ended.

    :param hook: the connection's hook.
    :param pictures: rows with ``name``, and ``big_picture_url``, ``small_picture_url`` or both.
    :param manifest: the path or URL of a manifest, in place of `pictures`.
    :param results: the path or URL where the results are written to, and the checkpoint beside them; None for nowhere.
    :param check: look at each picture first, as the service will.
    :param rate_limiter: the rate of the requests; None takes `DEFAULT_RATE`. To shut it ends the batch.
    :param threads: how many pictures are under way at once.
    :param options: the other parameters of `batch.run.Batch`.
    :return: how it ended; what is wrong with rows, pictures or the account is in it, and is not raised.
    :raises ConfigurationError: if there is no manifest, or `results` belongs to another one. Nothing was sent.
    :raises StorageError: if a place cannot be read or written.
    """
    rate_limiter = rate_limiter or RateLimiter(AdaptiveRate(DEFAULT_RATE))
    rows = _rows(pictures or ()) if manifest is None else read_manifest(resolve(manifest))
    with SessionPool() as lines, hook.open_client(connections=threads, rate_limiter=rate_limiter) as client:
        # A host that never answers would hold thread after thread for as long as it has pictures.
        look = with_circuit_breaker(hook.make_check(session_pool=lines), max(1, threads // 4)) if check else None
        batch = Batch(client, rate_limiter, look, threads=threads, **options)
        return run_batch(batch, rows, None if results is None else resolve(results))


def _rows(pictures: Iterable[Mapping[str, Any]]) -> Iterator[Row]:
    for number, entry in enumerate(pictures, start=1):
        if not isinstance(entry, Mapping):
            raise ConfigurationError(
                f"Entry {number} of `pictures` is of type {type(entry).__name__}; it must be a mapping with name, "
                "big_picture_url, small_picture_url."
            )
        yield read_row(number, entry)
