"""What a sensor's earlier looks learned, so that the next one need not download what has not changed."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.pictures.stamps import Stamp

Place: TypeAlias = tuple[PictureKind, str]
"""A kind and a URL."""

MOST: Final = 20_000
"""Pictures that are remembered, at most: about 20 MB of them."""

TRUST_S: Final = 900.0
"""Seconds at most, half of them at least, for which a host is asked no more than whether a picture has changed."""


@dataclass(frozen=True)
class Known:
    """What is known of a picture.

    :param report: what was found when it was downloaded: ready or wrong.
    :param stamp: how its host marks what was found; None when it is to be downloaded again.
    :param until: when that will be, by the memory's clock.
    :param on_trust: whether the host has since said that nothing has changed, and nobody has looked.
    """

    report: PictureReport
    stamp: Stamp | None
    until: float = 0.0
    on_trust: bool = False


class Memory:
    """What is known of pictures, by kind and URL; for one sensor, in one process. Threads may share it.

    :param clock: tells the time in seconds.
    :param chance: a random number from 0 to 1, so that thousands of pictures are not downloaded again at once.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock, self._chance = clock, chance
        self._known: dict[Place, Known] = {}
        self._lock = threading.Lock()

    def recall(self, place: Place) -> Known | None:
        """Return what is known of a picture; with no stamp when its host was trusted for long enough."""
        known = self._known.get(place)
        if known and known.stamp and self._clock() >= known.until:
            return replace(known, stamp=None)
        return known

    def keep(self, place: Place, report: PictureReport, stamp: Stamp | None) -> None:
        """Keep what was found in a download; the oldest is forgotten where there is too much.

        :param place: the picture.
        :param report: what was found; of one that is absent nothing is kept.
        :param stamp: how the host marks it; None for not.
        """
        if report.state == "absent":
            self.forget((place,))
            return
        until = self._clock() + TRUST_S * (1 + self._chance()) / 2
        with self._lock:
            self._known.pop(place, None)
            self._known[place] = Known(report, stamp, until)
            while len(self._known) > MOST:
                del self._known[next(iter(self._known))]

    def trust(self, place: Place) -> None:
        """Note that a host said of a picture that it has not changed."""
        with self._lock:
            if place in self._known:
                self._known[place] = replace(self._known[place], on_trust=True)

    def on_trust(self, places: Iterable[Place]) -> list[Place]:
        """Return those pictures of which the last that is known is their host's word."""
        return [place for place in places if (known := self._known.get(place)) and known.on_trust]

    def forget(self, places: Iterable[Place]) -> None:
        """Forget pictures, so that they are downloaded again."""
        with self._lock:
            for place in places:
                self._known.pop(place, None)
