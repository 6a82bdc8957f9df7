"""Picture files, a picture host, and the command line in a separate process."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.support import artwork
from tests.support.picture_host import PictureHost

RUN = "import sys; from airflow_provider_oppo_image.cli.main import main; sys.exit(main())"
"""The code of the console script."""

Start = Callable[..., "subprocess.Popen[str]"]


def write(path: Path, content: bytes) -> str:
    """Write a file and return its path as an argument."""
    path.write_bytes(content)
    return str(path)


def imported_packages(importtime: str) -> set[str]:
    """Return the top-level packages in the output of `-X importtime`."""
    return {name.partition(".")[0] for name in re.findall(r"^import time: .*\| +([\w.]+)$", importtime, re.MULTILINE)}


@pytest.fixture(autouse=True)
def _process_context_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    """Undo the commands' request for access to Airflow's database."""
    monkeypatch.setenv("_AIRFLOW_PROCESS_CONTEXT", "")
    monkeypatch.delenv("_AIRFLOW_PROCESS_CONTEXT")


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


def _enable_sigint() -> None:
    """Undo the SIG_IGN that processes in the background inherit."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@pytest.fixture
def start() -> Iterator[Start]:
    """Start the command line in a separate process, which is killed at the end if it still runs."""
    started = []

    def start(*arguments: str, python: Sequence[str] = (), env: dict[str, str] | None = None, **options: Any) -> Any:
        process = subprocess.Popen(
            [sys.executable, *python, "-c", RUN, *arguments],
            **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, **options},
            env=os.environ | (env or {}),
            preexec_fn=_enable_sigint,
        )
        started.append(process)
        return process

    yield start
    for process in started:
        with process:
            process.kill()
