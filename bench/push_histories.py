"""Seeded random histories of intended pushes, with the steps of the model check in tests/trust.

usage: python -m bench.push_histories [HISTORIES] [SEED]
"""

from __future__ import annotations

import datetime
import random
import sys
from collections import Counter
from typing import Final

from tests.support.push_model import ANSWERS, CRASHES, STORES, Requests, Task, World

MINUTES: Final = (0, 10, 49, 51, 59, 61, 24 * 60)
SECONDS: Final = (1.0, 2_900.0, 3_700.0)


def run(histories: int, seed: int) -> Counter[str]:
    """Run histories of up to 8 tries each, and return how often each ending occurred.

    :raises AssertionError: if a push was broadcast twice, or reported as sent without being accepted.
    """
    random_ = random.Random(seed)  # noqa: S311  # reproducible histories, not secrets
    counts: Counter[str] = Counter()
    for _ in range(histories):
        world = World(counts=counts)
        world.now += datetime.timedelta(hours=random_.choice((0, 2)))
        task = Task("push", random_.choice(STORES))
        for _ in range(random_.randint(1, 8)):
            world.now += datetime.timedelta(minutes=random_.choice(MINUTES))
            world.attempt(
                task,
                _requests(random_),
                crash=random_.choice(CRASHES) if random_.random() < 0.1 else "none",
                message="summer sale" if random_.random() < 0.15 else "spring sale",
                store_fails=random_.random() < 0.1,
            )
            assert world.broadcasts_of(task) <= 1, "a push was broadcast twice"
    return counts


def _requests(random_: random.Random) -> Requests:
    first = (random_.choice(ANSWERS), 0.0)
    return (first,) if random_.random() < 0.67 else (first, (random_.choice(ANSWERS), random_.choice(SECONDS)))


def main(histories: int = 1_000_000, seed: int = 1) -> int:
    counts = run(histories, seed)
    endings = ", ".join(f"{ending} {count:,}" for ending, count in counts.most_common())
    print(f"trust: {histories:,} histories of pushes, seed {seed}: no push twice; tries: {endings}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))
