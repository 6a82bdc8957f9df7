"""Counts what was tried against the provider, by section, and what got through."""

from __future__ import annotations

from collections import Counter


class Ledger:
    """What was tried and what got through, by section.

    A test notes each thing that it tries, and then notes what got through before it fails by an assertion: so the table
    is honest about a run that failed.
    """

    def __init__(self) -> None:
        self._tried: Counter[tuple[str, str]] = Counter()
        self._through: Counter[tuple[str, str]] = Counter()

    def note(self, section: str, what: str, *, tried: int = 1, through: int = 0) -> None:
        """Note something that was tried.

        :param section: such as "no failure is silent".
        :param what: a row of the section, such as "faults of an upload".
        :param tried: how many tries to add.
        :param through: how many of them got through.
        """
        self._tried[section, what] += tried
        self._through[section, what] += through

    def rows(self) -> list[str]:
        """Return the table, a line a row; empty when nothing was noted."""
        if not self._tried:
            return []
        lines = [f"{'section':<34}{'what was tried':<50}{'tried':>9}{'got through':>13}"]
        for section, what in sorted(self._tried):
            tried, through = self._tried[section, what], self._through[section, what]
            lines.append(f"{section:<34}{what:<50}{tried:>9,}{through:>13,}")
        return lines
