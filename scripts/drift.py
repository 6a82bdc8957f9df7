"""Compare the newest SDK of the vendor with the tested one and with `contract.py`: `make drift`.

usage: python -m scripts.drift

Prints what is new or gone. Exits with 0 if nothing is, 1 if something is, and 2 if the index cannot be read.
"""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import distribution
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from airflow_provider_oppo_image import contract

SDK: Final = "engagelab-apppush"
_FACTS: Final = {
    "path": re.compile(r'"(/v4/[\w/-]+)'),
    "code": re.compile(r"(?<![\w.#])(2\d{4})(?!\w)"),
    "data center": re.compile(r'"(https://pushapi[\w.-]+)"'),
    "field": re.compile(r"^    (\w+): [A-Z\"]", re.MULTILINE),
}
_CONTRACT: Final = {
    "path": {contract.IMAGE_PATH, contract.PUSH_PATH, contract.VALIDATE_PATH, contract.STATUS_PATH},
    "data center": set(contract.DATA_CENTERS.values()),
    "field": {f"{kind}_picture_{end}" for kind in contract.PICTURE_KINDS for end in ("url", "id")} | {"cid"},
}

Facts = Mapping[str, set[str]]


def facts(folder: Path) -> Facts:
    """Return what the SDK's source in a folder names, by kind."""
    text = "\n".join(path.read_text() for path in sorted(folder.rglob("*.py")))
    return {kind: set(pattern.findall(text)) for kind, pattern in _FACTS.items()}


def differences(newest: Facts, tested: Facts) -> Iterator[str]:
    """Yield what is new in the newest SDK, what is gone, and what `contract.py` has and it lacks, a line each."""
    for kind in _FACTS:
        new = newest[kind] - tested[kind]
        if kind == "code":
            new -= set(map(str, contract.ERROR_CODES))
        yield from (f"new {kind}: {value}" for value in sorted(new))
        yield from (f"{kind} is gone: {value}" for value in sorted(tested[kind] - newest[kind]))
        yield from (f"{kind} of contract.py is missing: {v}" for v in sorted(_CONTRACT.get(kind, set()) - newest[kind]))
    yield from (
        f"data center is not in contract.py: {v}" for v in sorted(newest["data center"] - _CONTRACT["data center"])
    )


def main() -> int:
    """Install the newest SDK into a temporary folder, print the differences, and return the exit code."""
    tested = distribution(SDK)
    with TemporaryDirectory() as folder:
        uv = str(Path(sys.executable).with_name("uv"))
        command = [uv, "pip", "install", "--quiet", "--system-certs", "--no-deps", "--upgrade", "--target", folder, SDK]
        if subprocess.run(command, check=False).returncode:
            print(f"The newest {SDK} could not be installed: nothing is known. Run it where the index can be reached.")
            return 2
        [newest] = (path.name.split("-")[1].removesuffix(".dist") for path in Path(folder).glob("*.dist-info"))
        found = list(differences(facts(Path(folder)), facts(Path(str(tested.locate_file("engagelab"))))))
    print(f"{SDK} {newest}, tested with {tested.version}:", *(found or ["nothing is different."]), sep="\n  ")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
