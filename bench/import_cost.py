"""Processor time that the provider adds to the parsing of a DAG file, beside providers-http."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from typing import Final

from bench.report import Figure, under

GOAL_MS: Final = 10.0
OURS, HTTP = "this package", "providers-http"
MODULES: Final = {
    OURS: ("airflow_provider_oppo_image.operators.oppo_image", "airflow_provider_oppo_image.sensors.oppo_image"),
    HTTP: ("airflow.providers.http.operators.http", "airflow.providers.http.sensors.http"),
}
PROBE: Final = """
import importlib, importlib.util, json, sys, time
importlib.import_module("airflow.sdk" if importlib.util.find_spec("airflow.sdk") else "airflow.models.dag")
start = time.process_time()
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps((time.process_time() - start) * 1000))
"""


def measure(rounds: int = 25) -> list[Figure]:
    """Measure the imports in `rounds` new processes each; the median counts."""
    for modules in MODULES.values():
        import_in_process(modules)  # writes the byte code
    took: dict[str, list[float]] = {name: [] for name in MODULES}
    for _ in range(rounds):
        for name, modules in MODULES.items():
            took[name].append(import_in_process(modules))
    note = f"{min(took[OURS]):.1f} to {max(took[OURS]):.1f} in {rounds} processes"
    what = "parsing a DAG file, over `airflow.sdk`, "
    return [
        under(what + OURS, statistics.median(took[OURS]), "ms", GOAL_MS, note=note),
        Figure(what + HTTP, statistics.median(took[HTTP]), "ms"),
    ]


def import_in_process(modules: tuple[str, ...]) -> float:
    """Return the processor time in ms that imports take after Airflow's, in a new process."""
    # Airflow's DAG processor uses byte code that exists since the installation.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", PROBE, *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return float(json.loads(done.stdout.splitlines()[-1]))
