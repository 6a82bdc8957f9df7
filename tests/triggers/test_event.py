from __future__ import annotations

import asyncio
import hashlib
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
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
    """An asset's state store in memory."""

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
    """A trigger that runs look by look: before each look a step of the story happens."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.monkeypatch = monkeypatch
        self.pauses: list[float] = []

    def __call__(
        self, *story: Callable[[], Any], store: Store | None = None, **arguments: Any
    ) -> list[list[dict[str, Any]]]:
        """Run a trigger for as many looks as the story has steps; the events of each look."""
        trigger = in_another_process(OppoImageEventTrigger(**arguments))
        trigger.asset_state_store = store
        return asyncio.run(self._run(trigger, story))

    async def _run(self, trigger: OppoImageEventTrigger, story: tuple[Callable[[], Any], ...]) -> Any:
        looks: list[list[dict[str, Any]]] = [[]]
        over = asyncio.Event()
        real_sleep = asyncio.sleep

        async def sleep(seconds: float) -> None:
            self.pauses.append(seconds)
            if len(looks) == len(story):
                over.set()
                await real_sleep(60)
            story[len(looks)]()
            looks.append([])

        class Asyncio:
            pass

        Asyncio.sleep = staticmethod(sleep)  # type: ignore[attr-defined]  # a stand-in for the module
        self.monkeypatch.setattr(event_module, "asyncio", Asyncio)

        async def collect(events: AsyncIterator[Any]) -> None:
            async for event in events:
                looks[-1].append(json.loads(json.dumps(event.payload)))
            raise AssertionError("it ended, and Airflow would start it again at once")

        story[0]()
        running = asyncio.ensure_future(collect(trigger.run()))
        told = asyncio.ensure_future(over.wait())
        await asyncio.wait({running, told}, return_when=asyncio.FIRST_COMPLETED, timeout=20)
        if running.done():
            running.result()
        running.cancel()
        return looks


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch, connect: Connect) -> Watch:
    return Watch(monkeypatch)


@pytest.fixture
def big(host: PictureHost) -> Callable[[bytes | int], Callable[[], str]]:
    """What is at the big picture's place: bytes, or an HTTP status."""

    def make_step(what: bytes | int) -> Callable[[], str]:
        if isinstance(what, bytes):
            return lambda: host.serve("/big.png", what)
        return lambda: host.status("/big.png", what)

    return make_step


def shas(looks: list[list[dict[str, Any]]]) -> list[list[str]]:
    return [[event["sha256"] for event in events] for events in looks]


def sha(picture: bytes) -> str:
    return hashlib.sha256(picture).hexdigest()


def test_a_picture_that_appears_makes_one_event(host: PictureHost, watch: Watch, big: Any) -> None:
    looks = watch(big(404), big(SPRING), big(SPRING), big_picture_url=host.base_url + "/big.png?signature=s3cret")
    [[], [event], []] = looks
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


def test_a_picture_that_changes_makes_one_event(host: PictureHost, watch: Watch, big: Any) -> None:
    looks = watch(big(SPRING), big(SUMMER), big(SUMMER), big(SPRING), big_picture_url=host.base_url + "/big.png")
    assert shas(looks) == [[], [sha(SUMMER)], [], [sha(SPRING)]]


def test_what_was_there_at_the_first_look_makes_none(host: PictureHost, watch: Watch, big: Any) -> None:
    assert shas(watch(big(SPRING), big(SPRING), big_picture_url=host.base_url + "/big.png")) == [[], []]


def test_only_a_ready_picture_makes_one(host: PictureHost, watch: Watch, big: Any) -> None:
    story = [big(404), big(artwork.HTML), big(artwork.png(876, 324)), big(artwork.cut(SPRING)), big(503), big(SPRING)]
    looks = watch(*story, big_picture_url=host.base_url + "/big.png")
    assert shas(looks) == [[], [], [], [], [], [sha(SPRING)]]


def test_a_picture_that_comes_back_as_it_was_makes_none(host: PictureHost, watch: Watch, big: Any) -> None:
    looks = watch(big(SPRING), big(503), big(artwork.HTML), big(SPRING), big_picture_url=host.base_url + "/big.png")
    assert shas(looks) == [[], [], [], []]


def test_each_of_several_pictures_makes_its_own(host: PictureHost, watch: Watch) -> None:
    looks = watch(
        lambda: host.status("/small.png", 404),
        lambda: (host.serve("/small.png", artwork.good("small")), host.serve("/big.png", SPRING)),
        small_picture_url=host.base_url + "/small.png",
        pictures=[{"name": "spring", "big_picture_url": host.base_url + "/big.png"}],
    )
    assert looks[0] == []
    assert sorted((event["kind"], event["name"]) for event in looks[1]) == [("big", "spring"), ("small", None)]


def test_what_changed_while_the_triggerer_was_down_is_seen_where_there_is_a_store(
    host: PictureHost, watch: Watch, big: Any
) -> None:
    store, url = Store(), host.base_url + "/big.png?signature=s3cret"
    assert shas(watch(big(SPRING), store=store, big_picture_url=url)) == [[]]
    assert shas(watch(big(SUMMER), big(SUMMER), store=store, big_picture_url=url)) == [[sha(SUMMER)], []]
    assert shas(watch(big(SUMMER), big(SUMMER), store=store, big_picture_url=url)) == [[], []]
    assert "s3cret" not in json.dumps(store.values)


def test_a_picture_that_appears_while_the_triggerer_is_down_is_seen_where_there_is_a_store(
    host: PictureHost, watch: Watch, big: Any
) -> None:
    store, url = Store(), host.base_url + "/big.png"
    assert shas(watch(big(404), store=store, big_picture_url=url)) == [[]]
    assert shas(watch(big(SPRING), store=store, big_picture_url=url)) == [[sha(SPRING)]]


def test_without_a_store_each_start_starts_anew(host: PictureHost, watch: Watch, big: Any) -> None:
    url = host.base_url + "/big.png"
    assert shas(watch(big(SPRING), big_picture_url=url)) == [[]]
    assert shas(watch(big(SUMMER), big(SPRING), big_picture_url=url)) == [[], [sha(SPRING)]]


def test_a_store_that_several_assets_share_is_none(host: PictureHost, watch: Watch, big: Any) -> None:
    looks = watch(big(404), big(SPRING), store=Store(fails=ValueError), big_picture_url=host.base_url + "/big.png")
    assert shas(looks) == [[], [sha(SPRING)]]


def test_news_that_cannot_be_remembered_is_told_when_it_can(host: PictureHost, watch: Watch, big: Any) -> None:
    store = Store()

    def break_store() -> None:
        store.fails = OSError
        big(SPRING)()

    def mend_store() -> None:
        store.fails = None

    looks = watch(big(404), break_store, mend_store, store=store, big_picture_url=host.base_url + "/big.png")
    assert shas(looks) == [[], [], [sha(SPRING)]]


def test_failures_are_told_once_and_slow_it_down(
    host: PictureHost, watch: Watch, big: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, broken = check_module.check_picture, True

    def check(*arguments: Any, **options: Any) -> Any:
        if broken:
            raise KeyError("a mistake of ours")
        return real(*arguments, **options)

    def mend() -> None:
        nonlocal broken
        broken = False

    monkeypatch.setattr(check_module, "check_picture", check)
    told = Log()
    monkeypatch.setattr(OppoImageEventTrigger, "log", told)
    looks = watch(*[big(404)] * 9, mend, big(SPRING), poke_interval=60, big_picture_url=host.base_url + "/big.png")
    assert watch.pauses == [120, 240, 480, 960, 1920, 3600, 3600, 3600, 3600, 60, 60]
    assert [word for word in told.lines if "failed" in word] == [
        "Watching pictures failed; it goes on, more slowly while this lasts",
        "Watching pictures works again, after 9 failed looks",
    ]
    assert shas(looks) == [[]] * 10 + [[sha(SPRING)]]


@pytest.mark.parametrize(
    "arguments", [{}, {"big_picture_url": "https://h/", "oppo_image_conn_id": "nowhere"}, {"pictures": "nonsense"}]
)
def test_it_does_not_end_for_what_cannot_be_watched(watch: Watch, arguments: dict[str, Any]) -> None:
    assert watch(*[lambda: None] * 3, **arguments) == [[], [], []]


def test_it_waits_as_long_as_the_host_asks_but_no_more_than_an_hour(host: PictureHost, watch: Watch) -> None:
    def busy(seconds: int) -> Callable[[], str]:
        return lambda: host.status("/big.png", 429, {"Retry-After": str(seconds)})

    watch(busy(600), busy(86_400), big_picture_url=host.base_url + "/big.png")
    assert watch.pauses == [600, 3600]


def test_those_that_start_together_look_at_different_moments_from_the_second_look_on(
    host: PictureHost, watch: Watch, big: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_module.random, "random", lambda: 0.25)
    watch(big(404), big(404), big(404), big_picture_url=host.base_url + "/big.png", poke_interval=60)
    assert watch.pauses == [15, 60, 60]


def test_what_has_not_changed_is_not_downloaded_again(host: PictureHost, watch: Watch) -> None:
    asked: list[str | None] = []

    def page(handler: Any) -> None:
        asked.append(handler.headers["If-None-Match"])
        body = b"" if asked[-1] else SPRING
        handler.begin(304 if asked[-1] else 200, {"Content-Length": str(len(body)), "ETag": '"1"'})
        handler.send(body)

    story = [lambda: None] * 3
    assert watch(*story, big_picture_url=host.add("/big.png", page)) == [[], [], []]
    assert asked == [None, '"1"', '"1"']


def test_it_is_made_again_with_all_that_it_was_made_with() -> None:
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


def test_its_interval_may_be_a_timedelta() -> None:
    assert OppoImageEventTrigger(poke_interval=timedelta(minutes=5)).poke_interval == 300


@pytest.mark.parametrize("nonsense", [None, "text", [], 7])
def test_its_constructor_never_raises(nonsense: Any) -> None:
    arguments = OppoImageEventTrigger().serialize()[1]
    OppoImageEventTrigger(**dict.fromkeys([*arguments, "argument_of_another_version"], nonsense))


def test_a_dag_file_that_names_it_loads_no_network_and_no_pictures() -> None:
    code = (
        "import sys, airflow.providers.common.compat.triggers; before = set(sys.modules); "
        "import airflow_provider_oppo_image.triggers.oppo_image; "
        "print(*{'requests', 'urllib3', 'PIL', 'numpy', 'simplejpeg'} & (set(sys.modules) - before))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1].split() == []


def test_it_is_what_an_asset_watcher_takes() -> None:
    sdk = pytest.importorskip("airflow.sdk")
    asset = sdk.Asset(
        "pictures",
        watchers=[sdk.AssetWatcher(name="new", trigger=OppoImageEventTrigger(big_picture_url="https://h/b"))],
    )
    assert asset.watchers[0].trigger is not None


def test_the_watched_connection_is_the_one_that_was_named(
    host: PictureHost, watch: Watch, big: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CONNECTION_VARIABLE)
    url = host.base_url + "/big.png"
    looks = watch(big(404), big(SPRING), big_picture_url=url, oppo_image_conn_id=None)
    assert (shas(looks), host.connections) == ([[], []], 0)
