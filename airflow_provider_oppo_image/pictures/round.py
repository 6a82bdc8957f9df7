"""One look at many pictures: which is asked for next, and which hosts are given up. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from airflow_provider_oppo_image.pictures.remembering import Place
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.pictures.slow_hosts import not_asked_for, was_too_slow
from airflow_provider_oppo_image.pictures.turns import Turns, host_of


class Round:
    """The pictures of one look, host by host in turn.

    A host that was too slow for as many pictures in a row as it may have at once is asked for no more of them in this
    look: else thousands of its pictures would keep those of other hosts waiting for hours.

    :param places: the pictures, each once.
    :param most: pictures that are looked at side by side, at most.
    :param of_a_host: of these, pictures of one host.
    """

    def __init__(self, places: Sequence[Place], most: int, of_a_host: int) -> None:
        self.reports: dict[Place, PictureReport] = {}
        self._left = len(places)
        self._most, self._of_a_host = most, of_a_host
        self._under_way = 0
        self._too_slow: Counter[str] = Counter()  # by host, pictures in a row
        self._turns: Turns[Place] = Turns(of_a_host)
        for place in places:
            self._turns.add(host_of(place[1]), place)

    @property
    def is_over(self) -> bool:
        """Whether there is a report of each picture."""
        return not self._left

    def begin(self) -> Iterator[Place]:
        """Yield the pictures to look at now."""
        while self._under_way < self._most and (place := self._turns.take()):
            self._under_way += 1
            yield place

    def end(self, place: Place, report: PictureReport) -> None:
        """Note what was found of a picture."""
        host = host_of(place[1])
        self._under_way -= 1
        self._note(place, report)
        # What was too slow keeps its turn until the host answers: it has the fewer of them, the longer it is silent.
        self._too_slow[host] += 1
        if not was_too_slow(report):
            for _ in range(self._too_slow.pop(host)):
                self._turns.end(host)
        elif self._too_slow[host] >= self._of_a_host:
            for each in self._turns.drop(host):
                self._note(each, not_asked_for(*each, self._of_a_host))

    def _note(self, place: Place, report: PictureReport) -> None:
        self.reports[place] = report
        self._left -= 1
