"""`oppo-image batch`: uploads the pictures of a manifest and writes a results file."""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, add_json, rate
from airflow_provider_oppo_image.cli.output import SUCCESS, print_error, print_json, print_note, print_result
from airflow_provider_oppo_image.engagelab.rate_limiter import DEFAULT_RATE, AdaptiveRate, RateLimiter

if TYPE_CHECKING:
    from airflow_provider_oppo_image.batch.progress import Progress

HELP: Final = "upload the pictures of a manifest, and write their ids to a file"
DESCRIPTION: Final = (
    "Check and upload the pictures of a manifest with an Airflow connection, each picture once, and write one result "
    "for each row of the manifest. A manifest is a CSV file with a header, or a JSON Lines file, with name, "
    "big_picture_url and small_picture_url. Both files may be local files or URLs of Airflow's object storage, such as "
    "s3://. Running a completed batch again does nothing."
)

_LINE_INTERVAL_S: Final = 5.0
_BAR_INTERVAL_S: Final = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("manifest", metavar="MANIFEST", help="the manifest to read: .csv, .jsonl or .ndjson")
    parser.add_argument("results", metavar="RESULTS", help="the results file to write: .csv, .jsonl or .ndjson")
    parser.add_argument("--no-check", action="store_true", help="do not check the pictures first")
    parser.add_argument(
        "--rate",
        type=rate,
        default=DEFAULT_RATE,
        metavar="N",
        help="maximum number of requests per second (default: %(default)g; the service accepts 500, pushes included)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue a batch that stopped early, and retry failed rows"
    )
    add_connection(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Upload the manifest's pictures, print the summary, and return the exit code.

    :raises OppoImageError: if the manifest, the results file or the connection is not usable.
    """
    as_bar = sys.stderr.isatty()
    with open_hook(args.conn_id, verbose=args.verbose) as hook, _progress_reporter(as_bar=as_bar) as report_progress:
        result = hook.upload_batch(
            manifest=args.manifest,
            results=args.results,
            check=not args.no_check,
            rate_limiter=RateLimiter(AdaptiveRate(args.rate)),
            on_progress=report_progress,
            progress_interval=_BAR_INTERVAL_S if as_bar else _LINE_INTERVAL_S,
            resume=args.resume,
        )
    if result.error:
        return print_error(result.error, as_json=args.json)
    if args.json:
        print_json({**result.summary.to_dict(), "already_complete": result.already_complete})
        return SUCCESS
    if result.already_complete:
        print_note("An earlier run completed this batch; nothing was sent.")
    print_result(f"{result.summary}\nresults: {result.summary.results}")
    return SUCCESS


@contextlib.contextmanager
def _progress_reporter(*, as_bar: bool) -> Iterator[Callable[[Progress], None]]:
    """Print progress to standard error: a progress bar in a terminal, otherwise a line every few seconds."""
    if not as_bar:
        yield lambda progress: print_note(progress.describe(time.monotonic()))
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn
    from rich.progress import Progress as Bar

    with Bar(BarColumn(), TextColumn("{task.description}"), console=Console(file=sys.stderr)) as bar:
        task = bar.add_task("reading the manifest", total=None)

        def report_progress(progress: Progress) -> None:
            line = progress.describe(time.monotonic())
            bar.update(task, total=progress.total, completed=progress.done, description=line)

        yield report_progress
