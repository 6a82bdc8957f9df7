"""Measure everything, print the figures with their goals, and write `bench/RESULTS.md`.

usage: python -m bench [--only PART] [--quick]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from bench import batch_kills, bytes_until_verdict, import_cost, page, report, uploads, waiting
from bench.report import Figure, Part


class Measurement(NamedTuple):
    """A part of the measurements; `quick` are arguments that measure less, to see that it works."""

    heading: str
    measure: Callable[..., Sequence[Figure]]
    quick: Mapping[str, Any]


PARTS: Final = {
    "limited": Measurement("At the service's limit, one task slot, check off", uploads.measure_limited, {"seconds": 5}),
    "uploads": Measurement(
        "Without a limit, check off, beside the alternatives", uploads.measure, {"rounds": 1, "part": 0.1}
    ),
    "checks": Measurement("At the service's limit, one task slot, check on", uploads.measure_checked, {"uploads": 600}),
    "rows": Measurement("Small and large batches", uploads.measure_rows, {"many": 5_000, "rounds": 1}),
    "page": Measurement("The page of a batch's results in Airflow", page.measure, {"rows": 5_000}),
    "kills": Measurement("SIGKILL and a retry", batch_kills.measure, {"kills": 2, "rows": 2_000}),
    "waiting": Measurement("Waiting for many pictures", waiting.measure, {"rounds": 1, "interval": 10.0}),
    "bytes": Measurement("Bytes of a wrong picture until the verdict, over HTTPS", bytes_until_verdict.measure, {}),
    "imports": Measurement("Parsing a DAG file", import_cost.measure, {"rounds": 3}),
}


def main() -> int:
    """Measure, print and write; return the number of missed goals."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=PARTS, help="measure one part")
    parser.add_argument("--quick", action="store_true", help="measure less, and write nothing")
    options = parser.parse_args()
    missed = 0
    for name in [options.only] if options.only else PARTS:
        heading, measure, quick = PARTS[name]
        start = time.monotonic()
        figures = measure(**(quick if options.quick else {}))
        part = Part(heading, report.circumstances(start), tuple(figures))
        print(f"## {heading}", "", *report.section(part), "", sep="\n", flush=True)
        missed += sum(figure.reached is False for figure in part.figures)
        if not options.quick:
            report.write(part)
    return missed


if __name__ == "__main__":
    sys.exit(main())
