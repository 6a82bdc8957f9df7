"""Copies of this checkout: all files that Git tracks or would track."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]


def copy_checkout(to: Path, *, without: str | None = None) -> None:
    """Copy the files that Git does not ignore into a new folder.

    :param to: the folder; an existing one is replaced.
    :param without: a top-level folder to leave out.
    """
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    shutil.rmtree(to, ignore_errors=True)
    for name in filter(None, listed.stdout.split("\0")):
        source, copy = ROOT / name, to / name
        if source.is_file() and Path(name).parts[0] != without:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy)
