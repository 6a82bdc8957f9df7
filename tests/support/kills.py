"""Kills running tasks of an `AirflowStack` at random moments."""

from __future__ import annotations

import contextlib
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Literal

from scripts import processes
from tests.support.airflow_database import Run
from tests.support.airflow_stack import AirflowStack

Victim = Literal["task process", "supervisor"]
VICTIMS: tuple[Victim, ...] = ("task process", "supervisor")

_POLL_INTERVAL_S = 0.02
_MAX_TRIES = 2


@dataclass(frozen=True)
class PlannedKill:
    """A kill that is still to come.

    :param pid: the process that runs the task's code.
    :param victim: that process, or the supervisor that started it.
    :param at: the time on the monotonic clock.
    """

    task_id: str
    pid: int
    victim: Victim
    at: float


class TaskKiller:
    """Kills the first two tries of tasks until the required number of kills of each kind has succeeded.

    A kill counts if the process is alive and its task is running in Airflow's database. The victim is stopped first,
    then checked, and then killed, or continued if its task has finished.

    :param quota: required kills for each task id and each kind of victim.
    :param within: each kill happens at a random moment in the first seconds of a try.
    :param rng: chooses moments and victims.
    """

    def __init__(
        self, airflow: AirflowStack, task_ids: tuple[str, ...], *, quota: int, within: float, rng: Random
    ) -> None:
        self.kills: Counter[tuple[str, Victim]] = Counter()
        self._airflow = airflow
        self._task_ids = task_ids
        self._quota = quota
        self._within = within
        self._rng = rng

    @property
    def missing(self) -> int:
        """The number of missing kills of the task that has the fewest."""
        return max(sum(self._quota - self.kills[task_id, victim] for victim in VICTIMS) for task_id in self._task_ids)

    def kill_during(self, run: Run, within: float) -> str:
        """Kill tasks until a run is finished, and return its state.

        :param within: time limit of the run in seconds.
        """
        seen: set[int] = set()
        tries: Counter[tuple[str, int]] = Counter()
        planned: list[PlannedKill] = []

        def step() -> str:
            for pid, task in self._running(run).items():
                if pid not in seen:
                    seen.add(pid)
                    tries[task] += 1
                    victim = self._choose(task[0], planned) if tries[task] <= _MAX_TRIES else None
                    if victim:
                        at = time.monotonic() + self._rng.uniform(0, self._within)
                        planned.append(PlannedKill(task[0], pid, victim, at))
            for kill in [kill for kill in planned if kill.at <= time.monotonic()]:
                planned.remove(kill)
                self.kills[kill.task_id, kill.victim] += self._execute(run, kill)
            return self._airflow.database.end_of(run)

        return self._airflow.until(step, f"{run} to survive", within=within, every=_POLL_INTERVAL_S)

    def _running(self, run: Run) -> dict[int, tuple[str, int]]:
        """Return the tasks that run according to Airflow, as task id and map index, by process id."""
        return {
            task["pid"]: (task["task_id"], task["map_index"])
            for task in self._airflow.database.tasks(run)
            if task["task_id"] in self._task_ids and task["state"] == "running" and task["pid"]
        }

    def _choose(self, task_id: str, planned: list[PlannedKill]) -> Victim | None:
        counts = Counter(kill.victim for kill in planned if kill.task_id == task_id)
        left = [victim for victim in VICTIMS if self.kills[task_id, victim] + counts[victim] < self._quota]
        return self._rng.choice(left) if left else None

    def _execute(self, run: Run, kill: PlannedKill) -> bool:
        task = processes.find(kill.pid)
        supervisor = task and processes.find(task.parent)
        # The kernel reuses process ids: a process outside our scheduler's session is not this task any more.
        if not task or not supervisor or {task.session, supervisor.session} != {self._airflow.pid_of("scheduler")}:
            return False
        victim = task if kill.victim == "task process" else supervisor
        with _stopped(victim.pid):
            now = processes.find(kill.pid)
            succeeds = now is not None and not now.ended and kill.pid in self._running(run)
            if succeeds:
                os.kill(victim.pid, signal.SIGKILL)
        return succeeds


@contextlib.contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """Stop a process during the block, if it still exists, and continue it afterwards."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
