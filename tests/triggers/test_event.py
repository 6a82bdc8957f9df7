from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

import airflow_provider_oppo_image.pictures.check as check_module
from airflow_provider_oppo_image.triggers import event as event_module
from airflow_provider_oppo_image.triggers.oppo_image import OppoImageEventTrigger
from tests.conftest import CONNECTION_VARIABLE
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.support.sensor_runs import Log, in_another_process

Connect = Callable[..., None]

SPRING, SUMMER = artwork.png(), artwork.png(turn=1)


class Store:
    def __init__(self, fails: type[Exception] | None = None) -> None:
        self.values: dict[str, str] = {}
        self.fails = fails

    async def aget(self, key: str) -> Any:
        if self.fails:
            raise self.fails("no store today")
        return json.loads(self.values[key]) if key in self.values else None

    async def aset(self, key: str, value: Any) -> None:
        if self.fails:
            raise self.fails("no store today")
        self.values[key] = json.dumps(value)


class Watch:
    """Runs a trigger poll by poll, with one step before each poll."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.pauses: list[float] = []

    def __call__(
        self, *steps: Callable[[], Any], store: Store | None = None, **arguments: Any
    ) -> list[list[dict[str, Any]]]:
        """Run a trigger for one poll per step, and return the events of each poll."""
        trigger = in_another_process(OppoImageEventTrigger(**arguments))
        trigger.asset_state_store = store
        return asyncio.run(self._run(trigger, steps))

    async def _run(self, trigger: OppoImageEventTrigger, steps: tuple[Callable[[], Any], ...]) -> Any:
        polls: list[list[dict[str, Any]]] = [[]]
        over = asyncio.Event()
        real_sleep = asyncio.sleep

        async def sleep(seconds: float) -> None:
            self.pauses.append(seconds)
            if len(polls) == len(steps):
                over.set()
                await real_sleep(60)
            steps[len(polls)]()
            polls.append([])

        self.monkeypatch.setattr(event_module, "asyncio", SimpleNamespace(sleep=sleep))

        async def collect(events: AsyncIterator[Any]) -> None:
            async for event in events:
                polls[-1].append(json.loads(json.dumps(event.payload)))
            raise AssertionError("the trigger ended; Airflow would restart it")

        steps[0]()
        running = asyncio.ensure_future(collect(trigger.run()))
        finished = asyncio.ensure_future(over.wait())
        await asyncio.wait({running, finished}, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        if running.done():
            running.result()
        running.cancel()
        return polls


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> Watch:
    return Watch(monkeypatch)


@pytest.fixture
def big(host: PictureHost) -> Callable[[bytes | int], Callable[[], str]]:
    """Returns steps that serve bytes or an HTTP status as the big picture."""

    def make_step(content: bytes | int) -> Callable[[], str]:
        if isinstance(content, bytes):
            return lambda: host.serve("/big.png", content)
        return lambda: host.status("/big.png", content)

    return make_step


def shas(polls: list[list[dict[str, Any]]]) -> list[list[str]]:
    return [[event["sha256"] for event in events] for events in polls]


def sha(picture: bytes) -> str:
    return hashlib.sha256(picture).hexdigest()


def test_new_picture_sends_one_event(host: PictureHost, watch: Watch, big: Any) -> None:
    polls = watch(big(404), big(SPRING), big(SPRING), big_picture_url=host.base_url + "/big.png?signature=s3cret")
    [[], [event], []] = polls
    seen_at = datetime.fromisoformat(event.pop("seen_at"))
    assert abs(datetime.now(UTC) - seen_at) < timedelta(minutes=1)
    assert event == {
        "kind": "big",
        "name": None,
        "url": host.base_url + "/big.png?…",
        "sha256": sha(SPRING),
        "format": "PNG",
        "width": 984,
        "height": 369,
        "size_bytes": len(SPRING),
        "warnings": [],
    }


def test_changed_picture_sends_one_event(host: PictureHost, watch: Watch, big: Any) -> None:
    polls = watch(big(SPRING), big(SUMMER), big(SUMMER), big(SPRING), big_picture_url=host.base_url + "/big.png")
    assert shas(polls) == [[], [sha(SUMMER)], [], [sha(SPRING)]]


def test_event_only_for_ready_pictures(host: PictureHost, watch: Watch, big: Any) -> None:
    steps = [big(404), big(artwork.HTML), big(artwork.png(876, 324)), big(artwork.cut(SPRING)), big(503), big(SPRING)]
    polls = watch(*steps, big_picture_url=host.base_url + "/big.png")
    assert shas(polls) == [[], [], [], [], [], [sha(SPRING)]]


def test_unchanged_picture_sends_no_event(host: PictureHost, watch: Watch, big: Any) -> None:
    polls = watch(big(SPRING), big(503), big(artwork.HTML), big(SPRING), big_picture_url=host.base_url + "/big.png")
    assert shas(polls) == [[], [], [], []]


def test_event_for_each_picture(host: PictureHost, watch: Watch) -> None:
    polls = watch(
        lambda: host.status("/small.png", 404),
        lambda: (host.serve("/small.png", artwork.good("small")), host.serve("/big.png", SPRING)),
        small_picture_url=host.base_url + "/small.png",
        pictures=[{"name": "spring", "big_picture_url": host.base_url + "/big.png"}],
    )
    assert polls[0] == []
    assert sorted((event["kind"], event["name"]) for event in polls[1]) == [("big", "spring"), ("small", None)]


def test_store_detects_a_change_while_down(host: PictureHost, watch: Watch, big: Any) -> None:
    store, url = Store(), host.base_url + "/big.png?signature=s3cret"
    assert shas(watch(big(SPRING), store=store, big_picture_url=url)) == [[]]
    assert shas(watch(big(SUMMER), big(SUMMER), store=store, big_picture_url=url)) == [[sha(SUMMER)], []]
    assert shas(watch(big(SUMMER), big(SUMMER), store=store, big_picture_url=url)) == [[], []]
    assert "s3cret" not in json.dumps(store.values)


def test_store_detects_a_new_picture_while_down(host: PictureHost, watch: Watch, big: Any) -> None:
    store, url = Store(), host.base_url + "/big.png"
    assert shas(watch(big(404), store=store, big_picture_url=url)) == [[]]
    assert shas(watch(big(SPRING), store=store, big_picture_url=url)) == [[sha(SPRING)]]


def test_without_store_each_start_takes_a_baseline(host: PictureHost, watch: Watch, big: Any) -> None:
    url = host.base_url + "/big.png"
    assert shas(watch(big(SPRING), big_picture_url=url)) == [[]]
    assert shas(watch(big(SUMMER), big(SPRING), big_picture_url=url)) == [[], [sha(SPRING)]]


def test_store_of_several_assets_is_not_used(host: PictureHost, watch: Watch, big: Any) -> None:
    polls = watch(big(404), big(SPRING), store=Store(fails=ValueError), big_picture_url=host.base_url + "/big.png")
    assert shas(polls) == [[], [sha(SPRING)]]


def test_event_is_sent_after_the_store_recovers(host: PictureHost, watch: Watch, big: Any) -> None:
    store = Store()

    def break_store() -> None:
        store.fails = OSError
        big(SPRING)()

    def repair_store() -> None:
        store.fails = None

    polls = watch(big(404), break_store, repair_store, store=store, big_picture_url=host.base_url + "/big.png")
    assert shas(polls) == [[], [], [sha(SPRING)]]


def test_failures_are_logged_once_and_back_off(
    host: PictureHost, watch: Watch, big: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, broken = check_module.check_picture, True

    def check(*arguments: Any, **options: Any) -> Any:
        if broken:
            raise KeyError("a bug")
        return real(*arguments, **options)

    def repair() -> None:
        nonlocal broken
        broken = False

    monkeypatch.setattr(check_module, "check_picture", check)
    log = Log()
    monkeypatch.setattr(OppoImageEventTrigger, "log", log)
    polls = watch(*[big(404)] * 9, repair, big(SPRING), poke_interval=60, big_picture_url=host.base_url + "/big.png")
    assert watch.pauses == [120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600, 60, 60]
    failures = [line for line in log.lines if "failed" in line]
    assert len(failures) == 2
    assert "9 failed polls" in failures[1]
    assert shas(polls) == [[]] * 10 + [[sha(SPRING)]]


@pytest.mark.parametrize(
    "arguments", [{}, {"big_picture_url": "https://h/", "oppo_image_conn_id": "nowhere"}, {"pictures": "nonsense"}]
)
def test_invalid_arguments_do_not_end_it(watch: Watch, arguments: dict[str, Any]) -> None:
    assert watch(*[lambda: None] * 3, **arguments) == [[], [], []]


def test_retry_after_is_honoured_up_to_an_hour(host: PictureHost, watch: Watch) -> None:
    def busy(seconds: int) -> Callable[[], str]:
        return lambda: host.status("/big.png", 429, {"Retry-After": str(seconds)})

    watch(busy(600), busy(86_400), big_picture_url=host.base_url + "/big.png")
    assert watch.pauses == [600, 3600]


def test_second_poll_has_jitter(host: PictureHost, watch: Watch, big: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_module.random, "random", lambda: 0.25)
    watch(big(404), big(404), big(404), big_picture_url=host.base_url + "/big.png", poke_interval=60)
    assert watch.pauses == [15, 60, 60]


def test_unchanged_picture_is_revalidated(host: PictureHost, watch: Watch) -> None:
    asked: list[str | None] = []

    def page(handler: Any) -> None:
        asked.append(handler.headers["If-None-Match"])
        body = b"" if asked[-1] else SPRING
        handler.begin(304 if asked[-1] else 200, {"Content-Length": str(len(body)), "ETag": '"1"'})
        handler.send(body)

    steps = [lambda: None] * 3
    assert watch(*steps, big_picture_url=host.add("/big.png", page)) == [[], [], []]
    assert asked == [None, '"1"', '"1"']


def test_serialize_round_trip() -> None:
    arguments = {
        "big_picture_url": "https://h/b?signature=s3cret",
        "small_picture_url": "https://h/s",
        "pictures": [{"name": "spring", "big_picture_url": "https://h/1"}],
        "poke_interval": 7.0,
        "oppo_image_conn_id": "other",
    }
    trigger = OppoImageEventTrigger(**arguments)
    assert trigger.serialize()[1] == arguments
    assert in_another_process(trigger).serialize() == trigger.serialize()
    assert "s3cret" not in repr(trigger)


def test_interval_may_be_a_timedelta() -> None:
    assert OppoImageEventTrigger(poke_interval=timedelta(minutes=5)).poke_interval == 300


@pytest.mark.parametrize("nonsense", [None, "text", [], 7])
def test_constructor_never_raises(nonsense: Any) -> None:
    arguments = OppoImageEventTrigger().serialize()[1]
    OppoImageEventTrigger(**dict.fromkeys([*arguments, "argument_of_another_version"], nonsense))


def test_asset_watcher_accepts_it() -> None:
    sdk = pytest.importorskip("airflow.sdk")
    asset = sdk.Asset(
        "pictures",
        watchers=[sdk.AssetWatcher(name="new", trigger=OppoImageEventTrigger(big_picture_url="https://h/b"))],
    )
    assert asset.watchers[0].trigger is not None


def test_without_connection_private_addresses_are_refused(
    host: PictureHost, watch: Watch, big: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CONNECTION_VARIABLE)
    url = host.base_url + "/big.png"
    polls = watch(big(404), big(SPRING), big_picture_url=url, oppo_image_conn_id=None)
    assert (shas(polls), host.connections) == ([[], []], 0)
