"""SIGKILL at random moments of a batch, and a retry after each: what is lost, and what is done twice.

usage: python -m bench.batch_kills [--kills NUMBER] [--rows NUMBER] [--seed NUMBER]
"""

from __future__ import annotations

import argparse
import csv
import json
import random
import secrets
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from airflow_provider_oppo_image.batch.worker_pool import MAX_UNWRITTEN
from bench.report import ROOT, Figure, at_most, table
from bench.runs import pictures
from bench.service import Service

KILLS: Final = 20
ROWS: Final = 20_000
LATENCY_S: Final = 0.001

_PATIENCE_S: Final = 300


@dataclass(frozen=True)
class Survival:
    """What a batch came to that was killed and run again.

    :param wrong: how many rows have not exactly one result, with an id that the service gave to their picture.
    :param twice: how many uploads there were beyond one for each picture.
    """

    wrong: int
    twice: int


def measure(kills: int = KILLS, rows: int = ROWS, seed: int | None = None) -> list[Figure]:
    """Kill batches, each once, at moments drawn evenly from the time that one takes which is left alone.

    :param kills: how many are killed.
    :param rows: how many rows each of them has.
    :param seed: what the moments are drawn from; None draws one.
    """
    seed = secrets.randbelow(10**6) if seed is None else seed
    lot = random.Random(seed)  # noqa: S311  # no secret
    seconds = _time_left_alone(rows)
    survivals: list[Survival] = []
    while len(survivals) < kills:
        if survival := _kill(rows, after=lot.uniform(0, seconds)):
            survivals.append(survival)
    twice = [survival.twice for survival in survivals]
    spread = f"{statistics.median(twice):.0f} in the middle of {kills} kills; at most {MAX_UNWRITTEN:,}; seed {seed}"
    return [
        at_most(
            f"rows of {kills} batches of {rows:,}, killed and run again, without exactly one right result",
            sum(survival.wrong for survival in survivals),
            "",
            0,
        ),
        at_most("pictures uploaded twice after a kill, at most", max(twice), "", MAX_UNWRITTEN, note=spread),
    ]


def _time_left_alone(rows: int) -> float:
    with _night(rows) as night:
        began = time.monotonic()
        night.run()
        return time.monotonic() - began


def _kill(rows: int, *, after: float) -> Survival | None:
    """Kill a batch after so many seconds, and run it again; None where it ended before."""
    with _night(rows) as night:
        if not night.kill(after):
            return None
        night.run()
        return night.survival()


@dataclass(frozen=True)
class Night:
    """A batch, its files, and its service.

    :param folder: where its files and the service's journal are.
    :param rows: how many it has.
    :param url: the service's.
    """

    folder: Path
    rows: int
    url: str

    def run(self) -> None:
        """Run it to its end, or go on with it.

        :raises SystemExit: if it failed.
        """
        with self._start() as process:
            if process.wait(_PATIENCE_S):
                raise SystemExit("The batch failed; its words are above.")

    def kill(self, after: float) -> bool:
        """Kill it after so many seconds; tell whether it was still there."""
        with self._start() as process:
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                process.kill()
        return process.returncode < 0

    def survival(self) -> Survival:
        """Compare its results with what the service's journal tells."""
        given: dict[str, list[str]] = defaultdict(list)
        for line in (self.folder / "journal").read_text().splitlines():
            _, picture_id, body = line.split(" ", 2)
            given[json.loads(body)["big_picture_url"]].append(picture_id)
        with (self.folder / "night.results.csv").open(newline="") as file:
            found = [(row["line"], row["name"], row["state"], row["big_picture_id"]) for row in csv.DictReader(file)]
        wrong = abs(len(found) - self.rows)
        for at, (url, row) in enumerate(zip(pictures(self.rows), found, strict=False)):
            line, name, state, picture_id = row
            is_right = (line, name, state) == (str(at + 2), f"campaign {at}", "uploaded") and picture_id in given.get(
                url, ()
            )
            wrong += not is_right
        return Survival(wrong, twice=sum(len(ids) - 1 for ids in given.values()))

    def _start(self) -> subprocess.Popen[bytes]:
        files = self.folder / "night.csv", self.folder / "night.results.csv"
        return subprocess.Popen([sys.executable, "-m", "bench.killable_batch", self.url, *map(str, files)], cwd=ROOT)


@contextmanager
def _night(rows: int) -> Iterator[Night]:
    """Write a manifest, and start a service for it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with (folder / "night.csv").open("w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["name", "big_picture_url"])
            writer.writerows((f"campaign {at}", url) for at, url in enumerate(pictures(rows)))
        with Service(latency=LATENCY_S, journal=folder / "journal") as service:
            yield Night(folder, rows, service.url)


def main() -> int:
    """Measure and print; return how many goals were not reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=KILLS, help="how many batches are killed (default: %(default)s)")
    parser.add_argument("--rows", type=int, default=ROWS, help="how many rows each has (default: %(default)s)")
    parser.add_argument("--seed", type=int, help="what the moments are drawn from; printed with the figures")
    options = parser.parse_args()
    figures = measure(options.kills, options.rows, options.seed)
    print("\n".join(table(figures)))
    return sum(figure.reached is False for figure in figures)


if __name__ == "__main__":
    sys.exit(main())
