"""What the provider adds to the parsing of a DAG file, beyond Airflow itself.

Each round is a new process that imports what every DAG file does, and then the provider's operators and sensor; next to
it stands `HttpOperator` and `HttpSensor` of providers-http, where that is installed: what a user would write instead.

usage: python bench/import_cost.py [ROUNDS]
"""

from __future__ import annotations

import importlib.util
import json
import platform
import statistics
import subprocess
import sys
from datetime import UTC, datetime
from importlib.metadata import version

GOAL_MS = 20.0
OURS = (
    "airflow_provider_oppo_image.operators.oppo_image",
    "airflow_provider_oppo_image.sensors.oppo_image",
)
INSTEAD = ("airflow.providers.http.operators.http", "airflow.providers.http.sensors.http")

PROBE = """
import importlib, importlib.util, json, sys, time
importlib.import_module("airflow.sdk" if importlib.util.find_spec("airflow.sdk") else "airflow.models.dag")
start = time.perf_counter()
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps((time.perf_counter() - start) * 1000))
"""


def measure(modules: tuple[str, ...]) -> float:
    """Return how long modules take to import after Airflow, in milliseconds, in a process of their own."""
    done = subprocess.run([sys.executable, "-c", PROBE, *modules], capture_output=True, text=True, check=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


def main() -> None:
    """Measure, and print a table."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 9
    subjects = {"airflow-provider-oppo-image": OURS}
    if importlib.util.find_spec("airflow.providers.http") is not None:
        subjects["apache-airflow-providers-http"] = INSTEAD
    for modules in subjects.values():
        measure(modules)  # writes the byte code
    times: dict[str, list[float]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, modules in subjects.items():
            times[name].append(measure(modules))
    print(
        f"{datetime.now(UTC):%Y-%m-%d}, {platform.machine()}, Python {platform.python_version()}, "
        f"Airflow {version('apache-airflow')}, {rounds} processes each; milliseconds beyond Airflow itself"
    )
    print(f"{'':<34}{'least':>8}{'median':>8}{'most':>8}{'goal':>8}")
    for name, taken in times.items():
        goal = f"{GOAL_MS:g}" if modules_are_ours(name) else ""
        print(f"{name:<34}{min(taken):>8.1f}{statistics.median(taken):>8.1f}{max(taken):>8.1f}{goal:>8}")


def modules_are_ours(name: str) -> bool:
    """Tell whether a row is the provider's own."""
    return name == "airflow-provider-oppo-image"


if __name__ == "__main__":
    main()
