"""Arguments that several commands take."""

from __future__ import annotations

import argparse
import math

from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.template_values import is_blank

_LONGEST_S = 3600.0


def add_json(parser: argparse.ArgumentParser) -> None:
    """Let a command answer a program."""
    parser.add_argument(
        "--json",
        action="store_true",
        help='print one JSON object instead of words; what failed is {"error": {...}} in it, with the same exit code',
    )


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Let a command use an Airflow connection."""
    parser.add_argument(
        "--conn-id",
        default=DEFAULT_CONN_ID,
        metavar="ID",
        help="the Airflow connection to use (default: %(default)s)",
    )
    parser.add_argument(
        "-v", "--verbose", action="store_true", help="show Airflow's own messages as well, on standard error"
    )


def non_empty(text: str) -> str:
    """Read a text that must not be empty: a script's unset variable is no wish for "none".

    :raises argparse.ArgumentTypeError: if it is empty, or what a template makes of a missing value.
    """
    if is_blank(text):
        raise argparse.ArgumentTypeError(f"{text!r} is no value; leave the option out if there is none")
    return text


def seconds(text: str) -> float:
    """Read a number of seconds, above 0 and at most an hour.

    :raises argparse.ArgumentTypeError: if it is none.
    """
    value = _number(text)
    if not 0 < value <= _LONGEST_S:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0 and up to {_LONGEST_S:g}")
    return value


def rate(text: str) -> float:
    """Read a number of requests a second, 1 or more.

    :raises argparse.ArgumentTypeError: if it is none.
    """
    value = _number(text)
    if not 1 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of requests a second, 1 or more")
    return value


def point(text: str) -> tuple[float, float]:
    """Read a point: two fractions from 0 to 1, inclusive, with a comma between them.

    :raises argparse.ArgumentTypeError: if it is none.
    """
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        x = y = math.nan
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise argparse.ArgumentTypeError(f"{text!r} is no point: two numbers from 0 to 1, such as 0.5,0.3")
    return x, y


def count(text: str) -> int:
    """Read a whole number, 0 or more.

    :raises argparse.ArgumentTypeError: if it is none.
    """
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number")
    return int(text)


def port(text: str) -> int:
    """Read a port, 0 to 65535.

    :raises argparse.ArgumentTypeError: if it is none.
    """
    value = count(text)
    if value > 65_535:
        raise argparse.ArgumentTypeError(f"{text} is no port: they end at 65535")
    return value


def _number(text: str) -> float:
    """Read a number; what is none is "not a number", which is within no bounds."""
    try:
        return float(text)
    except ValueError:
        return math.nan
