"""`oppo-image sandbox`: runs a local stand-in for the service."""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shlex
from typing import Any, Final
from urllib.parse import urlsplit

from airflow_provider_oppo_image.cli.arguments import add_json, count, port, seconds
from airflow_provider_oppo_image.cli.output import SUCCESS, print_json, print_note, print_result
from airflow_provider_oppo_image.connection import CONN_TYPE, DEFAULT_CONN_ID
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.net.urls import is_this_machine
from airflow_provider_oppo_image.pictures.report import format_rows
from airflow_provider_oppo_image.sandbox.options import SANDBOX_MASTER_SECRET, SandboxOptions

HELP: Final = "run a stand-in for the service on this machine"
DESCRIPTION: Final = (
    "Run a stand-in for the service on this machine until Ctrl-C. It downloads and validates pictures, accepts pushes, "
    "and shows both as a phone would. Needs no account and no Airflow."
)

SECRET_VARIABLE: Final = "OPPO_IMAGE_SANDBOX_MASTER_SECRET"  # noqa: S105 - its name

LIBRARIES: Final = ("fastapi", "uvicorn", "jinja2")
"""Libraries that only the sandbox needs; the extra `sandbox` installs them."""

_PORT: Final = 8369
_DEFAULTS: Final = SandboxOptions()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    parser.add_argument("--port", type=port, default=_PORT, help="the port; 0 for any free port (default: %(default)s)")
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument("--app-key", default=_DEFAULTS.app_key, help="the AppKey to accept (default: %(default)s)")
    parser.add_argument(
        "--master-secret",
        help=f"the master secret to accept; do not use a real one. Set {SECRET_VARIABLE} instead to keep it out of the "
        f"process list (default: {SANDBOX_MASTER_SECRET})",
    )
    parser.add_argument(
        "--both-urls", action="store_true", help="accept both pictures in one upload, as in the service's documentation"
    )
    parser.add_argument(
        "--cid-lifetime",
        type=seconds,
        default=_DEFAULTS.cid_lifetime,
        metavar="SECONDS",
        help="the time for which a repeated cid gets the first message id, and nothing is sent (default: %(default)g)",
    )
    parser.add_argument(
        "--singular-counts", action="store_true", help="spell statistics `target` and `click`, as the service may"
    )
    parser.add_argument(
        "--no-oppo-delivery", action="store_true", help="report no delivery by OPPO, as may be so for broadcasts"
    )
    parser.add_argument(
        "--statistics-delay",
        type=seconds,
        default=_DEFAULTS.statistics_delay,
        metavar="SECONDS",
        help="the time until a push has statistics (default: %(default)g)",
    )
    parser.add_argument(
        "--rate-limit",
        type=count,
        default=_DEFAULTS.requests_per_second,
        metavar="N",
        help="requests accepted per second; 0 for no limit (default: %(default)s)",
    )
    parser.add_argument(
        "--picture-timeout",
        type=seconds,
        default=_DEFAULTS.picture_timeout,
        metavar="SECONDS",
        help="the time limit for downloading one picture (default: %(default)g)",
    )
    add_json(parser)


def run(args: argparse.Namespace) -> int:
    """Run the sandbox until Ctrl-C.

    :raises ConfigurationError: if it cannot listen on the address, or its libraries are not installed.
    """
    from airflow_provider_oppo_image.sandbox.server import serve

    if missing := [name for name in LIBRARIES if importlib.util.find_spec(name) is None]:
        raise ConfigurationError(
            f"The sandbox needs {', '.join(missing)}. To install: pip install 'airflow-provider-oppo-image[sandbox]'"
        )
    options = SandboxOptions(
        app_key=args.app_key,
        master_secret=args.master_secret or os.environ.get(SECRET_VARIABLE) or SANDBOX_MASTER_SECRET,
        both_urls=args.both_urls,
        cid_lifetime=args.cid_lifetime,
        singular_counts=args.singular_counts,
        oppo_reports_delivery=not args.no_oppo_delivery,
        statistics_delay=args.statistics_delay,
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
            print_note("warning: anyone who can reach this address can use the sandbox and make it send requests.")

    try:
        serve(options, args.host, args.port, announce)
    except OSError as error:
        raise ConfigurationError(
            f"The sandbox cannot listen on {args.host} port {args.port}: {error.strerror or error}. Choose another "
            "--port (0 for any free port) or --host."
        ) from error
    print_note("The sandbox has stopped.")
    return SUCCESS


def connection_to(url: str, options: SandboxOptions) -> dict[str, Any]:
    """Return an Airflow connection to a sandbox, in the JSON format of `AIRFLOW_CONN_...` variables.

    :param url: the sandbox's URL.
    :param options: its options; a master secret chosen by the user is not included.
    """
    extra = {"allow_private_addresses": True} | ({} if _is_loopback(url) else {"allow_plain_http": True})
    is_default = options.master_secret == SANDBOX_MASTER_SECRET
    return {
        "conn_type": CONN_TYPE,
        "login": options.app_key,
        "password": SANDBOX_MASTER_SECRET if is_default else "<the master secret that you gave>",
        "host": url,
        "extra": extra,
    }


def _introduction(url: str, options: SandboxOptions, connection: dict[str, Any]) -> str:
    rows = [("service", url), ("AppKey", options.app_key), ("master secret", connection["password"])]
    variable = f"AIRFLOW_CONN_{DEFAULT_CONN_ID.upper()}={shlex.quote(json.dumps(connection))}"
    return (
        "The sandbox is ready. Press Ctrl-C to stop it.\n"
        + format_rows([*rows, ("received requests", f"{url}/")])
        + f"\nTo use it from Airflow and from `oppo-image`:\n  export {variable}"
    )


def _is_loopback(url: str) -> bool:
    return is_this_machine(urlsplit(url).hostname or "")
