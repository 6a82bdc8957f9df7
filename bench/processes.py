"""A server of this package in a process of its own, which prints its URL when it takes connections."""

from __future__ import annotations

import subprocess
import sys
from typing import ClassVar, Self

from bench.report import ROOT


class Server:
    """A server, while the block runs.

    :param arguments: its command line.
    """

    module: ClassVar[str]
    """The module that serves, below `bench`."""

    def __init__(self, *arguments: object) -> None:
        self._command = [sys.executable, "-m", f"bench.{self.module}", *map(str, arguments)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.url = next(iter(self._process.stdout or ()), "").strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()
