"""Entry point of the command line: the commands, and the exit code of each error.

To start quickly, this module and the modules of the commands import no slow packages at the top; a command imports them
when it runs.
"""

from __future__ import annotations

import argparse
import difflib
import re
import sys
import textwrap
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from types import MappingProxyType, ModuleType
from typing import Final, NoReturn

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.cli import batch, check, connection, prepare, push, sandbox, status, upload, withdraw
from airflow_provider_oppo_image.cli.output import (
    EXIT_CODES,
    INTERNAL,
    INTERRUPTED,
    USAGE,
    flush,
    print_error,
    print_note,
)
from airflow_provider_oppo_image.errors import OppoImageError

COMMANDS: Final[Mapping[str, ModuleType]] = MappingProxyType(
    {
        "check": check,
        "prepare": prepare,
        "upload": upload,
        "batch": batch,
        "push": push,
        "status": status,
        "withdraw": withdraw,
        "connection": connection,
        "sandbox": sandbox,
    }
)
"""Modules of the commands; each has `HELP`, `DESCRIPTION`, `add_arguments(parser)` and `run(args)`."""

PROGRAM: Final = "oppo-image"

_HELP_WIDTH: Final = 78

_EPILOG: Final = "exit codes:\n" + "\n".join(
    textwrap.fill(meaning, _HELP_WIDTH, initial_indent=f"  {code:<4}", subsequent_indent=" " * 6)
    for code, meaning in EXIT_CODES.items()
)


class _Parser(argparse.ArgumentParser):
    """Parser whose errors suggest the command or option that was probably meant."""

    def error(self, message: str) -> NoReturn:
        """Print the usage and the error, and exit with 2."""
        if found := re.search(r"invalid choice: '(.*?)'|unrecognized arguments: (--[^\s=]+)", message):
            actions = [action for each in parsers(self) for action in each._actions]
            known = {str(word) for action in actions for word in (*action.option_strings, *(action.choices or ()))}
            if meant := difflib.get_close_matches(found[1] or found[2], known, n=1):
                message += f". Did you mean {meant[0]}?"
        super().error(message)


def make_parser(program: str = PROGRAM) -> argparse.ArgumentParser:
    """Return the parser of the command line.

    :param program: the program's name in the help.
    """
    parser = _Parser(
        prog=program,
        description="Check and prepare pictures, upload them to EngageLab for OPPO phones, and push.",
        allow_abbrev=False,
    )
    parser.add_argument("-V", "--version", action="version", version=f"%(prog)s {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for name, command in COMMANDS.items():
        subparser = commands.add_parser(
            name,
            help=command.HELP,
            description=command.DESCRIPTION,
            allow_abbrev=False,
        )
        command.add_arguments(subparser)
        subparser.set_defaults(run=command.run)
    for each in parsers(parser):
        each.description = textwrap.fill(each.description or "", _HELP_WIDTH)
        each.epilog = _EPILOG
        each.formatter_class = argparse.RawDescriptionHelpFormatter
    return parser


def parsers(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield a parser and the parsers of its subcommands, recursively.

    :param parser: for example, from `make_parser`.
    """
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in action.choices.values():
                yield from parsers(command)


def main(arguments: Sequence[str] | None = None, program: str = PROGRAM) -> int:
    """Run the command line.

    :param arguments: the arguments without the program's name; None for those of the process.
    :param program: the program's name in the help.
    :return: the exit code.
    :raises SystemExit: by `argparse`, for help, for the version and for invalid arguments.
    """
    parser = make_parser(program)
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        args = parser.parse_args(arguments)
        args.command_line = [*program.split(), *arguments]
        if not hasattr(args, "run"):
            parser.print_help(sys.stderr)
            return USAGE
        return run_safely(args.run, args)
    finally:
        flush()


def run_safely(run: Callable[[argparse.Namespace], int], args: argparse.Namespace) -> int:
    """Run a command; print its exception, and return the exit code for it.

    :param run: the command's `run`.
    :param args: its arguments.
    :return: the exit code.
    """
    try:
        return run(args)
    except OppoImageError as error:
        return print_error(error, as_json=args.json)
    except KeyboardInterrupt:
        print_note("Interrupted.")
        return INTERRUPTED
    except Exception:  # noqa: BLE001 - a bug needs its own exit code
        print_note(f"{traceback.format_exc()}error: this is a bug in oppo-image; please report it.")
        return INTERNAL
