"""Where promises are written: a folder for each version, a file for each kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parents[2] / "tests/promises"


def versions(folder: Path = FOLDER) -> list[str]:
    """Return the versions whose promises are written down."""
    return sorted({file.parent.name for file in folder.glob("*/*.json")})


def read(version: str, folder: Path = FOLDER) -> dict[str, Any]:
    """Return what a version promised, by kind; nothing where nothing is written down.

    :param version: such as "0.1.0".
    :param folder: where the versions' folders are.
    """
    return {file.stem: json.loads(file.read_text()) for file in sorted((folder / version).glob("*.json"))}


def write(version: str, promises: dict[str, Any], folder: Path = FOLDER) -> None:
    """Write down what a version promises.

    :param version: such as "0.1.0".
    :param promises: JSON data by kind.
    :param folder: where the versions' folders are.
    """
    (folder / version).mkdir(parents=True, exist_ok=True)
    for kind, promise in promises.items():
        (folder / version / f"{kind}.json").write_text(json.dumps(promise, indent=2) + "\n")
