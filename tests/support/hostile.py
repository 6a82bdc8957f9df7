"""Exceptions of every kind, raised by one call of a function."""

from __future__ import annotations

import contextlib
import errno
import itertools
import sqlite3
import ssl
import struct
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final
from unittest.mock import patch


class ClientError(Exception):
    """An error like those of botocore, which derive from nothing but Exception."""

    def __init__(self, text: str) -> None:
        super().__init__(f"An error occurred (SlowDown) when calling the operation: {text}")
        self.response = {"Error": {"Code": "SlowDown", "Message": text}}


EXCEPTIONS: Final[Mapping[str, Callable[[str], Exception]]] = {
    "the disk is full": lambda text: OSError(errno.ENOSPC, "No space left on device", text),
    "an I/O error": lambda text: OSError(errno.EIO, "Input/output error", text),
    "an OSError with a text only": OSError,
    "no permission": lambda text: PermissionError(errno.EACCES, "Permission denied", text),
    "no file": FileNotFoundError,
    "a folder": IsADirectoryError,
    "a reset": ConnectionResetError,
    "a timeout": TimeoutError,
    "an error of TLS": ssl.SSLError,
    "no thread": lambda text: RuntimeError(f"can't start new thread {text}"),
    "no memory": MemoryError,
    "a UnicodeError": lambda text: UnicodeDecodeError("utf-8", b"\xff", 0, 1, text),
    "a RecursionError": RecursionError,
    "an error of zlib": zlib.error,
    "an error of SQLite": sqlite3.OperationalError,
    "an error of struct": struct.error,
    "a KeyError": KeyError,
    "an IndexError": IndexError,
    "an AttributeError": AttributeError,
    "an AssertionError": AssertionError,
    "an EOFError": EOFError,
    "a ValueError": ValueError,
    "an ImportError": ImportError,
    "a StopIteration": StopIteration,
    "not implemented": NotImplementedError,
    "a ClientError": ClientError,
}
"""Exceptions by kind, each made from a text."""


class Raised:
    """Record of the exception, once it was raised."""

    error: Exception | None = None


@contextlib.contextmanager
def raising(
    owner: Any, name: str, error: Exception, call: int = 1, only: Callable[..., bool] = bool
) -> Iterator[Raised]:
    """Let a call of a function raise an exception, instead of doing its work.

    :param owner: the module or the class of the function.
    :param call: the number of the call, from 1.
    :param only: which calls count, by their arguments; all by default.
    """
    original, raised, calls = getattr(owner, name), Raised(), itertools.count(1)

    def replacement(*args: Any, **kwargs: Any) -> Any:
        if (only is bool or only(*args)) and next(calls) == call:
            raised.error = error
            raise error
        return original(*args, **kwargs)

    with patch.object(owner, name, replacement):
        yield raised
