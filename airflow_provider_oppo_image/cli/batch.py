"""`oppo-image batch`: uploads the pictures of a manifest and writes a results file."""

from __future__ import annotations

import argparse
import contextlib
import shlex
import shutil
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, add_json, add_rate
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
    from airflow_provider_oppo_image.batch.progress import Counts, Progress
    from airflow_provider_oppo_image.errors import OppoImageError
    from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook

HELP: Final = "upload the pictures of a manifest, and write their ids to a file"
DESCRIPTION: Final = (
    "Check and upload the pictures of a manifest with an Airflow connection, each picture once, and write one result "
    "for each row of the manifest. A manifest is a CSV file with a header, or a JSON Lines file, with name, "
    "big_picture_url and small_picture_url. Both files may be local files or URLs of Airflow's object storage, such as "
    "s3://. Running a completed batch again does nothing."
)

_LINE_INTERVAL_S: Final = 5.0
INTERVAL_S: Final = 0.2
"""Seconds between two calls with the progress."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("manifest", metavar="MANIFEST", help="the manifest to read: .csv, .jsonl or .ndjson")
    parser.add_argument("results", metavar="RESULTS", help="the results file to write: .csv, .jsonl or .ndjson")
    parser.add_argument("--no-check", action="store_true", help="do not check the pictures first")
    add_rate(parser)
    parser.add_argument(
        "--resume", action="store_true", help="continue a batch that stopped early, and retry failed rows"
    )
    add_connection(parser)
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Upload the manifest's pictures, print the summary, and return the exit code.

    :raises OppoImageError: if the manifest, the results file or the connection is not usable.
    """

    def upload(hook: OppoImageHook, on_progress: Callable[[Progress], None]) -> BatchEnd:
        result = hook.upload_batch(
            manifest=args.manifest,
            results=args.results,
            check=not args.no_check,
            rate_limiter=hook.make_rate_limiter(args.rate),
            on_progress=on_progress,
            progress_interval=INTERVAL_S,
            resume=args.resume,
        )
        note = "An earlier run completed this batch; nothing was sent." if result.already_complete else ""
        return BatchEnd(result.summary, result.error, note, {"already_complete": result.already_complete})

    return run_to_end(args, upload, f"A folder beside {args.results} has all picture ids.")


class BatchEnd(NamedTuple):
    """The end of a batch.

    :param summary: its summary.
    :param error: its error; None if it succeeded.
    :param note: what to say in addition; "" for nothing.
    :param data: other values for the JSON object.
    """

    summary: Counts
    error: OppoImageError | None
    note: str = ""
    data: Mapping[str, Any] = MappingProxyType({})


def run_to_end(
    args: argparse.Namespace, run: Callable[[OppoImageHook, Callable[[Progress], None]], BatchEnd], kept: str
) -> int:
    """Run a batch with progress, print its summary, and return the exit code.

    :param args: the arguments.
    :param run: runs the batch, with a function that prints the progress.
    :param kept: what is kept after Ctrl-C.
    """
    seen: list[Progress] = []
    as_bar = is_terminal(sys.stderr)
    try:
        with (
            open_hook(args.conn_id, verbose=args.verbose, announce=True) as hook,
            _progress_reporter(as_bar=as_bar) as report_progress,
        ):

            def on_progress(progress: Progress) -> None:
                seen[:] = [progress]
                report_progress(progress)

            end = run(hook, on_progress)
    except KeyboardInterrupt:
        done = f"{seen[0].uploaded:,} {seen[0].unit} were {seen[0].verb} in this run. " if seen else ""
        print_note(f"Interrupted. {done}{kept} {_next_command(args)}")
        return INTERRUPTED
    data = {**end.summary.to_dict(), **end.data}
    table = end.summary.describe(shutil.get_terminal_size().columns if is_terminal(sys.stderr) else None)
    if end.error:
        print_note(table)
        code = print_error(end.error, as_json=args.json, **data)
        print_note(_next_command(args))
        return code
    if args.json:
        print_json(data)
        return SUCCESS
    if end.note:
        print_note(end.note)
    results = data["results"]
    print_result(f"{table}\nresults: {results}" if results else table)
    return SUCCESS


def _next_command(args: argparse.Namespace) -> str:
    """Return the command that tries the rows that are not done."""
    command = list(args.command_line)
    if not (args.resume or getattr(args, "validate_only", False)):
        command.append("--resume")
    return f"To continue: {shlex.join(command)}"


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
