"""Counts the attacks on the provider, and how many of them succeeded."""

from __future__ import annotations

from collections import Counter


class AttackReport:
    """Numbers of attacks and of successful attacks, by section.

    A test records an attack before its assertion can fail, so the table is complete after a failed run too.
    """

    def __init__(self) -> None:
        self._tried: Counter[tuple[str, str]] = Counter()
        self._succeeded: Counter[tuple[str, str]] = Counter()

    def record(self, section: str, attack: str, *, tried: int = 1, succeeded: int = 0) -> None:
        """Record attacks.

        :param section: for example "no failure is silent".
        :param attack: a row of the section, for example "faults of an upload".
        :param tried: how many attacks were tried.
        :param succeeded: how many of them succeeded.
        """
        self._tried[section, attack] += tried
        self._succeeded[section, attack] += succeeded

    def require(self, section: str, attack: str, failed: bool, details: object, *, tried: int = 1) -> None:
        """Record an attack, and fail the test unless the attack failed.

        :param details: shown if the attack succeeded.
        """
        self.record(section, attack, tried=tried, succeeded=not failed)
        assert failed, details

    def rows(self) -> list[str]:
        """Return the lines of the table; empty if nothing was recorded."""
        if not self._tried:
            return []
        lines = [f"{'section':<34}{'attack':<50}{'tried':>9}{'succeeded':>13}"]
        for section, attack in sorted(self._tried):
            tried, succeeded = self._tried[section, attack], self._succeeded[section, attack]
            lines.append(f"{section:<34}{attack:<50}{tried:>9,}{succeeded:>13,}")
        return lines
