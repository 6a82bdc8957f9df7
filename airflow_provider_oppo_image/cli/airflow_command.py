"""The command `airflow oppo-image`: the same command line as a subcommand of Airflow's (Airflow 3.2 and later).

Airflow calls `get_commands` each time that `airflow` is run, so this module imports nothing slow. All arguments after
`oppo-image` are passed on unparsed.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final, cast

NAME: Final = "oppo-image"
HELP: Final = "Check, prepare, upload and push pictures for OPPO phones"


class PassThroughArguments:
    """Argument for Airflow's parser that collects all remaining arguments, including options."""

    flags: Final = ("arguments",)

    def add_to_parser(self, parser: argparse.ArgumentParser) -> None:
        """Add the argument to a parser, which then no longer parses options, nor --help; called by Airflow."""
        parser.add_argument(*self.flags, nargs=argparse.REMAINDER)
        parser.prefix_chars = ""


def get_commands() -> list[Any]:
    """Return the commands to add to Airflow's command line; Airflow finds this function in the provider info."""
    from airflow.cli.cli_config import ActionCommand

    return [ActionCommand(name=NAME, help=HELP, func=run, args=cast("Any", (PassThroughArguments(),)))]


def run(args: argparse.Namespace) -> None:
    """Run the command line and exit with its code; called by Airflow.

    :param args: Airflow's arguments.
    :raises SystemExit: always, because Airflow ignores a command's return value and would exit with 0.
    """
    from airflow_provider_oppo_image.cli.main import main

    sys.exit(main(args.arguments, program=f"airflow {NAME}"))
