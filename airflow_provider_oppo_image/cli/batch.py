"""`oppo-image batch`: a manifest of pictures in, a file of picture ids out."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, add_json, rate
from airflow_provider_oppo_image.cli.failures import GOOD, fail
from airflow_provider_oppo_image.cli.output import print_json, print_note, print_result
from airflow_provider_oppo_image.engagelab.rate_limiter import DEFAULT_RATE, AdaptiveRate, RateLimiter

if TYPE_CHECKING:
    from airflow_provider_oppo_image.batch.progress import Progress

HELP: Final = "upload the pictures of a manifest, and write their ids to a file"
DESCRIPTION: Final = (
    "Check and upload the pictures of a manifest with an Airflow connection, each picture once, and write a row of "
    "results for each of its rows. A manifest is CSV with a header or JSON Lines, with name, big_picture_url and "
    "small_picture_url. Both may be local files or URLs that Airflow's object storage reaches, such as s3://. A batch "
    "that has ended does nothing when it is run again."
)

_LINE_EVERY_S: Final = 5.0
_BAR_EVERY_S: Final = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("manifest", metavar="MANIFEST", help="the rows: .csv, .jsonl or .ndjson")
    parser.add_argument("results", metavar="RESULTS", help="where their results go: .csv, .jsonl or .ndjson")
    parser.add_argument("--no-check", action="store_true", help="do not look at the pictures first")
    parser.add_argument(
        "--rate",
        type=rate,
        default=DEFAULT_RATE,
        metavar="N",
        help="requests a second at most (default: %(default)g; the service takes 500, pushes included)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="go on with a batch that ended early, and try again what failed"
    )
    add_connection(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Upload the manifest's pictures, and say how it ended.

    :raises OppoImageError: if the manifest, a place or the connection is not usable.
    """
    as_bar = sys.stderr.isatty()
    with open_hook(args.conn_id, verbose=args.verbose) as hook, _shown(as_bar=as_bar) as on_progress:
        end = hook.upload_batch(
            manifest=args.manifest,
            results=args.results,
            check=not args.no_check,
            rate_limiter=RateLimiter(AdaptiveRate(args.rate)),
            on_progress=on_progress,
            progress_interval=_BAR_EVERY_S if as_bar else _LINE_EVERY_S,
            resume=args.resume,
        )
    if end.error:
        return fail(end.error, as_json=args.json)
    if args.json:
        print_json({**end.summary.to_dict(), "already_complete": end.already_complete})
        return GOOD
    if end.already_complete:
        print_note("An earlier run did all of it; nothing was sent.")
    print_result(f"{end.summary}\nresults: {end.summary.results}")
    return GOOD


@contextlib.contextmanager
def _shown(*, as_bar: bool) -> Iterator[Callable[[Progress], None]]:
    """Show progress on standard error: a bar to a person, a line now and then to a file."""
    if not as_bar:
        yield lambda progress: print_note(progress.describe(time.monotonic()))
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    with Bar(BarColumn(), TextColumn("{task.description}"), console=Console(file=sys.stderr)) as bar:
        task = bar.add_task("reading the manifest", total=None)

        def on_progress(progress: Progress) -> None:
            line = progress.describe(time.monotonic())
            bar.update(task, total=progress.total, completed=progress.done, description=line)

        yield on_progress
