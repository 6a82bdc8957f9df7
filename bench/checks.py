"""How fast pictures reach the service when each is looked at first: real JPEGs of about 200 KB, from a local host.

The client, the service and the picture host share the machine's processors.
"""

from __future__ import annotations

from typing import Final

from bench.picture_host import PictureHost
from bench.report import Figure, at_least
from bench.runs import run_module
from bench.service import Service
from bench.uploads import LIMIT, RATE, rate_of, seen

GOAL_PART: Final = 0.6
UPLOADS: Final = 9_000


def measure(uploads: int = UPLOADS) -> list[Figure]:
    """Measure the uploads of one task slot with the check and the limit on.

    :param uploads: how many.
    """
    what = "uploads, batch with the check on, real JPEGs"
    with PictureHost() as host:
        command = (uploads, "--rate", RATE, "--check", host.url)
        with Service(limit=LIMIT) as service:
            run_module("batch_process", service.url, *command)
            counts = service.counts()
        # The stages in a run of their own, since to measure them takes time as well.
        with Service(limit=LIMIT) as service:
            profile = run_module("batch_process", service.url, *command, "--stages").profile
    return [
        at_least(what, rate_of(counts), "/s", GOAL_PART * LIMIT, note=seen(counts), profile=profile),
        Figure("that, as a part of the limit", 100 * rate_of(counts) / LIMIT, "%"),
    ]
