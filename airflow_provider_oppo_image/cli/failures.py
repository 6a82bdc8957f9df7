"""What a command that failed says, and the exit code that says it to a script."""

from __future__ import annotations

from typing import Any, Final

from airflow_provider_oppo_image.cli.output import print_json, print_note
from airflow_provider_oppo_image.errors import (
    BatchError,
    ConfigurationError,
    OppoImageError,
    PictureError,
    PictureRefusedError,
    PictureWrongError,
)

GOOD: Final = 0
WRONG_PICTURE: Final = 1
USAGE: Final = 2
SERVICE: Final = 3
INTERNAL: Final = 70
"""For a fault of this program: Python's own exit code for that, 1, would say that a picture is wrong."""
INTERRUPTED: Final = 130

EXIT_CODES: Final = """exit codes:
  0  good; warnings do not change that
  1  a picture, or a row of a manifest, is wrong: a retry will not help
  2  the command, a file, the connection or the installation is wrong: nothing was sent
  3  a picture is not there (yet), or the service or the network failed
  70 a fault of oppo-image itself; 130 interrupted"""


def exit_code(error: OppoImageError) -> int:
    """Return the exit code for an error."""
    match error:
        case PictureWrongError() | PictureRefusedError():
            return WRONG_PICTURE
        case BatchError() if error.permanent:
            return WRONG_PICTURE
        case ConfigurationError():
            return USAGE
        case _:
            return SERVICE


def describe(error: OppoImageError) -> dict[str, Any]:
    """Return an error as JSON-serialisable data."""
    described: dict[str, Any] = {
        "type": type(error).__name__,
        "message": str(error),
        "code": error.code,
        "http_status": error.http_status,
        "permanent": error.permanent,
        "scope": error.scope,
        "retry_after": error.retry_after,
    }
    if isinstance(error, PictureError):
        described["reports"] = list(error.reports)
    if isinstance(error, BatchError):
        described["summary"] = error.summary
    return described


def fail(error: OppoImageError, *, as_json: bool, **known: Any) -> int:
    """Say what failed.

    :param error: what failed.
    :param as_json: whether a program reads along.
    :param known: what is known all the same; goes into the JSON beside the error.
    :return: the exit code.
    """
    if as_json:
        print_json({**known, "error": describe(error)})
    print_note(f"error: {error}")
    return exit_code(error)
