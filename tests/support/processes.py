"""Processes of this machine, as the scripts know them, and what only tests want of them."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Final

from scripts.processes import PROC, Process, end_session, everyone, find, has_ended

__all__ = ["PROC", "Process", "end_session", "everyone", "find", "has_ended", "interrupted_by_sigterm", "watched"]

_LOOK_S: Final = 0.3


@contextlib.contextmanager
def interrupted_by_sigterm() -> Iterator[None]:
    """Let whoever stops the tests stop them as Ctrl-C does: by an exception, which ends what was started."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextlib.contextmanager
def watched() -> Iterator[set[str]]:
    """Collect the command lines of all processes that run meanwhile, as ``ps`` shows them to everybody."""
    seen: set[str] = set()
    over = threading.Event()

    def watch() -> None:
        while not over.wait(_LOOK_S):
            for process in everyone():
                with contextlib.suppress(OSError):
                    line = (PROC / str(process.pid) / "cmdline").read_bytes()
                    seen.add(line.replace(b"\0", b" ").decode(errors="replace"))

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()
