"""The way to Airflow, whose import takes seconds and whose messages go to standard output."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from airflow_provider_oppo_image.cli.output import print_note
from airflow_provider_oppo_image.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook


@contextlib.contextmanager
def open_hook(conn_id: str, *, verbose: bool) -> Iterator[OppoImageHook]:
    """Open an Airflow connection; in the block nobody writes to standard output, so results are told after it.

    :param conn_id: the connection's id.
    :param verbose: whether Airflow's messages are shown, on standard error.
    :return: the hook, its connection read and checked.
    :raises ConfigurationError: if Airflow does not start, or the connection is not there or not usable.
    """
    with contextlib.redirect_stdout(sys.stderr if verbose else devnull()):
        if verbose:
            yield _read_connection(conn_id)
            return
        # Airflow 2 warns on standard error of what its users cannot change.
        with contextlib.redirect_stderr(devnull()):
            hook = _read_connection(conn_id)
        if hook.settings.unknown_keys:
            print_note(f"warning: connection {conn_id!r} has unknown keys: {', '.join(hook.settings.unknown_keys)}")
        with _our_warnings_shown():
            yield hook


def _read_connection(conn_id: str) -> OppoImageHook:
    with starting_airflow():
        from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
    hook = OppoImageHook(conn_id)
    hook.settings  # noqa: B018 - reads the connection
    return hook


@contextlib.contextmanager
def starting_airflow() -> Iterator[None]:
    """Import Airflow within, as a process that may ask its database.

    :raises ConfigurationError: if the import fails.
    """
    # Airflow 3 asks its database for connections only in a process that says so, as `airflow connections` does.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    try:
        yield
    except Exception as error:  # a broken configuration makes Airflow's import raise whatever it likes
        raise ConfigurationError(
            f"Airflow does not start here ({type(error).__name__}: {error}). `airflow version` shows the whole story."
        ) from error


@functools.cache
def devnull() -> TextIO:
    """Return a stream that stays open: Airflow's log handlers keep the one that they first saw."""
    return Path(os.devnull).open("w")


@contextlib.contextmanager
def _our_warnings_shown() -> Iterator[None]:
    """Show this package's warnings, such as that a call is tried again, while Airflow's handlers show nothing."""
    logger, handler = logging.getLogger("airflow_provider_oppo_image"), _Remarks(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _Remarks(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print_note(f"{record.levelname.lower()}: {record.getMessage()}")
