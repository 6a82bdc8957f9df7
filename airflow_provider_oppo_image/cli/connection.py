"""`oppo-image connection`: add an Airflow connection, and test it."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Final

from airflow_provider_oppo_image.cli import connection_add
from airflow_provider_oppo_image.cli.airflow_hook import open_hook
from airflow_provider_oppo_image.cli.arguments import add_connection, add_json
from airflow_provider_oppo_image.cli.failures import GOOD, SERVICE
from airflow_provider_oppo_image.cli.output import print_json, print_note, print_result

HELP: Final = "add an Airflow connection, and test it"
DESCRIPTION: Final = "Add the Airflow connection that uploads and pushes use, and test it."

_TEST: Final = "prove the AppKey and the master secret by a call that changes nothing"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's actions and their arguments."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    add = actions.add_parser(
        "add", help=connection_add.HELP, description=connection_add.DESCRIPTION, allow_abbrev=False
    )
    connection_add.add_arguments(add)
    test = actions.add_parser("test", help=_TEST, description=f"{_TEST[0].upper()}{_TEST[1:]}.", allow_abbrev=False)
    add_connection(test)
    add_json(test)
    test.set_defaults(act=run_test)


def run(args: argparse.Namespace) -> int:
    """Run the chosen action."""
    act: Callable[[argparse.Namespace], int] = args.act
    return act(args)


def run_test(args: argparse.Namespace) -> int:
    """Test the connection, whether or not Airflow is set to let people test connections.

    :return: 0 if the service accepts it, 3 if not, or if it did not answer.
    :raises ConfigurationError: if the connection is not there or not usable.
    """
    with open_hook(args.conn_id, verbose=args.verbose) as hook:
        good, message = hook.test_connection()
    if args.json:
        print_json({"status": good, "message": message})
    elif good:
        print_result(message)
    if not good:
        print_note(f"error: {message}")
    return GOOD if good else SERVICE
