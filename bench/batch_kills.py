"""SIGKILL at random moments of a batch, and a second run after each: lost rows, and pictures uploaded twice."""

from __future__ import annotations

import csv
import json
import random
import secrets
import statistics
import subprocess
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from airflow_provider_oppo_image.batch.worker_pool import MAX_UNWRITTEN
from bench.batch_process import write_manifest
from bench.report import Figure, at_most
from bench.runs import pictures
from bench.servers import Service
from tests.support import batch_process

KILLS: Final = 20
ROWS: Final = 20_000
LATENCY_S: Final = 0.001
TIMEOUT_S: Final = 300


class Damage(NamedTuple):
    """Result of a killed batch: rows without exactly one correct result, and repeated uploads."""

    wrong: int
    repeated: int


def measure(kills: int = KILLS, rows: int = ROWS, seed: int | None = None) -> list[Figure]:
    """Kill batches, each once, at random moments of the time that an undisturbed batch takes.

    :param seed: of the random moments; None chooses one.
    """
    seed = secrets.randbelow(10**6) if seed is None else seed
    moments = random.Random(seed)  # noqa: S311  # no secret
    with start_batch(rows) as batch:
        start = time.monotonic()
        batch.run()
        seconds = time.monotonic() - start
    found: list[Damage] = []
    while len(found) < kills:
        with start_batch(rows) as batch:
            if batch.kill(moments.uniform(0, seconds)):
                batch.run()
                found.append(batch.damage())
    repeated = [one.repeated for one in found]
    note = f"median {statistics.median(repeated):.0f} of {kills} kills; at most {MAX_UNWRITTEN:,}; seed {seed}"
    wrong = f"rows of {kills} batches of {rows:,}, killed and run again, without exactly one correct result"
    return [
        at_most(wrong, sum(one.wrong for one in found), "", 0),
        at_most("pictures uploaded twice after a kill, at most", max(repeated), "", MAX_UNWRITTEN, note=note),
    ]


class KillableBatch(NamedTuple):
    """A batch in a process of its own, with its files and the URL of its service."""

    folder: Path
    rows: int
    url: str

    def run(self) -> None:
        """Run the batch to its end, or resume it; it must succeed."""
        with self._start() as process:
            if process.wait(TIMEOUT_S):
                raise SystemExit("The batch failed; its output is above.")

    def kill(self, after: float) -> bool:
        """Kill the batch after some seconds; return False if it had ended before."""
        with self._start() as process:
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                process.kill()
        return process.returncode < 0

    def damage(self) -> Damage:
        """Compare the results with the service's journal."""
        given: dict[str, list[str]] = defaultdict(list)
        for line in (self.folder / "journal").read_text().splitlines():
            _, picture_id, body = line.split(" ", 2)
            given[json.loads(body)["big_picture_url"]].append(picture_id)
        with (self.folder / "results.csv").open(newline="") as file:
            found = [(row["line"], row["name"], row["state"], row["big_picture_id"]) for row in csv.DictReader(file)]
        wrong = abs(len(found) - self.rows)
        for at, (url, (line, name, state, picture_id)) in enumerate(zip(pictures(self.rows), found, strict=False)):
            expected = (str(at + 2), f"campaign {at}", "uploaded")
            wrong += (line, name, state) != expected or picture_id not in given.get(url, ())
        return Damage(wrong, repeated=sum(len(ids) - 1 for ids in given.values()))

    def _start(self) -> subprocess.Popen[str]:
        return batch_process.start(self.folder / "manifest.csv", self.folder / "results.csv", self.url)


@contextmanager
def start_batch(rows: int) -> Iterator[KillableBatch]:
    """Write a manifest, and start a service for it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_manifest(folder / "manifest.csv", rows)
        with Service(latency=LATENCY_S, journal=folder / "journal") as service:
            yield KillableBatch(folder, rows, service.url)
