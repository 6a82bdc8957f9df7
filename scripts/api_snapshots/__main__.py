"""Write a snapshot of this version's public API, and provider.yaml: `make api-snapshot`.

A snapshot is a folder of a version, with a file for each kind. Only the folder of this version is written, and only if
it stays compatible with what was stored there.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import yaml  # type: ignore[import-untyped]

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.get_provider_info import get_provider_info
from scripts.api_snapshots.collect import REQUIRED, collect
from scripts.checkout import ROOT

FOLDER: Final = ROOT / "tests/promises"
PROVIDER: Final = ROOT / "provider.yaml"


def versions(folder: Path = FOLDER) -> list[str]:
    """Return the versions that have a snapshot."""
    return sorted({file.parent.name for file in folder.glob("*/*.json")})


def read(version: str, folder: Path = FOLDER) -> dict[str, Any]:
    """Return the snapshot of a version, by kind; {} if there is none."""
    return {file.stem: json.loads(file.read_text()) for file in sorted((folder / version).glob("*.json"))}


def write(version: str, snapshot: dict[str, Any], folder: Path = FOLDER) -> None:
    """Write the snapshot of a version."""
    (folder / version).mkdir(parents=True, exist_ok=True)
    for kind, value in snapshot.items():
        (folder / version / f"{kind}.json").write_text(json.dumps(value, indent=2) + "\n")


def lost(stored: Any, now: Any, path: str = "") -> Iterator[str]:
    """Yield what is missing or different, a line each. Additions are compatible.

    A required argument may get a default, and the names in a list may change their order.
    """
    if isinstance(stored, dict):
        if not isinstance(now, dict):
            yield f"{path}: is no longer a mapping, but {now!r}"
            return
        for key, value in stored.items():
            inner = f"{path} > {key}" if path else str(key)
            if key in now:
                yield from lost(value, now[key], inner)
            else:
                yield f"{inner}: is gone"
    elif isinstance(stored, list) and isinstance(now, list):
        if all(isinstance(entry, str | int) for entry in stored):
            yield from (f"{path} > {entry}: is gone" for entry in stored if entry not in now)
            return
        if len(now) < len(stored):
            yield f"{path}: had {len(stored)} entries, has {len(now)}"
        for number, (before, after) in enumerate(zip(stored, now, strict=False)):
            yield from lost(before, after, f"{path} > {number}")
    elif stored not in (now, REQUIRED):
        yield f"{path}: was {stored!r}, is {now!r}"


def newly_required(stored: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Yield the required arguments that did not exist before, a line each."""
    for name, arguments in stored.items():
        for argument, default in now.get(name, {}).items():
            if default == REQUIRED and argument not in arguments:
                yield f"{name} > {argument}: must be given now, and did not exist"


def provider_yaml() -> str:
    """Return the provider's metadata in the form of the providers in Airflow's repository."""
    release = {"state": "ready", "source-date-epoch": 1793491200}  # 2026-11-01
    plain = json.loads(json.dumps(get_provider_info() | release))  # YAML has references to what is there twice
    return "# Made by: make api-snapshot\n" + str(yaml.safe_dump(plain, sort_keys=False, width=110))


def main(version: str = __version__, folder: Path = FOLDER) -> int:
    snapshot = collect()
    if broken := list(lost(read(version, folder), snapshot)):
        print(f"The API is not compatible with the snapshot of {version}, so nothing was written:", *broken, sep="\n  ")
        print(f"Restore what is missing. If {version} was never released, you can remove tests/promises/{version}.")
        return 1
    write(version, snapshot, folder)
    PROVIDER.write_text(provider_yaml())
    print(f"The API snapshot of {version} is in tests/promises/{version}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
