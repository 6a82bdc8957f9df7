"""Start Airflow with the provider, a sandbox of the service, and pictures; Ctrl-C stops everything.

usage: python -m scripts.whole_airflow [--home FOLDER]
"""

from __future__ import annotations

import argparse
import signal
import time
from pathlib import Path
from types import FrameType

from scripts.checkout import ROOT


class Stopped(Exception):  # noqa: N818  # not an error
    """Somebody asked the program to stop."""


class Stop:
    """Records Ctrl-C, SIGTERM and the end of the terminal, and raises `Stopped` only in `sleep`.

    So no step is interrupted halfway, for example between the start of a process and its registration.
    """

    def __init__(self) -> None:
        self._requested = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # `nohup` ignores SIGHUP: the program must outlive its terminal.
            if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:
                signal.signal(number, self._request)

    def sleep(self, seconds: float) -> None:
        """Sleep.

        :raises Stopped: if a signal was received.
        """
        if not self._requested:
            time.sleep(seconds)
        if self._requested:
            raise Stopped

    def _request(self, number: int, frame: FrameType | None) -> None:
        self._requested = True


def main() -> None:
    """Start everything, and return when it has stopped."""
    parser = argparse.ArgumentParser(prog="python -m scripts.whole_airflow", description="Start a complete Airflow.")
    parser.add_argument("--home", type=Path, default=ROOT / ".airflow", help="Airflow's home (%(default)s)")
    folder = parser.parse_args().home
    if not Path("/proc/self/stat").exists():
        raise SystemExit("This needs Linux: it reads /proc to find the processes that it must stop.")
    stop = Stop()
    # This import takes a second, so it happens after Ctrl-C is handled.
    from scripts.whole_airflow.run import run

    try:
        run(folder, stop.sleep)
    except Stopped:
        print("Everything has ended.")


if __name__ == "__main__":
    main()
