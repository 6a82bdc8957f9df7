"""A stub of the upload service on a loopback port; a test chooses the answer for each picture.

with UploadService() as service, service.client(rate_limiter) as client:
    client.upload("big", "https://cdn.example.com/1.jpg")
assert service.asked == {"https://cdn.example.com/1.jpg": 1}
"""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import Any, Self, TypeAlias

from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.rate_limiter import RateLimiter
from tests.support.fault_server import Connection, ConnectionClosedError, FaultServer, Step, answer

Judge: TypeAlias = Callable[[str], Step | None]
"""Returns the answer for a picture's URL; None answers with an id."""

SECRET = "m4ster-s3cret"


class UploadService:
    """The service; a context manager.

    `asked` counts the requests by the picture's URL, `accepted` those that got an id, and `most_in_flight` is the
    highest number of concurrent requests.

    :param judge: chooses the answers; it may be replaced at any time.
    :param latency: seconds before each answer.
    """

    def __init__(self, judge: Judge = lambda _: None, latency: float = 0.0) -> None:
        self.judge = judge
        self.asked: Counter[str] = Counter()
        self.accepted: Counter[str] = Counter()
        self.most_in_flight = 0
        self._in_flight = 0
        self._latency = latency
        self._lock = threading.Lock()
        self._server = FaultServer(self._reply)

    def __enter__(self) -> Self:
        self._server.__enter__()
        return self

    def __exit__(self, *args: object) -> None:
        self._server.__exit__(*args)

    @property
    def url(self) -> str:
        return self._server.url

    def client(self, rate_limiter: RateLimiter, *, threads: int = 8, retry_budget: float = 0.0) -> EngageLabClient:
        """Return a client with `threads` connections."""
        transport = HttpTransport(self.url, "an-app-key", SECRET, user_agent="tests", connections=threads)
        return EngageLabClient(transport, retry_budget=retry_budget, rate_limiter=rate_limiter)

    def _reply(self, line: Connection) -> None:
        assert line.request
        if not line.request.body.endswith(b"}"):
            raise ConnectionClosedError  # its sender was killed
        [(key, url)] = line.request.json.items()
        with self._lock:
            self.asked[url] += 1
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
        if self._latency:
            time.sleep(self._latency)
        step = self.judge(url)
        with self._lock:
            # Before the answer is sent: the client may send the next request at once.
            self._in_flight -= 1
            self.accepted[url] += step is None
        (step or answer(200, {key.replace("_url", "_id"): id_of(url)}))(line)


def id_of(url: str) -> str:
    """Return the picture id for a URL."""
    return "id_" + "".join(character if character.isalnum() else "_" for character in url.partition("?")[0])


def urls(count: int, query: str = "") -> list[str]:
    """Return the URLs of `count` pictures."""
    return [f"https://cdn.example.com/{number}.jpg{query}" for number in range(count)]


def rows_of(pictures: list[str], **more: Any) -> list[dict[str, Any]]:
    """Return manifest entries, one for each big picture."""
    return [{"name": f"c{number}", "big_picture_url": url, **more} for number, url in enumerate(pictures)]
