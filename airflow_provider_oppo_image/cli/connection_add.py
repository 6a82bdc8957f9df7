"""`oppo-image connection add`: add a connection to Airflow, or print it in a form that Airflow takes."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable
from typing import Final

from airflow_provider_oppo_image.cli.arguments import non_empty
from airflow_provider_oppo_image.cli.failures import GOOD
from airflow_provider_oppo_image.cli.new_connection import NewConnection
from airflow_provider_oppo_image.cli.output import print_note, print_result
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID, FIELDS, LABELS, Value
from airflow_provider_oppo_image.errors import ConfigurationError

HELP: Final = "add a connection to Airflow, or print it in a form that Airflow takes"

SECRET_VARIABLE: Final = "OPPO_IMAGE_MASTER_SECRET"  # noqa: S105 - its name

DESCRIPTION: Final = (
    "Add a connection to Airflow's database, or print it in a form that Airflow takes. The master secret is not taken "
    f"as an argument, which everybody on this machine could see: set {SECRET_VARIABLE}, or you are asked for it; where "
    "nobody sits at the command, it is read from standard input."
)

FORMS: Final[dict[str, Callable[[NewConnection], str]]] = {
    "uri": NewConnection.as_uri,
    "json": NewConnection.as_json,
    "env": NewConnection.as_env,
    "cli": NewConnection.as_cli,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments: one for each field of the connection's table."""
    parser.add_argument("--conn-id", default=DEFAULT_CONN_ID, metavar="ID", help="its id (default: %(default)s)")
    parser.add_argument("--app-key", required=True, type=non_empty, metavar="KEY", help="the app's AppKey")
    parser.add_argument("--host", type=non_empty, help="a host, instead of a data centre")
    for field in FIELDS:
        option, description = f"--{field.name.replace('_', '-')}", field.description.replace("%", "%%")
        if field.kind == "flag":
            parser.add_argument(option, action="store_true", default=None, help=description)
            continue
        if field.choices:
            description += f" One of {', '.join(field.choices)}."
        default = f"{field.default:g}" if isinstance(field.default, float) else field.default or "none"
        metavar = "SECONDS" if field.kind == "seconds" else "NAME"
        parser.add_argument(option, metavar=metavar, help=f"{description} (default: {default})")
    parser.add_argument(
        "--print",
        choices=FORMS,
        dest="form",
        help="print it, and add nothing: as a URI, as JSON, as a shell's line that sets Airflow's variable, or as one "
        "that calls airflow connections add",
    )
    parser.set_defaults(act=run, json=False)


def run(args: argparse.Namespace) -> int:
    """Add the connection, or print it.

    :raises ConfigurationError: if the connection would not be usable, or is there already.
    """
    extra: dict[str, Value] = {
        field.name: field.parse(value) for field in FIELDS if (value := getattr(args, field.name)) is not None
    }
    connection = NewConnection(args.conn_id, args.app_key, _master_secret(), args.host, extra)
    if args.form:
        print_result(FORMS[args.form](connection))
        if args.form == "cli":
            print_note("warning: while that line runs, whoever is on its machine can see the master secret in it.")
        return GOOD

    from airflow_provider_oppo_image.cli.airflow_database import store

    store(connection)
    if (variable := f"AIRFLOW_CONN_{args.conn_id.upper()}") in os.environ:
        print_note(f"warning: {variable} is set here, and Airflow reads it instead of its database.")
    print_result(
        f"Airflow has the connection {args.conn_id!r} now. To test it: oppo-image connection test{_named(args.conn_id)}"
    )
    return GOOD


def _master_secret() -> str:
    secret = (os.environ.get(SECRET_VARIABLE) or _asked_for()).strip()
    if not secret:
        raise ConfigurationError(
            f"There is no master secret. Set {SECRET_VARIABLE}, or write it to the command's standard input."
        )
    return secret


def _asked_for() -> str:
    if sys.stdin is None:  # the caller closed it
        return ""
    if not sys.stdin.isatty():
        return sys.stdin.read()
    try:
        return getpass.getpass(f"{LABELS['password']}: ")
    except EOFError:
        return ""


def _named(conn_id: str) -> str:
    return "" if conn_id == DEFAULT_CONN_ID else f" --conn-id {conn_id}"
