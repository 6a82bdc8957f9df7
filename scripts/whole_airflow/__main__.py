"""Start Airflow with the provider, a sandbox of the service, and pictures; Ctrl-C stops everything.

usage: python -m scripts.whole_airflow [--home FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path

from scripts.checkout import ROOT
from scripts.whole_airflow.stop import Stop, Stopped


def main() -> None:
    """Start everything, and return when it has stopped."""
    parser = argparse.ArgumentParser(prog="python -m scripts.whole_airflow", description="Start a complete Airflow.")
    parser.add_argument("--home", type=Path, default=ROOT / ".airflow", help="Airflow's home (%(default)s)")
    folder = parser.parse_args().home
    if not Path("/proc/self/stat").exists():
        raise SystemExit("This needs Linux: it reads /proc to find the processes that it must stop.")
    with Stop() as stop:
        # This import takes a second, so it happens after Ctrl-C is handled.
        from scripts.whole_airflow.home import Home
        from scripts.whole_airflow.run import run

        try:
            run(Home(folder, ROOT / "example_dags"), stop)
        except Stopped:
            print("Everything has ended.")


if __name__ == "__main__":
    main()
