"""Write down what this version promises: `make promises`.

Only the folder of this version is written, and only where nothing is lost of what it had promised already.
"""

from __future__ import annotations

import sys
from pathlib import Path

from airflow_provider_oppo_image import __version__
from scripts.api_snapshots.collect import promises
from scripts.api_snapshots.compare import lost
from scripts.api_snapshots.files import FOLDER, read, write


def main(version: str = __version__, folder: Path = FOLDER) -> int:
    """Write a version's promises; return the exit code.

    :param version: the version that they are written for.
    :param folder: where the versions' folders are.
    """
    now = promises()
    if broken := list(lost(read(version, folder), now)):
        print(f"Version {version} has promised what is no longer true, so nothing was written:", *broken, sep="\n  ")
        print(f"Keep the promise. Only if {version} was never released, remove tests/promises/{version} first.")
        return 1
    write(version, now, folder)
    print(f"Version {version} promises what is in tests/promises/{version}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
