"""Copies of this checkout: what git tracks or would track, at another path."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]


def copy_checkout(to: Path, *, without: str | None = None) -> None:
    """Copy the checkout's files, those that git ignores left out.

    :param to: a folder that is made anew.
    :param without: a folder of the checkout to leave out as well.
    """
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - the system's git
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    shutil.rmtree(to, ignore_errors=True)
    for name in filter(None, listed.stdout.split("\0")):
        source, copy = ROOT / name, to / name
        if source.is_file() and Path(name).parts[0] != without:
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, copy)
            copy.chmod(source.stat().st_mode)
