"""Asks the advisory service about every pinned version.

usage: python scripts/audit.py CONSTRAINTS...

Exits with 0 when no version has a known vulnerability, with 1 when one has, and with 3 when the service could not be
asked about all of them: then nobody knows.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

CLEAN: Final = 0
VULNERABLE: Final = 1
NOT_ASKED: Final = 3

_ASK: Final = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json")


def main(names: list[str]) -> int:
    """Ask about each file, and say what came of it.

    :param names: constraints files.
    :return: the exit code.
    """
    return max((audit(Path(name)) for name in names), key=(CLEAN, NOT_ASKED, VULNERABLE).index)


def audit(path: Path) -> int:
    """Ask about the versions of one file, and print what is known.

    :param path: a constraints file.
    :return: `CLEAN`, `VULNERABLE` or `NOT_ASKED`.
    """
    asked = subprocess.run(
        [sys.executable, "-m", "pip_audit", "--requirement", path, *_ASK], capture_output=True, text=True
    )
    try:
        pinned: list[dict[str, Any]] = json.loads(asked.stdout)["dependencies"]
    except ValueError:
        last = (asked.stderr.strip().splitlines() or ["no word from pip-audit"])[-1]
        print(f"{path.name}: the advisory service could not be asked: {last}")
        return NOT_ASKED
    return judge(path.name, pinned)


def judge(name: str, pinned: list[dict[str, Any]]) -> int:
    """Say what is known of pinned versions; pip-audit itself calls a version clean that it could not ask about.

    :param name: where they are pinned.
    :param pinned: pip-audit's entries.
    :return: `CLEAN`, `VULNERABLE` or `NOT_ASKED`.
    """
    vulnerable = [(entry, fault) for entry in pinned for fault in entry.get("vulns", ())]
    for entry, fault in vulnerable:
        mended = ", ".join(fault["fix_versions"]) or "no version yet"
        print(f"{name}: {entry['name']} {entry['version']} has {fault['id']}; mended in {mended}")
    unasked = [entry["name"] for entry in pinned if "vulns" not in entry]
    if unasked:
        which = f"{len(unasked)} of {len(pinned)} versions, such as {unasked[0]}'s"
        print(f"{name}: the advisory service could not be asked about {which}: nobody knows")
    elif not vulnerable:
        print(f"{name}: {len(pinned)} versions, none with a known vulnerability")
    if vulnerable:
        return VULNERABLE
    return NOT_ASKED if unasked else CLEAN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
