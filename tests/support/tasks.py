"""Stand-ins for the parts of Airflow that a task uses."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import MagicMock


class MemoryStore:
    """An in-memory task state store. It accepts only JSON values, as Airflow's does."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self.retentions: dict[str, timedelta] = {}

    def get(self, key: str) -> Any:
        return json.loads(self.values[key]) if key in self.values else None

    def set(self, key: str, value: Any, *, retention: timedelta) -> None:
        assert value is not None
        self.values[key] = json.dumps(value)
        self.retentions[key] = retention

    def delete(self, key: str) -> None:
        self.values.pop(key, None)


class OutletEvents(dict[Any, Any]):
    """A stand-in for Airflow's accessor of outlet events."""

    class Event:
        def __init__(self) -> None:
            self.extra: dict[str, Any] = {}
            self.added: list[tuple[Any, dict[str, Any]]] = []

        def add(self, asset: Any, extra: dict[str, Any]) -> None:
            self.added.append((asset, extra))

    def __getitem__(self, outlet: Any) -> Event:
        return self.setdefault(getattr(outlet, "uri", None) or outlet.name, self.Event())


def make_context(store: MemoryStore | None = None, *, try_number: int = 1, **more: Any) -> dict[str, Any]:
    """Return a context for `execute`, with a task instance that stores XComs in `pushed`, and a state store."""
    ti = MagicMock(name="ti", dag_id="nightly", run_id="run_1", task_id="task", map_index=-1, try_number=try_number)
    ti.pushed = {}
    ti.xcom_push.side_effect = lambda key, value: ti.pushed.update({key: value})
    dag_run = MagicMock(name="dag_run", run_after=datetime.now(UTC))
    context = {"ti": ti, "run_id": "run_1", "params": {}, "dag_run": dag_run, **more}
    return context if store is None else {**context, "task_state_store": store}
