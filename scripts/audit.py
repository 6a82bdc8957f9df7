"""Check every pinned version for known vulnerabilities.

usage: python scripts/audit.py CONSTRAINTS...

Exits with 0 if no version has a known vulnerability, with 1 if one has, and with 3 if the advisory service did not
answer for all of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

CLEAN: Final = 0
VULNERABLE: Final = 1
UNKNOWN: Final = 3

_OPTIONS: Final = ("--no-deps", "--disable-pip", "--progress-spinner", "off", "--format", "json")


def main(names: list[str]) -> int:
    """Check each constraints file; return the worst exit code."""
    return max((audit(Path(name)) for name in names), key=(CLEAN, UNKNOWN, VULNERABLE).index)


def audit(path: Path) -> int:
    """Check one constraints file with pip-audit; return its exit code."""
    command = [sys.executable, "-m", "pip_audit", "--requirement", str(path), *_OPTIONS]
    finished = subprocess.run(command, capture_output=True, text=True)
    try:
        pinned: list[dict[str, Any]] = json.loads(finished.stdout)["dependencies"]
    except ValueError:
        last = (finished.stderr.strip().splitlines() or ["pip-audit printed nothing"])[-1]
        print(f"{path.name}: the advisory service did not answer: {last}")
        return UNKNOWN
    return evaluate(path.name, pinned)


def evaluate(name: str, pinned: list[dict[str, Any]]) -> int:
    """Print what is known about the versions of a file, from pip-audit's entries, and return its exit code.

    pip-audit itself calls a version clean if the advisory service did not answer.
    """
    vulnerable = [(entry, advisory) for entry in pinned for advisory in entry.get("vulns", ())]
    for entry, advisory in vulnerable:
        fixed = ", ".join(advisory["fix_versions"]) or "no version yet"
        print(f"{name}: {entry['name']} {entry['version']} has {advisory['id']}; fixed in {fixed}")
    unknown = [entry["name"] for entry in pinned if "vulns" not in entry]
    if unknown:
        print(f"{name}: no answer for {len(unknown)} of {len(pinned)} versions, for example {unknown[0]}")
    elif not vulnerable:
        print(f"{name}: {len(pinned)} versions, none with a known vulnerability")
    return VULNERABLE if vulnerable else UNKNOWN if unknown else CLEAN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
