"""Attacks on the boundaries of client, download, storage and batch: only errors of this package leave them.

Any call of a socket, a storage or a part of the batch raises any exception.
"""

from __future__ import annotations

import socket
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.manifest import parse_rows, read_manifest
from airflow_provider_oppo_image.batch.plan import Plan
from airflow_provider_oppo_image.batch.push_plan import PushPlan
from airflow_provider_oppo_image.batch.push_run import run_push_batch
from airflow_provider_oppo_image.batch.push_work import PushBatch
from airflow_provider_oppo_image.batch.results import read_results, write_results
from airflow_provider_oppo_image.batch.run import Batch, run_batch
from airflow_provider_oppo_image.batch.split import merge_results, split_manifest
from airflow_provider_oppo_image.engagelab.push_body import PushBody
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
from airflow_provider_oppo_image.errors import OppoImageError
from airflow_provider_oppo_image.net.deadline import DeadlineSocket, TransportOptions
from airflow_provider_oppo_image.storage import presign_url, resolve
from tests.support.fault_server import FaultServer
from tests.support.hostile import EXCEPTIONS, Raised, raising
from tests.support.object_store import ObjectStore, _Object, attach
from tests.support.push_batches import ACCOUNT, MESSAGE, uploaded
from tests.trust.attack_report import AttackReport
from tests.trust.calls import CALLS, CHECK, SECRET, Call, make_hook

SECTION = "only our errors leave"
SIGNED: Final = "https://bucket.example.com/key?X-Amz-Signature=hush"
OPTIONS = TransportOptions(5, 5, 5)
ROWS = 12

MANY = settings(max_examples=300, suppress_health_check=list(HealthCheck))
errors = st.sampled_from(sorted(EXCEPTIONS))
calls = st.integers(1, 6)


def shown_chain(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and its causes, as a traceback shows them."""
    while error:
        yield error
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


def texts_of(error: BaseException) -> str:
    return " ".join(f"{each} {each.args!r} {vars(each)!r}" for each in shown_chain(error))


def is_contained(run: Callable[[], Any], raised: Raised, secret: str) -> tuple[bool, object]:
    """Run something, and return whether it ended well or with an error of ours, which keeps the cause."""
    try:
        result = run()
    except OppoImageError as error:
        kept = raised.error is None or raised.error in shown_chain(error) or secret in texts_of(raised.error)
        return kept and secret not in texts_of(error), error
    except Exception as error:  # noqa: BLE001 - must not happen
        return False, error
    return True, result


SOCKETS: Final = {
    "resolve a name": (socket, "getaddrinfo"),
    "start a thread": (threading.Thread, "start"),
    **{name: (DeadlineSocket, name) for name in ("connect", "settimeout", "setsockopt", "sendall", "recv_into")},
}


@MANY
@given(
    call=st.sampled_from(CALLS), place=st.sampled_from(sorted(SOCKETS)), kind=errors, number=calls, echo=st.booleans()
)
def test_socket_errors_become_ours(
    attacks: AttackReport, call: Call, place: str, kind: str, number: int, echo: bool
) -> None:
    with FaultServer(call.good) as server:
        hook, error = make_hook(server.url, OPTIONS, 0.0), EXCEPTIONS[kind](SECRET if echo else "no")
        only = (lambda thread: thread.name.startswith("resolve")) if place == "start a thread" else bool
        with raising(*SOCKETS[place], error, number, only) as raised:
            contained, result = is_contained(lambda: call.make(hook, server.url), raised, SECRET)
    wrong = contained and raised.error and not isinstance(result, OppoImageError) and call.succeeded(result)
    name = "download" if call is CHECK else "client"
    attacks.require(SECTION, f"{name}: any exception at any call of a socket", contained and not wrong, (place, result))


class Service:
    """A service in memory. `uploads` and `pushes` count what it accepted, a push by its `cid` and audience."""

    def __init__(self) -> None:
        self.uploads: Counter[str] = Counter()
        self.pushes: set[tuple[str, str]] = set()
        self.results = list(uploaded(ROWS))
        self._lock = threading.Lock()

    def upload(self, kind: str, url: str) -> str:
        with self._lock:
            self.uploads[url] += 1
        return "1_a"

    def push(self, push: PushBody, until: object) -> str:
        with self._lock:
            self.pushes.add((str(push.cid), push.body["to"]["tag"][0]))
        return "42"

    def upload_all(self, path: Any, **options: Any) -> None:
        rows = parse_rows(
            [{"name": f"c{number}", "big_picture_url": f"https://h.example/{number}"} for number in range(ROWS)]
        )
        batch = Batch(
            lambda *args: self.upload(*args), RateLimiter(AdaptiveRate(100_000)), account=ACCOUNT, threads=3, **options
        )
        if error := run_batch(batch, rows, path).error:
            raise error

    def push_all(self, path: Any, **options: Any) -> None:
        limiter = RateLimiter(AdaptiveRate(100_000))
        batch = PushBatch(
            lambda *args: self.push(*args), lambda _: None, limiter, ACCOUNT, task="a task", threads=3, **options
        )
        if error := run_push_batch(batch, MESSAGE, self.results, None, path).error:
            raise error

    def problems(self) -> list[str]:
        """Return what was accepted twice or never, after a batch has ended without an error."""
        found = [f"{url}: {count} uploads" for url, count in self.uploads.items() if count != 1]
        audiences = Counter(audience for _, audience in self.pushes)
        found += [f"{audience}: {count} pushes" for audience, count in audiences.items() if count != 1]
        return found + [f"{len(some)} of {ROWS}" for some in (self.uploads, audiences) if some and len(some) != ROWS]


STORE: Final = {
    **{name: (ObjectStore, name) for name in ("info", "ls", "_open", "put", "rm_file", "makedirs", "put_file", "sign")},
    "read": (_Object, "_fetch_range"),
    "close": (_Object, "close"),
}


def _write(service: Service, path: Any) -> None:
    write_results(path, service.results)


def _merge(service: Service, path: Any) -> None:
    parts = split_manifest("s3://hostile@bucket/night.csv", "s3://hostile@bucket/parts", 2)
    merge_results([*parts, "s3://hostile@bucket/night.csv"], path)


OPERATIONS: Final[dict[str, Callable[[Service, Any], object]]] = {
    "read a manifest": lambda service, path: list(read_manifest(resolve("s3://hostile@bucket/night.csv"))),
    "split and merge": _merge,
    "write results": _write,
    "read results": lambda service, path: list(read_results("s3://hostile@bucket/night.results.csv")),
    "presign": lambda service, path: presign_url(path, 60),
    "batch": Service.upload_all,
    "batch push": Service.push_all,
}


@pytest.fixture
def no_lease_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_oppo_image.batch.lease._SETTLE_S", 0.0)
    monkeypatch.setattr("airflow_provider_oppo_image.batch.lease.LEASE_S", 0.0)


@MANY
@given(name=st.sampled_from(sorted(OPERATIONS)), place=st.sampled_from(sorted(STORE)), kind=errors, number=calls)
def test_storage_errors_become_ours(
    attacks: AttackReport, no_lease_wait: None, name: str, place: str, kind: str, number: int
) -> None:
    store, service = ObjectStore(), Service()
    attach(store, "hostile")
    store.objects["bucket/night.csv"] = b"name,big_picture_url\n" + b"a,https://h.example/a\n" * 3
    write_results(resolve("s3://hostile@bucket/night.results.csv"), service.results)
    path = resolve("s3://hostile@bucket/out.csv")
    with raising(*STORE[place], EXCEPTIONS[kind](SIGNED), number) as raised:
        contained, result = is_contained(lambda: OPERATIONS[name](service, path), raised, "Signature=hush")
    attacks.require(SECTION, f"storage: any exception at any call, {name}", contained, (place, result))
    if name.startswith("batch"):
        OPERATIONS[name](service, path)
        attacks.require(
            SECTION, f"storage: {name}, repeated or lost after it", not service.problems(), service.problems()
        )


PARTS: Final = {
    "an upload": (Service, "upload"),
    "a push": (Service, "push"),
    "the plan of uploads": (Plan, "record"),
    "the plan of pushes": (PushPlan, "record"),
    "a start of a thread": (threading.Thread, "start"),
    "progress": (None, ""),
}


@MANY
@given(name=st.sampled_from(["batch", "batch push"]), place=st.sampled_from(sorted(PARTS)), kind=errors, number=calls)
def test_errors_of_a_batch_become_ours(
    attacks: AttackReport, tmp_path_factory: pytest.TempPathFactory, name: str, place: str, kind: str, number: int
) -> None:
    service, path = Service(), tmp_path_factory.mktemp("batch") / "out.csv"
    error = EXCEPTIONS[kind]("no" if place == "a start of a thread" else SIGNED)
    run: Any = OPERATIONS[name]
    if place == "progress":
        raised = Raised()

        def on_progress(_: object) -> None:
            raised.error = error
            raise error

        contained, result = is_contained(lambda: run(service, path, on_progress=on_progress), raised, "Signature=hush")
    else:
        with raising(*PARTS[place], error, number) as raised:
            contained, result = is_contained(lambda: run(service, path), raised, "Signature=hush")
    attacks.require(SECTION, f"batch: any exception, at {place}", contained, result)
    run(service, path)
    attacks.require(SECTION, f"batch: repeated or lost after {place}", not service.problems(), service.problems())
