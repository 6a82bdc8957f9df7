"""Batches of pushes: a service that recognises each `cid`, and a batch in its own process.

python -m tests.support.push_batches RESULTS URL
"""

from __future__ import annotations

import datetime
import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Self

from airflow_provider_oppo_image.batch.push_result import default_pushes_path
from airflow_provider_oppo_image.batch.push_run import PushBatchResult, run_push_batch
from airflow_provider_oppo_image.batch.push_work import PushBatch
from airflow_provider_oppo_image.batch.results import read_results, write_results
from airflow_provider_oppo_image.batch.row_result import RowResult
from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
from tests.support.fault_server import Connection, ConnectionClosedError, FaultServer, answer

ROOT = Path(__file__).parents[2]
ACCOUNT = "0123456789abcdef https://service.example.com"
MESSAGE = {"to": {"tag": ["${name}"]}, "body": {"platform": "all", "notification": {"alert": "For ${name}"}}}


class PushService:
    """The service. `asked` counts requests, and `sent` counts pushes to phones, each by its audience.

    :param on_request: called with the number of requests so far.
    """

    def __init__(self, on_request: Callable[[int], None] = lambda _: None) -> None:
        self.on_request = on_request
        self.asked: Counter[str] = Counter()
        self.sent: Counter[str] = Counter()
        self._known: dict[str, str] = {}
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

    def forget(self) -> None:
        """Forget each `cid`, as after an hour."""
        self._known.clear()

    def _reply(self, line: Connection) -> None:
        assert line.request
        if not line.request.body.endswith(b"}"):
            raise ConnectionClosedError  # its sender was killed
        push = line.request.json
        [audience], cid = push["to"]["tag"], push["body"]["options"]["cid"]
        with self._lock:
            self.asked[audience] += 1
            self.on_request(self.asked.total())
            if cid not in self._known:
                self._known[cid] = f"{len(self._known) + 1:08d}"
                self.sent[audience] += 1
        answer(200, {"msg_id": self._known[cid], "request_id": push["request_id"]})(line)


def uploaded(count: int, **more: Any) -> Iterator[RowResult]:
    """Yield results of an upload."""
    now = datetime.datetime.now(datetime.UTC).isoformat()
    row = {"state": "uploaded", "big_picture_id": "3653918_1", "uploaded_at": now, "account": ACCOUNT} | more
    return (RowResult(number, f"c{number}", **row) for number in range(1, count + 1))


def write_uploaded(path: Path, count: int) -> Path:
    write_results(path, uploaded(count))
    return path


def push_all(results: Path, url: str, *, threads: int = 16) -> PushBatchResult:
    """Push the rows of a results file once."""
    limiter = RateLimiter(AdaptiveRate(1_000_000))
    transport = HttpTransport(url, "key", "secret", user_agent="tests", connections=threads)
    with EngageLabClient(transport, retry_budget=0, rate_limiter=limiter) as client:
        batch = PushBatch(
            lambda push, until: client.push(push, until=until).msg_id,
            client.validate_push,
            limiter,
            ACCOUNT,
            task="a task",
            threads=threads,
        )
        return run_push_batch(batch, MESSAGE, read_results(results), None, Path(default_pushes_path(results)))


def start(results: Path, url: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.support.push_batches", str(results), url]
    return subprocess.Popen(command, cwd=ROOT)


def kill_at(count: int, results: Path, service: PushService, timeout: float = 50) -> None:
    """Push in a process, and kill it when the service has got this number of requests in total.

    :param timeout: the seconds within which that must happen.
    """
    processes: list[subprocess.Popen[str]] = []
    service.on_request = lambda number: processes[0].kill() if number >= count else None
    processes.append(start(results, service.url))
    with processes[0] as process:
        assert process.wait(timeout) == -signal.SIGKILL
    service.on_request = lambda _: None


def make_older(results: Path, by: datetime.timedelta) -> None:
    """Let the records of a killed batch be older."""
    for part in Path(default_pushes_path(results) + ".parts").glob("part-*.jsonl"):
        first, *lines = part.read_text().splitlines()
        entries = [json.loads(line) for line in lines]
        for entry in entries:
            since = datetime.datetime.fromisoformat(entry["record"]["first_sent_at"])
            entry["record"]["first_sent_at"] = (since - by).isoformat()
        part.write_text("\n".join([first, *map(json.dumps, entries)]) + "\n")


if __name__ == "__main__":
    if error := push_all(Path(sys.argv[1]), sys.argv[2]).error:
        raise error
