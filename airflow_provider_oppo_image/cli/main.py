"""The entry point: which commands there are, and what becomes of their errors.

Nothing here, nor at the top of a command's module, imports anything that takes time: a command imports what it needs
when it runs.
"""

from __future__ import annotations

import argparse
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final, Protocol, cast

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.cli import batch, check, connection, prepare, push, sandbox, upload
from airflow_provider_oppo_image.cli.failures import EXIT_CODES, INTERNAL, INTERRUPTED, USAGE, fail
from airflow_provider_oppo_image.cli.output import flush, print_note
from airflow_provider_oppo_image.errors import OppoImageError


class Command(Protocol):
    """What a command's module has. `add_arguments` and `run` suit any `argparse` parser, not only this one."""

    HELP: str
    DESCRIPTION: str

    def add_arguments(self, parser: argparse.ArgumentParser) -> None:
        """Describe the command's arguments."""

    def run(self, args: argparse.Namespace) -> int:
        """Do it, and return the exit code; an `OppoImageError` is left to `run_safely`."""


COMMANDS: Final[Mapping[str, Command]] = MappingProxyType(
    {
        "check": cast("Command", check),
        "prepare": cast("Command", prepare),
        "upload": cast("Command", upload),
        "batch": cast("Command", batch),
        "push": cast("Command", push),
        "connection": cast("Command", connection),
        "sandbox": cast("Command", sandbox),
    }
)

PROGRAM: Final = "oppo-image"

_HELP_WIDTH: Final = 78


def make_parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """Return the parser of the command line.

    :param program: what was typed to call it.
    """
    parser = argparse.ArgumentParser(
        prog=program,
        description="Check and make pictures, upload them to EngageLab for OPPO phones, and push.",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(
            name,
            help=command.HELP,
            description=textwrap.fill(command.DESCRIPTION, _HELP_WIDTH),
            epilog=EXIT_CODES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    return parser


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Make a parser and those of its commands, all the way down: for who documents them or keeps them as they are.

    :param parser: such as `make_parser` returns.
    """
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from parsers(command)


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Run the command line.

    :param arguments: what follows the program's name; None takes the process's own.
    :param program: what was typed to call it.
    :return: the exit code.
    :raises SystemExit: from `argparse`: for help, for the version and for arguments that are none.
    """
    parser = make_parser(program)
    try:
        args = parser.parse_args(arguments)
        if not hasattr(args, "run"):
            parser.print_help(sys.stderr)
            return USAGE
        return run_safely(args.run, args)
    finally:
        flush()


def run_safely(run: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    """Run a command, and make of what it raises words and an exit code.

    :param run: the command's `run`.
    :param args: its arguments.
    :return: the exit code.
    """
    try:
        return run(args)
    except OppoImageError as error:
        return fail(error, as_json=args.json)
    except KeyboardInterrupt:
        print_note("Interrupted.")
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - the last boundary, for the exit code's sake
        print_note(f"{traceback.format_exc()}error: this is a fault of oppo-image itself; please report it.")
        return INTERNAL
