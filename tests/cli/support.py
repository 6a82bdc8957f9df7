"""What the tests of the command line share beside their fixtures."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Callable
from pathlib import Path

RUN = "import sys; from airflow_provider_oppo_image.cli.main import main; sys.exit(main())"
"""What the console script does."""

Start = Callable[..., "subprocess.Popen[str]"]


def write(path: Path, content: bytes) -> str:
    """Write a file and return its path as an argument."""
    path.write_bytes(content)
    return str(path)


def imported(importtime: str) -> set[str]:
    """Return the top-level packages that `-X importtime` reported."""
    return {name.partition(".")[0] for name in re.findall(r"^import time: .*\| +([\w.]+)$", importtime, re.MULTILINE)}
