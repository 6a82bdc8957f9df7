"""An engine with a client that only pretends."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from airflow_provider_oppo_image.batch.plan import PlannedPicture
from airflow_provider_oppo_image.batch.results import Outcome
from airflow_provider_oppo_image.batch.worker_pool import Uploader
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter

Upload = Callable[[str], str]


@dataclass
class Run:
    """An engine whose parts are kept in memory, and what it did."""

    upload_one: Upload = lambda url: f"id_{url}"
    write_one: Callable[[], None] = lambda: None
    begun: int = 0
    most_unwritten: int = 0
    in_flight: int = 0
    most_in_flight: int = 0
    recorded: list[Outcome] = field(default_factory=list)
    parts: list[list[Outcome]] = field(default_factory=list)
    told: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def upload(self, kind: PictureKind, url: str) -> str:
        with self._lock:
            self.begun += 1
            self.in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self.in_flight)
            self.most_unwritten = max(self.most_unwritten, self.begun - self.written)
        try:
            return self.upload_one(url)
        finally:
            with self._lock:
                self.in_flight -= 1

    @property
    def written(self) -> int:
        return sum(map(len, self.parts))

    def write(self, outcomes: Sequence[Outcome]) -> None:
        self.write_one()
        self.parts.append(list(outcomes))

    def tell(self) -> None:
        self.told += 1

    def engine(self, **options: Any) -> Uploader:
        rate_limiter = options.pop("rate_limiter", None) or RateLimiter(AdaptiveRate(1e9))
        return Uploader(self, rate_limiter, self.recorded.append, self.write, self.tell, **options)


def pictures(count: int) -> Iterator[PlannedPicture]:
    return (PlannedPicture(number, "big", str(number)) for number in range(1, count + 1))


def numbers(outcomes: Sequence[Outcome]) -> list[int]:
    return sorted(outcome.number for outcome in outcomes)
