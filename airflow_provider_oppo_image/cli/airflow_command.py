"""`airflow oppo-image`: the same command line below Airflow's own, for Airflow 3.2 and later.

Airflow calls `get_commands` whenever anybody types `airflow`, so nothing is imported here but Airflow's own: all that
follows `oppo-image` is handed over as it is, and read when it runs.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any, Final, cast

NAME: Final = "oppo-image"
HELP: Final = "Check, make and upload pictures for OPPO phones, and push"


class PassThroughArguments:
    """The argument that takes all that follows, where Airflow expects a list of them."""

    flags: Final = ("arguments",)

    def add_to_parser(self, parser: argparse.ArgumentParser) -> None:
        """Have Airflow's parser take everything, options and --help too; Airflow calls it."""
        parser.add_argument(*self.flags, nargs=argparse.REMAINDER)
        parser.prefix_chars = ""


def get_commands() -> list[Any]:
    """Return what Airflow adds to its command line; Airflow finds this function by the provider info."""
    from airflow.cli.cli_config import ActionCommand

    return [ActionCommand(name=NAME, help=HELP, func=run, args=cast("Any", (PassThroughArguments(),)))]


def run(args: argparse.Namespace) -> None:
    """Run the command line, and exit with its code; Airflow calls it.

    :param args: Airflow's arguments.
    :raises SystemExit: always: Airflow would exit with 0 whatever a command returns.
    """
    from airflow_provider_oppo_image.cli.main import main

    sys.exit(main(args.arguments, program=f"airflow {NAME}"))
