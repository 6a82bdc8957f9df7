from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image.hooks.lineage import MAX_DATASETS, Lineage, LineageMixin, dataset_uri
from airflow_provider_oppo_image.operators.oppo_image import (
    OppoImageBatchUploadOperator,
    OppoImagePrepareOperator,
    OppoImagePushOperator,
    OppoImageUploadOperator,
)
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.support.tasks import make_context

SIGNED = "?X-Signature=hush#part"
Collected = Callable[[], tuple[set[str], set[str]]]


@pytest.fixture
def collected(monkeypatch: pytest.MonkeyPatch) -> Collected:
    """What Airflow has collected: URIs of inputs and of outputs. Airflow itself collects only where somebody reads."""
    from airflow.providers.common.compat import sdk
    from airflow.providers.common.compat.lineage.hook import get_hook_lineage_collector

    collector = type(sdk.get_hook_lineage_collector()).__mro__[1]()  # what its NoOpCollector extends
    monkeypatch.setattr(sdk, "get_hook_lineage_collector", functools.cache(lambda: collector), raising=False)

    def collected() -> tuple[set[str], set[str]]:
        lineage: Any = get_hook_lineage_collector().collected_assets
        return {entry.asset.uri for entry in lineage.inputs}, {entry.asset.uri for entry in lineage.outputs}

    return collected


@pytest.fixture
def big(host: PictureHost) -> str:
    return host.serve("/big.jpg", artwork.good("big", "JPEG"))


@pytest.fixture
def small(host: PictureHost) -> str:
    return host.serve("/small.png", artwork.good("small"))


class Teller(LineageMixin):
    """A task that tells whatever it is told to."""

    tell = LineageMixin._report_lineage

    @property
    def told(self) -> Lineage | None:
        return self._lineage


@pytest.mark.parametrize(
    ("place", "uri"),
    [
        ("https://user:pass@cdn.example.com/a%20b/big.jpg?sig=1#x", "https://cdn.example.com/a%20b/big.jpg"),
        ("s3://aws_default@bucket/night.csv", "s3://bucket/night.csv"),
        ("/data/a b.csv", "file:///data/a%20b.csv"),
        ("file:///data/night.csv", "file:///data/night.csv"),
        ("https://cdn.example.com/\x00", None),
    ],
)
def test_a_place_is_named_without_what_may_not_be_shown(place: str, uri: str | None) -> None:
    assert dataset_uri(place) == uri


@pytest.mark.usefixtures("connect")
def test_an_upload_read_its_pictures(big: str, small: str, sandbox: SandboxServer, collected: Collected) -> None:
    task = OppoImageUploadOperator(task_id="task", big_picture_url=big + SIGNED, small_picture_url=small)
    ids = task.execute(make_context())
    assert collected() == ({big, small}, set())
    assert task._lineage == Lineage((big, small), (), ids)


@pytest.mark.usefixtures("connect")
def test_an_upload_that_failed_tells_nothing(host: PictureHost, small: str, collected: Collected) -> None:
    task = OppoImageUploadOperator(
        task_id="task", big_picture_url=host.base_url + "/nowhere.jpg", small_picture_url=small
    )
    with pytest.raises(Exception, match="404"):
        task.execute(make_context())
    assert collected() == (set(), set())
    assert task.get_openlineage_facets_on_complete(None) is None


@pytest.mark.usefixtures("connect")
def test_a_sensor_read_the_pictures_that_are_ready(big: str, small: str, collected: Collected) -> None:
    task = OppoImageSensor(task_id="task", big_picture_url=big + SIGNED, pictures=[{"small_picture_url": small}])
    assert task.poke(make_context())
    assert collected() == ({big, small}, set())


@pytest.mark.usefixtures("connect")
def test_a_sensor_that_deferred_read_them_too(big: str, collected: Collected) -> None:
    task = OppoImageSensor(task_id="task", big_picture_url=big + SIGNED)
    task.execute_complete(make_context(), {"status": "ready", "result": {"counts": {}, "reports": []}})
    assert collected() == ({big}, set())


def test_to_prepare_is_to_read_artwork_and_to_write_a_picture_and_its_public_address(
    tmp_path: Path, collected: Collected
) -> None:
    art, made = tmp_path / "art.jpg", tmp_path / "made.jpg"
    art.write_bytes(artwork.jpeg(1500, 900))
    task = OppoImagePrepareOperator(
        task_id="task",
        source=str(art),
        destination=str(made),
        kind="big",
        public_url="https://cdn.example.com/made.jpg?t",
    )
    task.execute(make_context())
    assert collected() == ({art.as_uri()}, {made.as_uri(), "https://cdn.example.com/made.jpg"})


@pytest.mark.usefixtures("connect")
def test_a_push_tells_the_ids_that_it_carried_and_its_own(
    big: str, sandbox: SandboxServer, collected: Collected
) -> None:
    ids = OppoImageUploadOperator(task_id="upload", big_picture_url=big).execute(make_context())
    message = {"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Today"}}}}
    for validate_only in (True, False):
        task = OppoImagePushOperator(
            task_id="push", message=message, big_picture_id=ids["big_picture_id"], validate_only=validate_only
        )
        msg_id = task.execute(make_context())
        told = None if validate_only else Lineage(ids={"big_picture_id": ids["big_picture_id"], "msg_id": msg_id})
        assert task._lineage == told


@pytest.mark.usefixtures("connect")
def test_of_a_batch_the_manifest_and_the_results_are_told_and_not_its_pictures(
    big: str, tmp_path: Path, sandbox: SandboxServer, collected: Collected
) -> None:
    manifest = tmp_path / "night.csv"
    manifest.write_text("name,big_picture_url\n" + "".join(f"c{number},{big}?{number}\n" for number in range(60)))
    OppoImageBatchUploadOperator(task_id="task", manifest=str(manifest)).execute(make_context())
    assert collected() == ({manifest.as_uri()}, {(tmp_path / "night.results.csv").as_uri()})


@pytest.mark.usefixtures("connect")
def test_of_a_list_the_first_pictures_are_told(big: str, small: str, collected: Collected) -> None:
    rows = [{"name": "spring", "big_picture_url": big + SIGNED, "small_picture_url": small}, {"name": "wrong"}]
    OppoImageBatchUploadOperator(task_id="task", pictures=rows, on_error="keep_going").execute(make_context())
    assert collected() == ({big, small}, set())


def test_a_hundred_thousand_places_are_not_all_told_nor_looked_at(collected: Collected) -> None:
    asked = []

    def places() -> Any:
        for number in range(100_000):
            asked.append(number)
            yield f"https://cdn.example.com/{number}.jpg"

    Teller().tell(places())
    assert len(collected()[0]) == MAX_DATASETS
    assert len(asked) <= 2 * MAX_DATASETS


def test_lineage_never_fails_a_task(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow.providers.common.compat import sdk

    def fail() -> None:
        raise RuntimeError

    monkeypatch.setattr(sdk, "get_hook_lineage_collector", fail, raising=False)
    teller = Teller()
    teller.tell(["https://cdn.example.com/big.jpg"])
    teller.tell([7])  # type: ignore[list-item]
    assert teller.told
