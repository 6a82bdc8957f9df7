"""A picture host, the files of pictures, and the command line in a process of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.cli.support import RUN, Start, write
from tests.support import artwork
from tests.support.picture_host import PictureHost


@pytest.fixture
def host() -> Iterator[PictureHost]:
    with PictureHost() as host:
        yield host


@pytest.fixture
def big(tmp_path: Path) -> str:
    return write(tmp_path / "big.png", artwork.png())


@pytest.fixture
def small(tmp_path: Path) -> str:
    return write(tmp_path / "small.jpg", artwork.jpeg(144, 144))


@pytest.fixture
def old(tmp_path: Path) -> str:
    """A picture of OPPO's earlier size."""
    return write(tmp_path / "old.png", artwork.png(876, 324))


def _hear_ctrl_c() -> None:
    """Whoever runs the tests in the background may have had it ignored, and a process inherits that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the command line in a process of its own; one that still runs at the end is killed."""
    started = []

    def start(*arguments: str, python: Sequence[str] = (), env: dict[str, str] | None = None, **options: Any) -> Any:
        process = subprocess.Popen(
            [sys.executable, *python, "-c", RUN, *arguments],
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options},
            env=os.environ | (env or {}),
            preexec_fn=_hear_ctrl_c,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()
