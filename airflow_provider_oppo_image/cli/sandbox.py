"""`oppo-image sandbox`: the service on this machine, for trying things out."""

from __future__ import annotations

import argparse
import importlib.util
import ipaddress
import json
import os
import shlex
from typing import Any, Final
from urllib.parse import urlsplit

from airflow_provider_oppo_image.cli.arguments import add_json, count, port, seconds
from airflow_provider_oppo_image.cli.failures import GOOD
from airflow_provider_oppo_image.cli.output import print_json, print_note, print_result, table
from airflow_provider_oppo_image.connection import CONN_TYPE, DEFAULT_CONN_ID
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.sandbox.options import SANDBOX_MASTER_SECRET, SandboxOptions

HELP: Final = "run a stand-in for the service on this machine"
DESCRIPTION: Final = (
    "Run a stand-in for the service on this machine, until Ctrl-C: it downloads and judges pictures, takes pushes and "
    "shows both as a phone would. Needs no account and no Airflow."
)

SECRET_VARIABLE: Final = "OPPO_IMAGE_SANDBOX_MASTER_SECRET"  # noqa: S105 - its name

LIBRARIES: Final = ("fastapi", "uvicorn", "jinja2")
"""What the sandbox needs, and only it: the extra that is named as it is."""

_PORT: Final = 8369
_DEFAULTS: Final = SandboxOptions()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command's arguments."""
    parser.add_argument("--port", type=port, default=_PORT, help="0 for any that is free (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--app-key", default=_DEFAULTS.app_key, help="the AppKey to accept (default: %(default)s)")
    parser.add_argument(
        "--master-secret",
        help=f"the master secret to accept, a made-up one; {SECRET_VARIABLE} does as well, which the process "
        f"list does not show (default: {SANDBOX_MASTER_SECRET})",
    )
    parser.add_argument(
        "--both-urls", action="store_true", help="accept both pictures in one upload, as the service's page shows"
    )
    parser.add_argument(
        "--cid-repeat",
        choices=("answer", "error"),
        default=_DEFAULTS.cid_repeat,
        help="what a push with a used cid gets: the first one's answer, or an error (default: %(default)s)",
    )
    parser.add_argument(
        "--rate-limit",
        type=count,
        default=_DEFAULTS.requests_per_second,
        metavar="N",
        help="requests accepted in any one second; 0 for no limit (default: %(default)s)",
    )
    parser.add_argument(
        "--picture-timeout",
        type=seconds,
        default=_DEFAULTS.picture_timeout,
        metavar="SECONDS",
        help="for the download of one picture (default: %(default)g)",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the sandbox until Ctrl-C.

    :raises ConfigurationError: if it cannot listen there, or its libraries are not installed.
    """
    from airflow_provider_oppo_image.sandbox.server import serve

    if missing := [name for name in LIBRARIES if importlib.util.find_spec(name) is None]:
        raise ConfigurationError(
            f"The sandbox needs {', '.join(missing)}. Install it: pip install 'airflow-provider-oppo-image[sandbox]'"
        )
    options = SandboxOptions(
        app_key=args.app_key,
        master_secret=args.master_secret or os.environ.get(SECRET_VARIABLE) or SANDBOX_MASTER_SECRET,
        both_urls=args.both_urls,
        cid_repeat=args.cid_repeat,
        requests_per_second=args.rate_limit,
        picture_timeout=args.picture_timeout,
    )

    def announce(url: str) -> None:
        connection = connection_to(url, options)
        if args.json:
            print_json({"url": url, "app_key": options.app_key, "connection": connection})
        else:
            print_result(_introduction(url, options, connection))
        if not _is_loopback(url):
            print_note("warning: whoever reaches this address can use the sandbox, and make it download from here.")

    try:
        serve(options, args.host, args.port, announce)
    except OSError as error:
        raise ConfigurationError(
            f"The sandbox cannot listen on {args.host} port {args.port}: {error.strerror or error}. Choose another "
            "--port (0 takes any that is free) or --host."
        ) from error
    print_note("The sandbox has stopped.")
    return GOOD


def connection_to(url: str, options: SandboxOptions) -> dict[str, Any]:
    """Return an Airflow connection to a sandbox, as the JSON that Airflow reads from its environment.

    :param url: where the sandbox is.
    :param options: how it behaves; a master secret that its user chose is not shown.
    """
    extra = {"allow_private_addresses": True} | ({} if _is_loopback(url) else {"allow_plain_http": True})
    known = options.master_secret == SANDBOX_MASTER_SECRET
    return {
        "conn_type": CONN_TYPE,
        "login": options.app_key,
        "password": SANDBOX_MASTER_SECRET if known else "<the master secret that you gave>",
        "host": url,
        "extra": extra,
    }


def _introduction(url: str, options: SandboxOptions, connection: dict[str, Any]) -> str:
    rows = [("service", url), ("AppKey", options.app_key), ("master secret", connection["password"])]
    variable = f"AIRFLOW_CONN_{DEFAULT_CONN_ID.upper()}={shlex.quote(json.dumps(connection))}"
    return (
        "The sandbox is ready; Ctrl-C stops it.\n"
        + table([*rows, ("what it received", f"{url}/")])
        + f"\nTo use it from Airflow and from `oppo-image`:\n  export {variable}"
    )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
