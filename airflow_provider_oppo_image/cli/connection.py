"""`oppo-image connection`: adds an Airflow connection, or prints it, and tests it."""

from __future__ import annotations

import argparse
import contextlib
import getpass
import json
import os
import re
import shlex
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, cast
from urllib.parse import quote, urlencode, urlsplit

from airflow_provider_oppo_image.cli.airflow_hook import devnull, open_hook, starting_airflow
from airflow_provider_oppo_image.cli.arguments import add_connection, add_json, non_empty
from airflow_provider_oppo_image.cli.output import SUCCESS, print_error, print_json, print_note, print_result
from airflow_provider_oppo_image.connection import (
    CONN_TYPE,
    DEFAULT_CONN_ID,
    FIELDS,
    LABELS,
    ConnectionLike,
    Value,
    read_settings,
)
from airflow_provider_oppo_image.contract import DEFAULT_DATA_CENTER
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError
from airflow_provider_oppo_image.net.urls import base_url

HELP: Final = "add an Airflow connection, and test it"
DESCRIPTION: Final = "Add the Airflow connection for uploads and pushes, and test it."

SECRET_VARIABLE: Final = "OPPO_IMAGE_MASTER_SECRET"  # noqa: S105 - its name

_ADD_HELP: Final = "add a connection to Airflow, or print it in a format that Airflow reads"
_ADD_DESCRIPTION: Final = (
    "Add a connection to Airflow's database, or print it in a format that Airflow reads. The master secret is not an "
    f"argument, because all users of this machine can see arguments: set {SECRET_VARIABLE}, or enter the secret at the "
    "prompt. Without a terminal, it is read from standard input."
)
_TEST_HELP: Final = "test the AppKey and the master secret with a request that changes nothing"

# Source: `sanitize_conn_id` in airflow/models/connection.py, 2.11.2 and 3.3.2.
_CONN_ID: Final = re.compile(r"[\w#!()\-.:/\\]{1,250}", re.ASCII)
_SHELL_NAME: Final = re.compile(r"\w+", re.ASCII)


@dataclass(frozen=True)
class NewConnection:
    """A connection to add; checked as a stored connection is.

    :param conn_id: its id.
    :param login: the AppKey.
    :param password: the master secret; not in `repr`.
    :param host: a host instead of a data center; None for none.
    :param extra_fields: the fields of the extra that differ from their defaults.
    :raises ConfigurationError: if Airflow or this package would not accept it; the message never contains the secret.
    """

    conn_id: str
    login: str
    password: str = field(repr=False)
    host: str | None = None
    extra_fields: Mapping[str, Value] = field(default_factory=dict)

    conn_type: ClassVar = CONN_TYPE
    port: ClassVar = None
    schema: ClassVar = None

    def __post_init__(self) -> None:
        if not _CONN_ID.fullmatch(self.conn_id):
            raise ConfigurationError(
                f"{self.conn_id[:80]!r} is not a valid connection id. Use up to 250 ASCII letters, digits and "
                "_ - . : / \\ # ! ( )."
            )
        for name, text in (("AppKey", self.login), ("master secret", self.password)):
            if not text.isprintable():
                raise ConfigurationError(
                    f"The {name} contains a line break or another invisible character. Copy it again from EngageLab's "
                    "console."
                )
        # The attributes of an Airflow connection are writable, which read_settings does not need.
        read_settings(cast("ConnectionLike", self))

    @property
    def extra(self) -> str:
        """The extra as Airflow stores it; "" for none."""
        return json.dumps(dict(self.extra_fields)) if self.extra_fields else ""

    def as_json(self) -> str:
        """Return the value for a secrets backend or an environment variable: one line of ASCII."""
        fields: dict[str, Any] = {"conn_type": CONN_TYPE, "login": self.login, "password": self.password}
        if self.host:
            fields["host"] = self.host
        if self.extra_fields:
            fields["extra"] = dict(self.extra_fields)
        return json.dumps(fields)

    def as_uri(self) -> str:
        """Return the URI from which Airflow reads this connection."""
        location = "/"
        if self.host:
            # A URI has only one scheme, which is the connection's type; Airflow reads the path as the schema.
            parts = urlsplit(base_url(self.host, None, None, DEFAULT_DATA_CENTER, allow_plain_http=True))
            location = f"{parts.netloc}/{parts.scheme}"
        query = f"?{urlencode({'__extra__': self.extra})}" if self.extra_fields else ""
        scheme = CONN_TYPE.replace("_", "-")
        return f"{scheme}://{quote(self.login, safe='')}:{quote(self.password, safe='')}@{location}{query}"

    def as_env(self) -> str:
        """Return the shell command that sets the connection's environment variable.

        :raises ConfigurationError: if the connection id cannot be part of a variable's name.
        """
        if not _SHELL_NAME.fullmatch(self.conn_id):
            raise ConfigurationError(
                f"AIRFLOW_CONN_{self.conn_id.upper()} is not a valid variable name in a shell. Use only letters, "
                "digits and _ in the connection id."
            )
        return f"export AIRFLOW_CONN_{self.conn_id.upper()}={shlex.quote(self.as_json())}"

    def as_cli(self) -> str:
        """Return the shell command that adds the connection to Airflow's database."""
        return shlex.join(["airflow", "connections", "add", self.conn_id, "--conn-json", self.as_json()])


FORMATS: Final[dict[str, Callable[[NewConnection], str]]] = {
    "uri": NewConnection.as_uri,
    "json": NewConnection.as_json,
    "env": NewConnection.as_env,
    "cli": NewConnection.as_cli,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the actions and their arguments."""
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action", required=True)
    add = actions.add_parser("add", help=_ADD_HELP, description=_ADD_DESCRIPTION, allow_abbrev=False)
    _add_fields(add)
    add.set_defaults(run_action=_run_add, json=False)
    description = f"{_TEST_HELP[0].upper()}{_TEST_HELP[1:]}."
    test = actions.add_parser("test", help=_TEST_HELP, description=description, allow_abbrev=False)
    add_connection(test)
    add_json(test)
    test.set_defaults(run_action=_run_test)


def run(args: argparse.Namespace) -> int:
    """Run the chosen action and return the exit code.

    :raises ConfigurationError: if the connection is not usable; for `add`, also if it exists already.
    """
    run_action: Callable[[argparse.Namespace], int] = args.run_action
    return run_action(args)


def _add_fields(parser: argparse.ArgumentParser) -> None:
    """Add an option for each field of the connection, except for the master secret."""
    parser.add_argument("--conn-id", default=DEFAULT_CONN_ID, metavar="ID", help="its id (default: %(default)s)")
    parser.add_argument("--app-key", required=True, type=non_empty, metavar="KEY", help="the app's AppKey")
    parser.add_argument("--host", type=non_empty, help="a host instead of a data center")
    for item in FIELDS:
        option, description = f"--{item.name.replace('_', '-')}", item.description.replace("%", "%%")
        if item.kind == "flag":
            parser.add_argument(option, action="store_true", default=None, help=description)
            continue
        if item.choices:
            description += f" One of {', '.join(item.choices)}."
        default = f"{item.default:g}" if isinstance(item.default, float) else item.default or "none"
        metavar = "NAME" if item.kind != "number" else "SECONDS" if item.unit == "seconds" else "N"
        parser.add_argument(option, metavar=metavar, help=f"{description} (default: {default})")
    parser.add_argument(
        "--print",
        choices=FORMATS,
        dest="format",
        help="print the connection instead of adding it: as a URI, as JSON, as a shell command that sets Airflow's "
        "environment variable, or as one that calls airflow connections add",
    )


def _run_add(args: argparse.Namespace) -> int:
    extra: dict[str, Value] = {
        item.name: item.parse(value) for item in FIELDS if (value := getattr(args, item.name)) is not None
    }
    connection = NewConnection(args.conn_id, args.app_key, _read_master_secret(), args.host, extra)
    if args.format:
        print_result(FORMATS[args.format](connection))
        if args.format == "cli":
            print_note("warning: while this command runs, other users of the machine can see the master secret.")
        return SUCCESS

    with contextlib.redirect_stdout(devnull()), contextlib.redirect_stderr(devnull()):
        _add_to_database(connection)
    if (variable := f"AIRFLOW_CONN_{args.conn_id.upper()}") in os.environ:
        print_note(f"warning: {variable} is set, and Airflow reads it instead of its database.")
    option = "" if args.conn_id == DEFAULT_CONN_ID else f" --conn-id {args.conn_id}"
    print_result(f"Added the connection {args.conn_id!r} to Airflow. To test it: oppo-image connection test{option}")
    return SUCCESS


def _run_test(args: argparse.Namespace) -> int:
    try:
        with open_hook(args.conn_id, verbose=args.verbose) as hook:
            message = hook.check_credentials()
    except OppoImageError as error:
        return print_error(error, as_json=args.json, status=False, message=str(error))
    if args.json:
        print_json({"status": True, "message": message})
    else:
        print_result(message)
    return SUCCESS


def _read_master_secret() -> str:
    secret = (os.environ.get(SECRET_VARIABLE) or _prompt_for_secret()).strip()
    if not secret:
        raise ConfigurationError(
            f"The master secret is missing. Set {SECRET_VARIABLE}, or write it to the command's standard input."
        )
    return secret


def _prompt_for_secret() -> str:
    if sys.stdin is None:  # the caller has closed it
        return ""
    if not sys.stdin.isatty():
        return sys.stdin.read()
    try:
        return getpass.getpass(f"{LABELS['password']}: ")
    except EOFError:
        return ""


def _add_to_database(new: NewConnection) -> None:
    with starting_airflow():
        from airflow.models.connection import Connection
        from airflow.utils.session import create_session
        from sqlalchemy import select
        from sqlalchemy.exc import SQLAlchemyError
    try:
        with create_session() as session:
            if session.scalar(select(Connection.conn_id).where(Connection.conn_id == new.conn_id)):
                raise ConfigurationError(
                    f"Airflow already has a connection {new.conn_id!r}. Choose another --conn-id, edit the connection "
                    f"in Airflow's UI, or delete it first: airflow connections delete {new.conn_id}"
                )
            session.add(
                Connection(
                    conn_id=new.conn_id,
                    conn_type=new.conn_type,
                    login=new.login,
                    password=new.password,
                    host=new.host,
                    extra=new.extra,
                )
            )
    except SQLAlchemyError as error:
        # Not chained: its message contains the values to store, including the secret.
        raise ConfigurationError(
            f"Airflow's database did not store the connection ({type(error).__name__}). `airflow db check` tests the "
            "database, `airflow db migrate` creates it."
        ) from None
