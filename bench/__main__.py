"""Measure everything, print it with its goals, and write `bench/RESULTS.md` and `docs/benchmarks.svg`.

usage: python -m bench [--only PART] [--quick]

Each part that was measured is kept in `bench/measured`, and the report and the chart are made of what is there.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from bench import batch_kills, bytes_until_verdict, chart, checks, import_cost, page, report, rows, uploads, waiting
from bench.report import Figure, Part


@dataclass(frozen=True)
class Measurement:
    """A part of the measurements.

    :param heading: what it is about.
    :param whole: measures it.
    :param quick: measures less of it, to see that it works.
    """

    heading: str
    whole: Callable[[], Sequence[Figure]]
    quick: Callable[[], Sequence[Figure]]


PARTS: Final = {
    "limited": Measurement(
        "At the service's limit, one task slot, check off",
        uploads.measure_limited,
        lambda: uploads.measure_limited(seconds=5),
    ),
    "uploads": Measurement(
        "Without a limit, check off, beside what a user would write instead",
        uploads.measure,
        lambda: uploads.measure(rounds=1, part=0.1),
    ),
    "checks": Measurement(
        "At the service's limit, one task slot, check on",
        checks.measure,
        lambda: checks.measure(uploads=600),
    ),
    "rows": Measurement(
        "From few rows to many",
        rows.measure,
        lambda: rows.measure(many=5_000, rounds=1),
    ),
    "page": Measurement(
        "Looking at a batch's results in Airflow",
        page.measure,
        lambda: page.measure(rows=5_000),
    ),
    "kills": Measurement(
        "SIGKILL, and a retry",
        batch_kills.measure,
        lambda: batch_kills.measure(kills=2, rows=2_000),
    ),
    "waiting": Measurement(
        "Waiting for many pictures",
        waiting.measure,
        lambda: waiting.measure(rounds=1, interval=10.0),
    ),
    "bytes": Measurement(
        "Bytes for a verdict",
        bytes_until_verdict.measure,
        bytes_until_verdict.measure,
    ),
    "imports": Measurement(
        "Parsing a DAG file",
        import_cost.measure,
        lambda: import_cost.measure(rounds=3),
    ),
}


def main() -> int:
    """Measure, print and write; return how many goals were not reached."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, help="measure one part again")
    parser.add_argument("--quick", action="store_true", help="measure less, and write nothing")
    options = parser.parse_args()
    missed = 0
    for name in [options.only] if options.only else PARTS:
        part = measure(PARTS[name], quick=options.quick)
        print(f"{report.section(part)}\n", flush=True)
        missed += sum(figure.reached is False for figure in part.figures)
        if not options.quick:
            report.save(name, part)
    if not options.quick:
        write()
    return missed


def measure(measurement: Measurement, *, quick: bool) -> Part:
    """Measure a part."""
    start = time.monotonic()
    figures = measurement.quick() if quick else measurement.whole()
    return Part(measurement.heading, report.circumstances(start), tuple(figures))


def write() -> None:
    """Write the report and the chart of all parts that were ever measured, here or by somebody else's `report.save`."""
    parts = {name: part for name in [*PARTS, *report.others(PARTS)] if (part := report.load(name))}
    report.RESULTS.write_text(report.render(parts.values()))
    if part := parts.get("uploads"):
        chart.write(uploads.panels(part.figures), part.circumstances.partition("; Python")[0])


if __name__ == "__main__":
    sys.exit(main())
