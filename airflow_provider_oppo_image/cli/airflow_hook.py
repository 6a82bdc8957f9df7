"""Airflow for commands: imported late, because that takes seconds, and kept away from standard output."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from airflow_provider_oppo_image.cli.output import is_terminal, print_note
from airflow_provider_oppo_image.connection import describe_unknown_keys
from airflow_provider_oppo_image.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook


@contextlib.contextmanager
def open_hook(conn_id: str, *, verbose: bool, announce: bool = False) -> Iterator[OppoImageHook]:
    """Open a hook; while the block runs, standard output is redirected, so print results after the block.

    :param conn_id: the id of the Airflow connection.
    :param verbose: whether to show Airflow's messages on standard error.
    :param announce: whether to print a note before Airflow starts; in a terminal, it is always printed.
    :return: the hook, with its connection read and checked.
    :raises ConfigurationError: if Airflow does not start, or the connection does not exist or is not usable.
    """
    if announce or is_terminal(sys.stderr):
        print_note(f"Starting Airflow to read the connection {conn_id!r} ...")
    with contextlib.redirect_stdout(sys.stderr if verbose else devnull()):
        if verbose:
            yield _load_hook(conn_id)
            return
        # Airflow 2 writes deprecation warnings to standard error.
        with contextlib.redirect_stderr(devnull()):
            hook = _load_hook(conn_id)
        if hook.settings.unknown_keys:
            unknown = describe_unknown_keys(hook.settings.unknown_keys)
            print_note(f"warning: connection {conn_id!r} has unknown keys: {unknown}")
        with _show_package_warnings():
            yield hook


def _load_hook(conn_id: str) -> OppoImageHook:
    with starting_airflow():
        from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
    hook = OppoImageHook(conn_id)
    hook.settings  # noqa: B018 - reads the connection
    return hook


@contextlib.contextmanager
def starting_airflow() -> Iterator[None]:
    """Context for importing Airflow, with access to its database.

    :raises ConfigurationError: if the import fails.
    """
    # Without this variable, Airflow 3 does not read connections from its database; `airflow connections` sets it too.
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    try:
        yield
    except Exception as error:  # with a broken configuration, Airflow's import raises any type of exception
        raise ConfigurationError(
            f"Airflow does not start here ({type(error).__name__}: {error}). Run `airflow version` for details."
        ) from error


@functools.cache
def devnull() -> TextIO:
    """Return an open stream that discards its input; Airflow's log handlers keep a reference to it."""
    return Path(os.devnull).open("w")


@contextlib.contextmanager
def _show_package_warnings() -> Iterator[None]:
    """Print this package's warnings, such as retries, while Airflow's log handlers are silent."""
    logger, handler = logging.getLogger("airflow_provider_oppo_image"), _NoteHandler(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


class _NoteHandler(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        print_note(f"{record.levelname.lower()}: {record.getMessage()}")
