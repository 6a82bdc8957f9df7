"""Output of the commands: results on standard output, notes and errors on standard error, and exit codes."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, TextIO

from airflow_provider_oppo_image.errors import (
    BatchError,
    ConfigurationError,
    OppoImageError,
    PictureError,
    PictureRefusedError,
    PictureWrongError,
)

SUCCESS: Final = 0
WRONG_PICTURE: Final = 1
USAGE: Final = 2
RETRY: Final = 3
REFUSED: Final = 4
INTERNAL: Final = 70
"""A bug in this program; not Python's own code 1, which here means that a picture is wrong."""
INTERRUPTED: Final = 130

EXIT_CODES: Final[Mapping[int, str]] = MappingProxyType(
    {
        SUCCESS: "success, warnings included",
        WRONG_PICTURE: "a picture, or a row of a manifest, is wrong: a retry will not help",
        USAGE: "the command, a file, the connection or the installation is wrong: nothing was sent",
        RETRY: "a picture is not there yet, or the service or the network failed: a retry can help",
        REFUSED: "the credentials, the request or the push was refused: a retry will not help",
        INTERNAL: "a bug in oppo-image: please report it",
        INTERRUPTED: "interrupted",
    }
)
"""The meaning of each exit code, the same for all commands; for the help and the documentation."""


def exit_code(error: OppoImageError) -> int:
    """Return the exit code for an error."""
    match error:
        case PictureWrongError() | PictureRefusedError():
            return WRONG_PICTURE
        case ConfigurationError():
            return USAGE
        case _ if not error.permanent:
            return RETRY
        case BatchError():
            return WRONG_PICTURE
        case _:
            return REFUSED


def error_to_dict(error: OppoImageError) -> dict[str, Any]:
    """Return an error as JSON-serialisable data."""
    data: dict[str, Any] = {
        "type": type(error).__name__,
        "message": _message(error),
        "code": error.code,
        "http_status": error.http_status,
        "permanent": error.permanent,
        "scope": error.scope,
        "retry_after": error.retry_after,
    }
    if isinstance(error, PictureError):
        data["reports"] = list(error.reports)
    if isinstance(error, BatchError):
        data["summary"] = error.summary
    return data


def print_error(error: OppoImageError, *, as_json: bool, **values: Any) -> int:
    """Print an error.

    :param error: the error.
    :param as_json: whether to print a JSON object too.
    :param values: other values for the JSON object, such as ids that are known despite the error.
    :return: the exit code.
    """
    if as_json:
        print_json({**values, "error": error_to_dict(error)})
    print_note(f"error: {_message(error)}")
    return exit_code(error)


def _message(error: OppoImageError) -> str:
    """Return the error's message, without the table of a batch, which is the data `summary`."""
    return str(error).partition("\n")[0] if isinstance(error, BatchError) else str(error)


def print_result(text: str) -> None:
    """Print a result to standard output.

    :param text: one or more lines; control characters are escaped, since parts of the text come from remote hosts.
    """
    _write(sys.stdout, text)


def print_json(data: Mapping[str, Any]) -> None:
    """Print a result to standard output as one JSON object on one line."""
    _write(sys.stdout, json.dumps(data))


def print_note(text: str) -> None:
    """Print an error, a warning or a note to standard error."""
    _write(sys.stderr, text)


def is_terminal(stream: TextIO | None) -> bool:
    """Return whether a person reads a stream; None is a stream that the caller has closed."""
    return stream is not None and stream.isatty()


def flush() -> None:
    """Flush standard output, which argparse does not do; ignores a closed pipe."""
    _write(sys.stdout, "", end="")


def _write(stream: TextIO | None, text: str, end: str = "\n") -> None:
    """Write and flush; a reader that has closed the pipe, such as `head`, does not change the exit code."""
    if stream is None:  # the caller has closed it
        return
    escaped = "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in text)
    encoding = stream.encoding or "utf-8"
    try:
        stream.write(escaped.encode(encoding, "backslashreplace").decode(encoding) + end)
        stream.flush()
    except BrokenPipeError:
        # Otherwise the interpreter would fail to flush the rest of the buffer when it exits.
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
