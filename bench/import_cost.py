"""What the provider adds to the parsing of a DAG file, beyond Airflow itself.

Each round is a new process that imports what every DAG file does, and then the provider's operators and sensors; next
to it stand `HttpOperator` and `HttpSensor` of providers-http: what a user would write instead.
"""

from __future__ import annotations

import importlib.util
import json
import os
import statistics
import subprocess
import sys
from typing import Final

from bench.report import Figure, under

GOAL_MS: Final = 10.0
ROUNDS: Final = 25

OURS: Final = (
    "airflow_provider_oppo_image.operators.oppo_image",
    "airflow_provider_oppo_image.sensors.oppo_image",
)
INSTEAD: Final = ("airflow.providers.http.operators.http", "airflow.providers.http.sensors.http")

PROBE: Final = """
import importlib, importlib.util, json, sys, time
importlib.import_module("airflow.sdk" if importlib.util.find_spec("airflow.sdk") else "airflow.models.dag")
start = time.process_time()
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps((time.process_time() - start) * 1000))
"""
"""Counts the processor's time: what else runs on the machine does not parse DAG files."""


def measure(rounds: int = ROUNDS) -> list[Figure]:
    """Measure the imports, the ways by turns.

    :param rounds: how many processes for each; the middle one counts.
    """
    ways = {"this package": OURS}
    if importlib.util.find_spec("airflow.providers.http") is not None:
        ways["providers-http"] = INSTEAD
    for modules in ways.values():
        import_in_process(modules)  # writes the byte code
    took: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, modules in ways.items():
            took[name].append(import_in_process(modules))
    what = {name: f"parsing a DAG file, over `airflow.sdk`, {name}" for name in ways}
    ours = took.pop("this package")
    spread = f"{min(ours):.1f} to {max(ours):.1f} in {rounds} processes"
    return [
        under(what["this package"], statistics.median(ours), "ms", GOAL_MS, note=spread),
        *(Figure(what[name], statistics.median(times), "ms") for name, times in took.items()),
    ]


def import_in_process(modules: tuple[str, ...]) -> float:
    """Return how long modules take to import after Airflow, in milliseconds, in a process of their own."""
    # Airflow's DAG processor has the byte code that was written when the package was installed.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", PROBE, *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(json.loads(done.stdout.splitlines()[-1]))
