"""What waiting for many pictures takes of a triggerer: one sensor of 10,000, and 900 sensors of one.

Our triggers run as a triggerer runs them, in an event loop of a process of their own; beside it, another process has
loaded the triggerer and nothing of ours, and idles. The pictures are on loopback, in a third process that answers after
20 ms. A third of them is absent; a third is marked with an ETag, and asked for conditionally; a third bears no mark,
and is downloaded in each round.

The processor time of a round is spread over a minute. A round takes the pause between looks and the look itself, so
that rounds are further apart than the interval; each is counted as if they were not.

usage: python -m bench.waiting [--rounds NUMBER] [--interval SECONDS]
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from bench.cacheable_host import Shelf
from bench.report import ROOT, Figure, table, under
from bench.runs import peak_mb

ROUND_S: Final = 60.0
GOAL_CORES: Final = 0.5
GOAL_MB: Final = 300.0

# Pictures that keep a sensor waiting for ever: a ready one would end that of one picture.
MIXED: Final = ("absent", "marked", "plain")
STUCK: Final = ("absent", "wrong", "wrong-plain")


@dataclass(frozen=True)
class Shape:
    """How many pictures wait in how many sensors.

    :param words: the shape, for the table.
    :param sensors: how many sensors.
    :param each: pictures of one sensor.
    :param kinds: which pictures, by turns.
    """

    words: str
    sensors: int
    each: int
    kinds: tuple[str, ...]

    @property
    def pictures(self) -> int:
        """All pictures."""
        return self.sensors * self.each


SHAPES: Final = {
    "one": Shape("one sensor of 10,000 pictures", 1, 10_000, MIXED),
    "many": Shape("900 sensors of one picture", 900, 1, STUCK),
}


@dataclass(frozen=True)
class Taken:
    """What a process has taken so far.

    :param cpu: seconds of processor time.
    :param peak_mb: the most memory it had, in MB of 1,000,000 bytes.
    """

    cpu: float
    peak_mb: float


def measure(rounds: int = 2, interval: float = ROUND_S) -> list[Figure]:
    """Measure both shapes.

    :param rounds: rounds of each, after a first one in which all is learned.
    :param interval: seconds between two looks of a sensor.
    """
    return [figure for shape in SHAPES for figure in measure_shape(shape, rounds, interval)]


def measure_shape(name: str, rounds: int, interval: float) -> list[Figure]:
    """Measure one shape."""
    shape = SHAPES[name]
    with Shelf() as shelf, child("idle", shelf.url, interval) as idle, child(name, shelf.url, interval) as busy:
        wait_for(shelf, shape.pictures)
        before, idle_before, begun = taken(busy), taken(idle), time.monotonic()
        asked = shelf.answers()
        wait_for(shelf, asked + rounds * shape.pictures)
        seconds = time.monotonic() - begun
        done = (shelf.answers() - asked) / shape.pictures
        cpu = taken(busy).cpu - before.cpu
        idle_cores = (taken(idle).cpu - idle_before.cpu) / seconds
        memory = taken(busy).peak_mb - taken(idle).peak_mb
    note = (
        f"{done:.1f} rounds in {seconds:.0f} s; {1000 * cpu / done / shape.pictures:.2f} ms of processor time a check"
    )
    return [
        under(f"{shape.words}, processor", cpu / done / ROUND_S - idle_cores, "cores", GOAL_CORES, note=note),
        under(f"{shape.words}, memory", memory, "MB", GOAL_MB),
    ]


@contextlib.contextmanager
def child(shape: str, url: str, interval: float) -> Iterator[subprocess.Popen[str]]:
    """Run a triggerer's process while the block runs, from when it is ready."""
    command = [sys.executable, "-m", "bench.waiting", "--child", shape, "--host", url, "--interval", str(interval)]
    connection = {
        "conn_type": "oppo_image",
        "login": "key",
        "password": "none",
        "extra": '{"allow_private_addresses": true}',
    }
    environment = os.environ | {"AIRFLOW_CONN_OPPO_IMAGE_DEFAULT": json.dumps(connection)}
    process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True)
    try:
        if process.stdout is None or "ready" not in process.stdout.readline():
            raise SystemExit(f"the process for {shape!r} did not start")
        yield process
    finally:
        process.terminate()
        process.communicate()


def wait_for(shelf: Shelf, answers: int) -> None:
    """Wait until the host has answered so often."""
    while shelf.answers() < answers:
        time.sleep(0.25)


def taken(process: subprocess.Popen[str]) -> Taken:
    """Return what a process has taken so far, as the kernel counts it."""
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    ticks = int(fields[11]) + int(fields[12])
    return Taken(ticks / os.sysconf("SC_CLK_TCK"), peak_mb(process.pid))


def run_child(shape: str, url: str, interval: float) -> None:
    """Be a triggerer, with the triggers of a shape or with none."""
    import airflow.jobs.triggerer_job_runner  # noqa: F401  # what an idle triggerer has loaded

    asyncio.run(run_triggers(shape, url, interval))


async def run_triggers(shape: str, url: str, interval: float) -> None:
    """Run the triggers of a shape until this process is ended."""
    waiting = [asyncio.create_task(first_event(each)) for each in triggers(shape, url, interval)]
    print("ready", flush=True)
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the triggers' logs, which nobody reads
    for ended in asyncio.as_completed(waiting):
        raise SystemExit(f"a sensor came to an end: {await ended}")
    await asyncio.Event().wait()


def triggers(shape: str, url: str, interval: float) -> Iterator[Any]:
    """Make the triggers of a shape."""
    if shape == "idle":
        return
    from airflow_provider_oppo_image.triggers.oppo_image import OppoImageTrigger

    chosen = SHAPES[shape]
    for sensor in range(chosen.sensors):
        numbers = range(sensor * chosen.each, (sensor + 1) * chosen.each)
        pictures = [{"big_picture_url": f"{url}/{chosen.kinds[at % len(chosen.kinds)]}/{at}.jpg"} for at in numbers]
        yield OppoImageTrigger(
            deadline=time.time() + 86_400, pictures=pictures, poke_interval=interval, on_wrong="wait"
        )


async def first_event(trigger: Any) -> Any:
    """Run a trigger to its event."""
    return await anext(trigger.run())


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=2, help="rounds of each shape, after the first")
    parser.add_argument("--interval", type=float, default=ROUND_S, help="seconds between two looks of a sensor")
    parser.add_argument("--child", choices=("idle", *SHAPES), help=argparse.SUPPRESS)
    parser.add_argument("--host", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        run_child(options.child, options.host, options.interval)
    else:
        print(*table(measure(options.rounds, options.interval)), sep="\n")


if __name__ == "__main__":
    main()
