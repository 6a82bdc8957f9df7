"""Model of intended pushes, a task store and a service that forgets a `cid` after an hour.

The Hypothesis state machine and the seeded loop in tests/trust drive the same steps.
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


Requests: TypeAlias = tuple[tuple[Answer, float], ...]
"""The answers to the requests of one try, each with the seconds that pass before the request."""


@dataclass
class World:
    """Tasks, a clock and the service."""

    now: datetime.datetime = START
    run_after: datetime.datetime = START
    service: Service = field(default_factory=Service)
    counts: Counter[str] = field(default_factory=Counter)

    def attempt(
        self,
        task: Task,
        requests: Requests,
        *,
        crash: Crash = "none",
        message: str = "spring sale",
        store_fails: bool = False,
    ) -> str:
        """Try a task once, and return how it ended.

        :param crash: where the process is killed.
        :param store_fails: whether the task state store refuses to store.
        """
        first_try = not task.tries
        earlier_since = task.earlier_since(self.run_after)
        task.tries += 1
        task.first_start = task.first_start or self.now
        this_try = _Try(self, task, requests, crash, message, store_fails)
        push = IntendedPush(f"cid-{task.name}", message, "account")
        try:
            sent = send_once(push, this_try, this_try.send, earlier_since=earlier_since, clock=lambda: self.now)
        except ProcessKilledError:
            end = "killed"
        except DuplicatePushError:
            assert not first_try, "a first try was refused"
            end = "refused as a duplicate"
        except OppoImageError as error:
            end = type(error).__name__
        else:
            self._check_report(task, sent.msg_id, message)
            end = "sent" if sent.sent_now else "known"
        self.counts[end] += 1
        return end

    def _check_report(self, task: Task, msg_id: str, message: str) -> None:
        accepted = [text for owner, known, text in self.service.broadcasts if (owner, known) == (task.name, msg_id)]
        assert accepted, "reported as sent, and never accepted"
        # Without a record nothing tells that the message has changed within the hour.
        assert task.store != "task_state" or accepted == [message], "reported as sent, and another message was"

    def broadcasts_of(self, task: Task) -> int:
        """Return how often the service sent a task's push."""
        return sum(owner == task.name for owner, *_ in self.service.broadcasts)


@dataclass
class _Try:
    """One try of a task: its store, and its requests to the service."""

    world: World
    task: Task
    requests: Requests
    crash: Crash
    message: str
    store_fails: bool
    saved: int = 0

    def load(self) -> StoredPush | None:
        return self.task.record if self.task.store == "task_state" else None

    def save(self, record: StoredPush) -> None:
        if self.store_fails:
            raise ConnectionError
        if (self.crash, self.saved) in (("before_record", 0), ("after_request", 1)):
            raise ProcessKilledError
        self.saved += 1
        if self.task.store == "task_state":
            self.task.record = record
        if self.crash == "after_record":
            raise ProcessKilledError

    def send(self, cid: str, until: datetime.datetime) -> str:
        ambiguous = False
        error: OppoImageError = NotSentError("no request was made")
        for answer, seconds in self.requests:
            self.world.now += datetime.timedelta(seconds=seconds)
            if self.world.now > until:
                break
            if answer in ("accept", "lost_after"):
                msg_id = self.world.service.push(cid, self.task.name, self.message, self.world.now)
                if answer == "accept":
                    return msg_id
            if answer in ("lost_before", "lost_after"):
                ambiguous = True
                error = OutcomeUnknownError("lost")
            elif answer == "refuse":
                raise RequestRefusedError("no", code=21003, http_status=400, earlier_attempt_ambiguous=ambiguous)
            else:
                error = NotSentError("unreachable", earlier_attempt_ambiguous=ambiguous)
        raise error
