"""`oppo-image batch`: uploads the pictures of a manifest and writes a results file."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, add_json, rate
from airflow_provider_oppo_image.cli.output import (
    INTERRUPTED,
    SUCCESS,
    is_terminal,
    print_error,
    print_json,
    print_note,
    print_result,
)

if TYPE_CHECKING:
    from airflow_provider_oppo_image.batch.progress import Progress
    from airflow_provider_oppo_image.batch.run import BatchResult

HELP: Final = "upload the pictures of a manifest, and write their ids to a file"
DESCRIPTION: Final = (
    "Check and upload the pictures of a manifest with an Airflow connection, each picture once, and write one result "
    "for each row of the manifest. A manifest is a CSV file with a header, or a JSON Lines file, with name, "
    "big_picture_url and small_picture_url. Both files may be local files or URLs of Airflow's object storage, such as "
    "s3://. Running a completed batch again does nothing."
)

_LINE_INTERVAL_S: Final = 5.0
_INTERVAL_S: Final = 0.2


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("manifest", metavar="MANIFEST", help="the manifest to read: .csv, .jsonl or .ndjson")
    parser.add_argument("results", metavar="RESULTS", help="the results file to write: .csv, .jsonl or .ndjson")
    parser.add_argument("--no-check", action="store_true", help="do not check the pictures first")
    parser.add_argument(
        "--rate",
        type=rate,
        metavar="N",
        help="maximum number of requests per second (default: the connection's rate)",
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
    progress: list[Progress] = []
    try:
        result = _upload(args, progress)
    except KeyboardInterrupt:
        uploaded = f"{progress[0].uploaded:,} pictures were uploaded in this run. " if progress else ""
        print_note(f"Interrupted. {uploaded}A folder beside {args.results} has all picture ids. {_next_command(args)}")
        return INTERRUPTED
    data = {**result.summary.to_dict(), "already_complete": result.already_complete}
    table = result.summary.describe(shutil.get_terminal_size().columns if is_terminal(sys.stderr) else None)
    if result.error:
        print_note(table)
        code = print_error(result.error, as_json=args.json, **data)
        print_note(_next_command(args))
        return code
    if args.json:
        print_json(data)
        return SUCCESS
    if result.already_complete:
        print_note("An earlier run completed this batch; nothing was sent.")
    print_result(f"{table}\nresults: {result.summary.results}")
    return SUCCESS


def _upload(args: argparse.Namespace, seen: list[Progress]) -> BatchResult:
    as_bar = is_terminal(sys.stderr)
    with (
        open_hook(args.conn_id, verbose=args.verbose, announce=True) as hook,
        _progress_reporter(as_bar=as_bar) as report_progress,
    ):

        def on_progress(progress: Progress) -> None:
            seen[:] = [progress]
            report_progress(progress)

        return hook.upload_batch(
            manifest=args.manifest,
            results=args.results,
            check=not args.no_check,
            rate_limiter=hook.make_rate_limiter(args.rate),
            on_progress=on_progress,
            progress_interval=_INTERVAL_S,
            resume=args.resume,
        )


def _next_command(args: argparse.Namespace) -> str:
    """Return the command that tries the pictures without an id."""
    command = list(args.command_line)
    return f"To continue: {shlex.join(command if args.resume else [*command, '--resume'])}"


@contextlib.contextmanager
def _progress_reporter(*, as_bar: bool) -> Iterator[Callable[[Progress], None]]:
    """Print progress to standard error: a progress bar in a terminal, otherwise a line every few seconds."""
    if not as_bar:
        last = time.monotonic()

        def print_line(progress: Progress) -> None:
            nonlocal last
            now = time.monotonic()
            if now >= last + _LINE_INTERVAL_S or progress.done >= progress.total:
                last = now
                print_note(progress.describe(now))

        yield print_line
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
