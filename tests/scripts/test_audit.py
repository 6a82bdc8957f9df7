"""The audit: an unknown version is not a clean one."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.audit import CLEAN, UNKNOWN, VULNERABLE, evaluate, main

GOOD = {"name": "good", "version": "1.0", "vulns": []}
BAD = {"name": "bad", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
NO_FIX = BAD | {"vulns": [{"id": "PYSEC-2", "fix_versions": []}]}
NO_ANSWER = {"name": "silent", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("pinned", "code", "printed"),
    [
        ([GOOD, GOOD], CLEAN, "2 versions"),
        ([GOOD, BAD], VULNERABLE, "bad 2.0 has PYSEC-1; fixed in 2.1"),
        ([NO_FIX], VULNERABLE, "no version yet"),
        ([GOOD, NO_ANSWER], UNKNOWN, "1 of 2 versions, for example silent"),
        ([BAD, NO_ANSWER], VULNERABLE, "1 of 2"),
    ],
)
def test_evaluate(pinned: list[dict[str, Any]], code: int, printed: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert evaluate("constraints.txt", pinned) == code
    assert printed in capsys.readouterr().out


def test_main_unreadable_file_is_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/no/such/constraints.txt"]) == UNKNOWN
    assert "constraints.txt" in capsys.readouterr().out
