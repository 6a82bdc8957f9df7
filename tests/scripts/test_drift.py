"""The comparison of the vendor's newest SDK with `contract.py`."""

from __future__ import annotations

from pathlib import Path

import pytest

from scripts.drift import differences, facts

engagelab = pytest.importorskip("engagelab")
TESTED = Path(str(engagelab.__file__)).parent


def test_tested_sdk_agrees_with_the_contract() -> None:
    assert not list(differences(facts(TESTED), facts(TESTED)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('post("/v4/image/vivo", body)', "new path: /v4/image/vivo"),
        ("NO_PICTURE = 29999", "new code: 29999"),
        (
            'INDIA = "https://pushapi-in.engagelab.com"',
            "data center is not in contract.py: https://pushapi-in.engagelab.com",
        ),
        ("class Param:\n    huge_picture_url: Optional[str] = None", "new field: huge_picture_url"),
    ],
)
def test_new_fact_is_reported(text: str, found: str, tmp_path: Path) -> None:
    (tmp_path / "more.py").write_text(text)
    newest = {kind: values | facts(tmp_path)[kind] for kind, values in facts(TESTED).items()}
    assert found in list(differences(newest, facts(TESTED)))


def test_missing_fact_is_reported(tmp_path: Path) -> None:
    assert "path of contract.py is missing: /v4/image/oppo" in list(differences(facts(tmp_path), facts(TESTED)))
