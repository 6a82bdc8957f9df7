"""Arguments that several commands share, and argument types."""

from __future__ import annotations

import argparse
import datetime
import math

from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.template_values import is_blank, read_time

_MAX_SECONDS = 3600.0
_MAX_DAYS = 36_500.0


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add the option --json."""
    parser.add_argument(
        "--json",
        action="store_true",
        help='print one JSON object instead of text; on failure it contains {"error": {...}}, with the same exit code',
    )


def add_rate(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    """Add the argument ``--rate``."""
    parser.add_argument(
        "--rate",
        type=rate,
        metavar="N",
        help="maximum number of requests per second (default: the connection's rate)",
    )


def add_connection(parser: argparse.ArgumentParser) -> None:
    """Add the options --conn-id and --verbose."""
    parser.add_argument(
        "--conn-id",
        default=DEFAULT_CONN_ID,
        metavar="ID",
        help="the Airflow connection to use (default: %(default)s)",
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="also show Airflow's messages, on standard error")


def non_empty(text: str) -> str:
    """Argument type: text that is not empty, for example because a shell variable is not set.

    :raises argparse.ArgumentTypeError: if it is blank, or what a template renders for a missing value.
    """
    if is_blank(text):
        raise argparse.ArgumentTypeError(f"{text!r} is an empty value; omit the option instead")
    return text


def seconds(text: str) -> float:
    """Argument type: a number of seconds, above 0 and at most 3600.

    :raises argparse.ArgumentTypeError: if it is not.
    """
    value = _number(text)
    if not 0 < value <= _MAX_SECONDS:
        raise argparse.ArgumentTypeError(
            f"must be a number of seconds, above 0 and at most {_MAX_SECONDS:g}, not {text!r}"
        )
    return value


def time_with_zone(text: str) -> datetime.datetime | None:
    """Argument type: a date and time with a zone, in ISO 8601.

    :raises argparse.ArgumentTypeError: if it is not.
    """
    try:
        return read_time("the time", non_empty(text))
    except ConfigurationError as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def days(text: str) -> datetime.timedelta | None:
    """Argument type: a number of days, above 0 and at most 36500; None for ``any``.

    :raises argparse.ArgumentTypeError: if it is not.
    """
    if text == "any":
        return None
    value = _number(text)
    if not 0 < value <= _MAX_DAYS:
        raise argparse.ArgumentTypeError(f"must be a number of days, above 0, or `any`, not {text!r}")
    return datetime.timedelta(days=value)


def rate(text: str) -> float:
    """Argument type: a number of requests per second, at least 1.

    :raises argparse.ArgumentTypeError: if it is not.
    """
    value = _number(text)
    if not 1 <= value < math.inf:
        raise argparse.ArgumentTypeError(f"must be a number of requests per second, 1 or more, not {text!r}")
    return value


def point(text: str) -> tuple[float, float]:
    """Argument type: two fractions from 0 to 1, inclusive, separated by a comma.

    :raises argparse.ArgumentTypeError: if it is not.
    """
    try:
        x, y = map(float, text.split(","))
    except ValueError:
        x = y = math.nan
    if not (0 <= x <= 1 and 0 <= y <= 1):
        raise argparse.ArgumentTypeError(f"must be two numbers from 0 to 1, such as 0.5,0.3, not {text!r}")
    return x, y


def count(text: str) -> int:
    """Argument type: a whole number, 0 or more.

    :raises argparse.ArgumentTypeError: if it is not.
    """
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"must be a whole number, 0 or more, not {text!r}")
    return int(text)


def port(text: str) -> int:
    """Argument type: a port, 0 to 65535.

    :raises argparse.ArgumentTypeError: if it is not.
    """
    value = count(text)
    if value > 65_535:
        raise argparse.ArgumentTypeError(f"must be a port from 0 to 65535, not {text}")
    return value


def _number(text: str) -> float:
    """Return the number; NaN, which fails every range check, if the text is not a number."""
    try:
        return float(text)
    except ValueError:
        return math.nan
