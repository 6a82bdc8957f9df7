"""Processor time and memory of a triggerer that waits for many pictures: one sensor of 10,000, and 900 of one.

The triggers run in the event loop of a process of their own. Another process loads the triggerer without our triggers,
and is subtracted. nginx serves the pictures. A third of them is absent, a third has an ETag and is requested
conditionally, and a third has none and is downloaded in each round.

The processor time of a round is spread over a minute, which is the usual interval between two rounds.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import time
from collections.abc import Iterator
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import Any, Final, NamedTuple

from bench.nginx import Nginx, run_nginx
from bench.report import Figure, under
from bench.runs import SPAWN, discard_output, peak_mb

MINUTE_S: Final = 60.0
START_S: Final = 60.0
GOAL_CORES: Final = 0.5
GOAL_MB: Final = 300.0


class Load(NamedTuple):
    """Numbers of sensors and of pictures per sensor; the kinds of pictures alternate."""

    name: str
    sensors: int
    each: int
    kinds: tuple[str, ...]


# No sensor ends: a sensor of many waits for the absent ones, and a sensor of one never has a picture that is ready.
LOADS: Final = (
    Load("one sensor of 10,000 pictures", 1, 10_000, ("absent", "etag/photograph", "photograph")),
    Load("900 sensors of one picture", 900, 1, ("absent", "wrong", "etag/wrong")),
)


def measure(rounds: int = 2, interval: float = 20.0) -> list[Figure]:
    """Measure both loads.

    :param rounds: rounds of each, after a first one that fills the caches.
    :param interval: seconds between two polls of a sensor.
    """
    return [figure for load in LOADS for figure in measure_load(load, rounds, interval)]


def measure_load(load: Load, rounds: int, interval: float) -> list[Figure]:
    pictures = load.sensors * load.each
    with run_nginx() as host, child(None, "", interval) as idle, child(load, host.http, interval) as busy:
        wait_for(host, pictures)
        before, idle_before, start = cpu_of(busy), cpu_of(idle), time.monotonic()
        requests = host.counts()[1]
        wait_for(host, requests + rounds * pictures)
        seconds, done = time.monotonic() - start, (host.counts()[1] - requests) / pictures
        cpu, idle_cores = cpu_of(busy) - before, (cpu_of(idle) - idle_before) / seconds
        memory = peak_mb(busy) - peak_mb(idle)
    note = f"{done:.1f} rounds in {seconds:.0f} s; {1000 * cpu / done / pictures:.2f} ms of processor time a check"
    return [
        under(f"{load.name}, processor", cpu / done / MINUTE_S - idle_cores, "cores", GOAL_CORES, note=note),
        under(f"{load.name}, memory", memory, "MB", GOAL_MB),
    ]


@contextlib.contextmanager
def child(load: Load | None, url: str, interval: float) -> Iterator[int]:
    """Run a triggerer's process during the block, and yield its id; it is idle without a load."""
    ready = SPAWN.Event()
    process = SPAWN.Process(target=run_child, args=(load, url, interval, ready))
    process.start()
    try:
        if not ready.wait(START_S):
            raise SystemExit("a triggerer's process did not start")
        yield process.pid or 0
    finally:
        process.terminate()
        process.join()


def run_child(load: Load | None, url: str, interval: float, ready: Event) -> None:
    discard_output()  # the triggers' logs
    extra = {"allow_private_addresses": True}
    connection = {"conn_type": "oppo_image", "login": "key", "password": "none", "extra": extra}
    os.environ["AIRFLOW_CONN_OPPO_IMAGE_DEFAULT"] = json.dumps(connection)
    asyncio.run(run_triggers(load, url, interval, ready))


def wait_for(host: Nginx, answers: int) -> None:
    """Wait until the host has sent this number of answers."""
    while host.counts()[1] < answers:
        time.sleep(0.25)


def cpu_of(pid: int) -> float:
    """Return the processor time of a process in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def run_triggers(load: Load | None, url: str, interval: float, ready: Event) -> None:
    """Run the triggers of a load until this process is stopped."""
    import airflow.jobs.triggerer_job_runner  # noqa: F401  # an idle triggerer has loaded it too

    waiting = [asyncio.create_task(anext(one.run())) for one in (triggers(load, url, interval) if load else ())]
    ready.set()
    for ended in asyncio.as_completed(waiting):
        raise SystemExit(f"a sensor ended: {await ended}")
    await asyncio.Event().wait()


def triggers(load: Load, url: str, interval: float) -> Iterator[Any]:
    from airflow_provider_oppo_image.triggers.oppo_image import OppoImageTrigger

    for first in range(0, load.sensors * load.each, load.each):
        numbers = range(first, first + load.each)
        pictures = [{"big_picture_url": f"{url}/{load.kinds[at % len(load.kinds)]}/{at}.jpg"} for at in numbers]
        yield OppoImageTrigger(
            deadline=time.time() + 86_400, pictures=pictures, poke_interval=interval, on_wrong="wait"
        )
