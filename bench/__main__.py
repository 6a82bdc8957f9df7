"""Measure everything, print the figures with their goals, and write `bench/RESULTS.md`.

usage: python -m bench [--only PART] [--quick]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from bench import bytes_until_verdict, checks, import_cost, page, pushes, report, uploads, waiting
from bench.report import Figure

PARTS: Final[dict[str, tuple[str, Callable[..., Sequence[Figure]], Mapping[str, Any]]]] = {
    "limited": ("At the limit, one task slot, check off", uploads.measure_limited, {"uploads": 2_500}),
    "uploads": ("Without a limit, check off, beside the alternatives", uploads.measure, {"rounds": 1, "part": 0.1}),
    "checks": ("At the limit, one task slot, check on", checks.measure, {"uploads": 600, "rounds": 1}),
    "hosts": ("Checks of many pictures, by their hosts", checks.measure_hosts, {"many": 1_000, "rounds": 1}),
    "pushes": ("Pushes of a batch's results", pushes.measure, {"pushes": 1_000}),
    "rows": ("Small and large batches", uploads.measure_rows, {"many": 5_000, "rounds": 1}),
    "page": ("The page of a batch's results in Airflow", page.measure, {"rows": 5_000}),
    "waiting": ("Waiting for many pictures", waiting.measure, {"interval": 10.0}),
    "bytes": ("Bytes of a wrong picture until the verdict, over HTTPS", bytes_until_verdict.measure, {}),
    "imports": ("Parsing a DAG file, and the first decoding", import_cost.measure, {"rounds": 3}),
}
"""By name: the heading, the function, and arguments that measure less, to see that it works."""


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
        lines = report.section(figures, report.circumstances(start))
        print(f"## {heading}", "", *lines, "", sep="\n", flush=True)
        missed += sum(figure.reached is False for figure in figures)
        if not options.quick:
            report.write(heading, lines)
    return missed


if __name__ == "__main__":
    sys.exit(main())
