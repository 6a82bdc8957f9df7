"""Write a snapshot of this version's public API: `make api-snapshot`.

Only the folder of this version is written, and only if it stays compatible with what was stored there.
"""

from __future__ import annotations

import sys
from pathlib import Path

from airflow_provider_oppo_image import __version__
from scripts.api_snapshots.collect import collect
from scripts.api_snapshots.files import FOLDER, lost, read, write


def main(version: str = __version__, folder: Path = FOLDER) -> int:
    snapshot = collect()
    if broken := list(lost(read(version, folder), snapshot)):
        print(f"The API is not compatible with the snapshot of {version}, so nothing was written:", *broken, sep="\n  ")
        print(f"Restore what is missing. If {version} was never released, you can remove tests/promises/{version}.")
        return 1
    write(version, snapshot, folder)
    print(f"The API snapshot of {version} is in tests/promises/{version}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
