"""Processor time that the provider adds to the parsing of a DAG file, and what the decoder of JPEG costs a worker."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from typing import Final

from bench.report import Figure, under

GOAL_MS: Final = 10.0
OURS, HTTP, DECODER = (
    "parsing a DAG file, over `airflow.sdk`, this package",
    "the same, providers-http",
    "simplejpeg and numpy",
)
MODULES: Final = {
    OURS: ("airflow_provider_oppo_image.operators.oppo_image", "airflow_provider_oppo_image.sensors.oppo_image"),
    HTTP: ("airflow.providers.http.operators.http", "airflow.providers.http.sensors.http"),
    DECODER: ("simplejpeg",),
}
PROBE: Final = """
import importlib, importlib.util, json, pathlib, sys, time
importlib.import_module("airflow.sdk" if importlib.util.find_spec("airflow.sdk") else "airflow.models.dag")
memory = lambda: int(pathlib.Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
before, start, wall = memory(), time.process_time(), time.monotonic()
for name in sys.argv[1:]:
    importlib.import_module(name)
print(json.dumps([(time.process_time() - start) * 1000, (time.monotonic() - wall) * 1000, memory() - before]))
"""


def measure(rounds: int = 9) -> list[Figure]:
    """Measure the imports in `rounds` new processes each; the median counts."""
    for modules in MODULES.values():
        import_in_process(modules)  # writes the byte code
    runs = [{name: import_in_process(modules) for name, modules in MODULES.items()} for _ in range(rounds)]
    cpu, wall, memory = (
        {name: statistics.median(run[name][at] for run in runs) for name in MODULES} for at in range(3)
    )
    ours = [run[OURS][0] for run in runs]
    note = f"{min(ours):.1f} to {max(ours):.1f} in {rounds} processes"
    return [
        under(OURS, cpu[OURS], "ms", GOAL_MS, note=note),
        Figure(HTTP, cpu[HTTP], "ms"),
        Figure(f"import of {DECODER}, with the first JPEG", cpu[DECODER], "ms", note=f"{wall[DECODER]:.0f} ms elapsed"),
        Figure(f"memory of {DECODER}", memory[DECODER], "MiB"),
    ]


def import_in_process(modules: tuple[str, ...]) -> tuple[float, float, float]:
    """Import after Airflow, in a new process; return the processor time and the time in ms, and the memory in MiB."""
    # Airflow's DAG processor uses byte code that exists since the installation.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", PROBE, *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    cpu, wall, memory = json.loads(done.stdout.splitlines()[-1])
    return cpu, wall, memory
