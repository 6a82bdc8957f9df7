"""The guide's table of when a push is sent is what the code decides."""

from __future__ import annotations

from scripts.push_table import table
from tests.docs.pages import ROOT


def test_guide_has_the_table() -> None:
    assert table() in (ROOT / "docs/how-to/push.md").read_text()
