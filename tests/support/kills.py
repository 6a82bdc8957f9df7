"""Kills running tasks of an `AirflowStack` at moments that are drawn by lot."""

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

_LOOK_S = 0.02
_TRIES = 2


@dataclass(frozen=True)
class Aim:
    """What is to be killed, and when.

    :param task_id: the task.
    :param pid: the process that runs the task's code.
    :param victim: that process, or the supervisor that started it and speaks for it.
    :param moment: on the clock that never goes back.
    """

    task_id: str
    pid: int
    victim: Victim
    moment: float


class Marksman:
    """Kills the first two tries of tasks until so many kills of each kind have hit.

    A kill hits where the process is alive and Airflow holds its task for running: the victim is stopped first, looked
    at, and then killed, or let go on where its task was over.

    :param airflow: the stack.
    :param task_ids: the tasks.
    :param quota: how many hits are wanted for each task id and each kind of victim.
    :param within: moments are drawn from the first so many seconds of a try.
    :param lot: draws moments and victims.
    """

    def __init__(
        self, airflow: AirflowStack, task_ids: tuple[str, ...], *, quota: int, within: float, lot: Random
    ) -> None:
        self.hits: Counter[tuple[str, Victim]] = Counter()
        self._airflow = airflow
        self._task_ids = task_ids
        self._quota = quota
        self._within = within
        self._lot = lot

    @property
    def wanted(self) -> int:
        """How many hits are still wanted for the task that lacks most."""
        return max(sum(self._quota - self.hits[task_id, victim] for victim in VICTIMS) for task_id in self._task_ids)

    def shoot(self, run: Run, within: float) -> str:
        """Kill until a run is over, and return its state.

        :param run: the run.
        :param within: seconds that the run may take.
        """
        seen: set[int] = set()
        tries: Counter[tuple[str, int]] = Counter()
        aims: list[Aim] = []

        def step() -> str:
            for pid, name in self._running(run).items():
                if pid not in seen:
                    seen.add(pid)
                    tries[name] += 1
                    victim = self._choose(name[0], aims) if tries[name] <= _TRIES else None
                    if victim:
                        aims.append(Aim(name[0], pid, victim, time.monotonic() + self._lot.uniform(0, self._within)))
            for aim in [aim for aim in aims if aim.moment <= time.monotonic()]:
                aims.remove(aim)
                self.hits[aim.task_id, aim.victim] += self._fire(run, aim)
            return self._airflow.database.end_of(run)

        return self._airflow.until(step, f"{run} to survive", within=within, every=_LOOK_S)

    def _running(self, run: Run) -> dict[int, tuple[str, int]]:
        """The tasks that Airflow holds for running, as task id and map index, by their processes."""
        return {
            task["pid"]: (task["task_id"], task["map_index"])
            for task in self._airflow.database.tasks(run)
            if task["task_id"] in self._task_ids and task["state"] == "running" and task["pid"]
        }

    def _choose(self, task_id: str, aims: list[Aim]) -> Victim | None:
        aimed = Counter(aim.victim for aim in aims if aim.task_id == task_id)
        left = [victim for victim in VICTIMS if self.hits[task_id, victim] + aimed[victim] < self._quota]
        return self._lot.choice(left) if left else None

    def _fire(self, run: Run, aim: Aim) -> bool:
        task = processes.find(aim.pid)
        supervisor = task and processes.find(task.parent)
        # The kernel may give a number away again: what is not of our scheduler's session is not this task any more.
        if not task or not supervisor or {task.session, supervisor.session} != {self._airflow.pid_of("scheduler")}:
            return False
        victim = task if aim.victim == "task process" else supervisor
        with _stopped(victim.pid):
            now = processes.find(aim.pid)
            hit = now is not None and not now.ended and aim.pid in self._running(run)
            if hit:
                os.kill(victim.pid, signal.SIGKILL)
        return hit


@contextlib.contextmanager
def _stopped(pid: int) -> Iterator[None]:
    """Keep a process from going on, if it is still there; one that is killed meanwhile stays dead."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
