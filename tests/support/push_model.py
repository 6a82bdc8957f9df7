"""Model of intended pushes, a task store and a service that forgets a `cid` after an hour.

The Hypothesis state machine in tests/trust and the seeded loop of `make bench-trust` drive the same steps.
"""

from __future__ import annotations

import datetime
from collections import Counter
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from airflow_provider_oppo_image.contract import CID_LIFETIME
from airflow_provider_oppo_image.engagelab.push_once import IntendedPush, StoredPush, send_once
from airflow_provider_oppo_image.errors import (
    DuplicatePushError,
    NotSentError,
    OppoImageError,
    OutcomeUnknownError,
    RequestRefusedError,
)

Answer: TypeAlias = Literal["accept", "refuse", "unreachable", "lost_before", "lost_after"]
ANSWERS: tuple[Answer, ...] = ("accept", "refuse", "unreachable", "lost_before", "lost_after")

Crash: TypeAlias = Literal["none", "before_record", "after_record", "after_request"]
CRASHES: tuple[Crash, ...] = ("none", "before_record", "after_record", "after_request")

Store: TypeAlias = Literal["task_state", "history", "run_after"]
"""Airflow 3.3's task state store; 2.11's history of tries; 3.0 to 3.2, which know only when the run was due."""
STORES: tuple[Store, ...] = ("task_state", "history", "run_after")

START = datetime.datetime(2026, 11, 28, 18, tzinfo=datetime.UTC)


class ProcessKilledError(BaseException):
    """The worker ends here."""


@dataclass
class Service:
    """The service: a `cid` is recognised for an hour after the push that it accepted."""

    known: dict[str, tuple[str, datetime.datetime]] = field(default_factory=dict)
    broadcasts: list[tuple[str, str, str]] = field(default_factory=list)

    def push(self, cid: str, owner: str, message: str, now: datetime.datetime) -> str:
        """Accept a push, and return its message id."""
        first = self.known.get(cid)
        if first and now - first[1] < CID_LIFETIME:
            return first[0]
        msg_id = str(1_180_000 + len(self.broadcasts))
        self.known[cid] = (msg_id, now)
        self.broadcasts.append((owner, msg_id, message))
        return msg_id


@dataclass
class Task:
    """One intended push: a task that is tried, retried and cleared."""

    name: str
    store: Store
    record: StoredPush | None = None
    tries: int = 0
    first_start: datetime.datetime | None = None

    def earlier_since(self, run_after: datetime.datetime) -> datetime.datetime | None:
        """Return what this Airflow knows of earlier tries."""
        if not self.tries:
            return None
        return self.first_start if self.store == "history" else run_after


class World:
    """Tasks, a clock and the service; `attempt` is one try of a task."""

    def __init__(self) -> None:
        self.now = START
        self.run_after = START
        self.service = Service()
        self.tasks: dict[str, Task] = {}
        self.counts: Counter[str] = Counter()

    def add_task(self, store: Store) -> Task:
        """Add a task that was never tried."""
        task = Task(f"task{len(self.tasks)}", store)
        self.tasks[task.name] = task
        return task

    def attempt(
        self,
        task: Task,
        answers: tuple[tuple[Answer, float], ...],
        *,
        crash: Crash = "none",
        message: str = "spring sale",
        cid: str | None = None,
        store_fails: bool = False,
        on_unknown_outcome: Literal["fail", "send_again"] = "fail",
    ) -> str:
        """Try a task once, and return how it ended.

        :param answers: what the service does with each request of this try, and the seconds before the request.
        :param crash: where the process is killed.
        """
        world, started = self, self.now
        first_try = task.tries == 0
        earlier_since = task.earlier_since(self.run_after)
        saved = 0

        class TaskStore:
            def load(self) -> StoredPush | None:
                return task.record if task.store == "task_state" else None

            def save(self, record: StoredPush) -> None:
                nonlocal saved
                if store_fails:
                    raise ConnectionError
                if crash == "before_record" and not saved:
                    raise ProcessKilledError
                saved += 1
                if crash == "after_request" and saved > 1:
                    raise ProcessKilledError
                if task.store == "task_state":
                    task.record = record
                if crash == "after_record":
                    raise ProcessKilledError

        def send(used_cid: str, until: datetime.datetime) -> str:
            ambiguous = False
            error: OppoImageError = NotSentError("no request was made")
            for answer, seconds in answers:
                world.now += datetime.timedelta(seconds=seconds)
                if world.now > until:
                    break
                if answer in ("accept", "lost_after"):
                    msg_id = world.service.push(used_cid, task.name, message, world.now)
                    if answer == "accept":
                        return msg_id
                if answer in ("lost_before", "lost_after"):
                    ambiguous = True
                    error = OutcomeUnknownError("lost")
                elif answer == "refuse":
                    error = RequestRefusedError("no", code=21003, http_status=400, earlier_attempt_ambiguous=ambiguous)
                    break
                else:
                    error = NotSentError("unreachable", earlier_attempt_ambiguous=ambiguous)
            raise error

        push = IntendedPush(cid or f"cid-{task.name}", message, "account", cid_was_given=cid is not None)
        task.tries += 1
        task.first_start = task.first_start or started
        before = len(self.service.broadcasts)
        try:
            sent = send_once(
                push,
                TaskStore(),
                send,
                earlier_since=earlier_since,
                on_unknown_outcome=on_unknown_outcome,
                clock=lambda: world.now,
            )
        except ProcessKilledError:
            end = "killed"
        except DuplicatePushError:
            assert not first_try, "a first try was refused"
            assert len(self.service.broadcasts) == before
            end = "refused as a duplicate"
        except OppoImageError as error:
            end = type(error).__name__
        else:
            accepted = [
                text for owner, msg_id, text in self.service.broadcasts if (owner, msg_id) == (task.name, sent.msg_id)
            ]
            assert accepted, "reported as sent, and never accepted"
            # Without a record nothing tells that the message has changed within the hour.
            assert task.store != "task_state" or accepted == [message], "reported as sent, and another message was"
            end = "sent" if sent.sent_now else "known"
        self.counts[end] += 1
        return end

    def broadcasts_of(self, task: Task) -> int:
        """Return how often the service sent a task's push."""
        return sum(owner == task.name for owner, *_ in self.service.broadcasts)
