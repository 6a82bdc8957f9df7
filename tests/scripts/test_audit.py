"""An audit that could not ask says so: no answer is not a good one."""

from __future__ import annotations

from typing import Any

import pytest

from scripts.audit import CLEAN, NOT_ASKED, VULNERABLE, judge, main

GOOD = {"name": "good", "version": "1.0", "vulns": []}
BAD = {"name": "bad", "version": "2.0", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
UNKNOWN = {"name": "unknown", "skip_reason": "not found"}


@pytest.mark.parametrize(
    ("pinned", "code", "words"),
    [
        ([GOOD, GOOD], CLEAN, "2 versions, none with a known vulnerability"),
        ([GOOD, BAD], VULNERABLE, "bad 2.0 has PYSEC-1; mended in 2.1"),
        ([BAD | {"vulns": [{"id": "PYSEC-2", "fix_versions": []}]}], VULNERABLE, "mended in no version yet"),
        ([GOOD, UNKNOWN], NOT_ASKED, "could not be asked about 1 of 2 versions, such as unknown's"),
        ([BAD, UNKNOWN], VULNERABLE, "could not be asked about 1 of 2"),
    ],
)
def test_what_is_known_decides(
    pinned: list[dict[str, Any]], code: int, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert judge("constraints.txt", pinned) == code
    assert words in capsys.readouterr().out


def test_a_file_that_pip_audit_cannot_read_is_not_asked_about(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["/no/such/constraints.txt"]) == NOT_ASKED
    assert "constraints.txt: the advisory service could not be asked" in capsys.readouterr().out
