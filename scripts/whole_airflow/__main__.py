"""Start a whole Airflow with the provider, a sandbox of the service, and pictures; Ctrl-C ends all of it.

usage: python -m scripts.whole_airflow [--home FOLDER]
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from scripts.whole_airflow.stop import Stop, Stopped

_ROOT: Final = Path(__file__).resolve().parents[2]


def main() -> None:
    """Read the arguments, start everything, and come back when it has ended."""
    parser = argparse.ArgumentParser(prog="python -m scripts.whole_airflow", description="Start a whole Airflow.")
    parser.add_argument("--home", type=Path, default=_ROOT / ".airflow", help="its home (%(default)s)")
    folder = parser.parse_args().home
    if not Path("/proc/self/stat").exists():
        raise SystemExit("This needs Linux: it finds what it has to end in /proc, which is not here.")
    with Stop() as stop:
        # Only now, when Ctrl-C is listened for: this takes a second.
        from scripts.whole_airflow.home import Home
        from scripts.whole_airflow.run import run

        try:
            run(Home(folder, _ROOT / "example_dags"), stop)
        except Stopped:
            print("Everything has ended.")


if __name__ == "__main__":
    main()
