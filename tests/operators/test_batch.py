from __future__ import annotations

import csv
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from airflow_provider_oppo_image.airflow_compat import AirflowFailException, Asset
from airflow_provider_oppo_image.batch import DEFAULT_THREADS, ON_ERROR
from airflow_provider_oppo_image.errors import BatchError, ConfigurationError
from airflow_provider_oppo_image.operators.oppo_image import OppoImageBatchUploadOperator
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.support.tasks import OutletEvents, make_context

pytestmark = pytest.mark.usefixtures("connect")


def storage_path(path: str) -> Any:
    try:
        from airflow.sdk import ObjectStoragePath
    except ImportError:  # Airflow 2
        from airflow.io.path import ObjectStoragePath  # type: ignore[import-not-found,no-redef]
    return ObjectStoragePath(f"file://{path}")


@pytest.fixture
def big(host: PictureHost) -> str:
    return host.serve("/big.jpg", artwork.good("big", "JPEG"))


@pytest.fixture
def wrong(host: PictureHost) -> str:
    return host.serve("/wrong.jpg", artwork.jpeg(876, 324))


def upload(context: dict[str, Any] | None = None, **arguments: Any) -> dict[str, Any]:
    return OppoImageBatchUploadOperator(task_id="task", **arguments).execute(context or make_context())


def write_manifest(path: Path, *rows: tuple[str, str]) -> str:
    path.write_text("name,big_picture_url\n" + "".join(f"{name},{url}\n" for name, url in rows))
    return str(path)


def read(path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(Path(path).open()))


def test_long_list_needs_results() -> None:
    with pytest.raises(AirflowFailException, match=r"1,001 rows.*Give `results`"):
        upload(pictures=[{"name": "a", "big_picture_url": "https://cdn.example.com/1.jpg"}] * 1_001)


@pytest.mark.parametrize("as_path", [Path, storage_path, UPath, " {}\n".format])
def test_manifest_path_may_be_an_object(tmp_path: Path, big: str, as_path: Callable[[str], Any]) -> None:
    manifest = write_manifest(tmp_path / "night.csv", ("spring", big))
    assert upload(manifest=as_path(manifest))["results"] == str(tmp_path / "night.results.csv")


def test_list_results_are_returned(sandbox: SandboxServer, host: PictureHost, big: str) -> None:
    small = host.serve("/small.png", artwork.good("small"))
    returned = upload(
        pictures=[
            {"name": "spring", "big_picture_url": big, "small_picture_url": small},
            {"name": "autumn", "big_picture_url": None, "small_picture_url": small},
        ]
    )
    ids = {entry["kind"]: entry["id"] for entry in sandbox.received()["uploads"]}
    assert (returned["rows"], returned["uploaded"], returned["results"]) == (2, 2, None)
    assert [(row["name"], row["big_picture_id"], row["small_picture_id"]) for row in returned["pictures"]] == [
        ("spring", ids["big"], ids["small"]),
        ("autumn", None, ids["small"]),
    ]
    assert len(sandbox.received()["uploads"]) == 2, "the same picture goes once"


def test_manifest_results_are_written_beside_it(sandbox: SandboxServer, big: str, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "night.csv", *((f"c{number}", f"{big}?{number}") for number in range(30)))
    returned = upload(manifest=manifest)
    assert returned == {
        "rows": 30,
        "uploaded": 30,
        "failed": 0,
        "not_tried": 0,
        "causes": [],
        "results": str(tmp_path / "night.results.csv"),
        "renewed": 0,
    }
    assert [(row["line"], row["name"], row["state"]) for row in read(returned["results"])] == [
        (str(number + 2), f"c{number}", "uploaded") for number in range(30)
    ]


def test_permanent_failure_fails_at_the_end(sandbox: SandboxServer, big: str, wrong: str, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "night.csv", ("old", wrong), ("spring", big))
    context = make_context()
    with pytest.raises(AirflowFailException, match=r"1 of 2 rows failed(?s:.)*wrong_dimensions") as raised:
        upload(context, manifest=manifest)
    assert isinstance(raised.value.__cause__, BatchError)
    assert context["ti"].pushed["summary"]["failed"] == 1
    assert [row["state"] for row in read(str(tmp_path / "night.results.csv"))] == ["failed", "uploaded"]


def test_transient_failure_is_retried_alone(sandbox: SandboxServer, big: str, tmp_path: Path) -> None:
    manifest = write_manifest(tmp_path / "night.csv", *((f"c{number}", f"{big}?{number}") for number in range(10)))
    sandbox.fail(call="upload_big", code=23100)
    with pytest.raises(BatchError) as raised:
        upload(manifest=manifest)
    assert (raised.value.permanent, raised.value.summary["failed"]) == (False, 1)
    assert upload(manifest=manifest)["uploaded"] == 10
    assert sandbox.received()["requests"]["upload_big"] == {"500": 1, "200": 10}


def test_silent_host_does_not_block_the_batch(sandbox: SandboxServer, connect: Callable[..., None], big: str) -> None:
    connect(extra={"allow_private_addresses": True, "retry_budget": 0, "read_timeout": 0.3, "total_timeout": 0.3})
    with socket.create_server(("127.0.0.2", 0), backlog=500) as silent:
        dead = f"http://127.0.0.2:{silent.getsockname()[1]}"
        rows = [{"name": f"dead{number}", "big_picture_url": f"{dead}/{number}.jpg"} for number in range(400)]
        rows.append({"name": "spring", "big_picture_url": big})
        start = time.monotonic()
        returned = upload(pictures=rows, threads=8, on_error="keep_going")
        assert time.monotonic() - start < 400 / 8 * 0.3 / 2
    assert [row["state"] for row in returned["pictures"]] == ["failed"] * 400 + ["uploaded"]
    assert [(cause["code"], cause["rows"]) for cause in returned["causes"]] == [("timed_out", 400)]


def test_fail_fast_stops_at_the_first_failure(sandbox: SandboxServer, big: str, wrong: str) -> None:
    rows = [{"name": "old", "big_picture_url": wrong}]
    rows += [{"name": f"c{number}", "big_picture_url": f"{big}?{number}"} for number in range(300)]
    context = make_context()
    with pytest.raises(AirflowFailException, match="876 x 324"):
        upload(context, pictures=rows, on_error="fail_fast", threads=2)
    assert context["ti"].pushed["summary"]["not_tried"] > 250


@pytest.mark.parametrize("on_error", ON_ERROR)
def test_account_error_stops_in_every_mode(
    sandbox: SandboxServer, connect: Callable[..., None], big: str, on_error: str
) -> None:
    connect(password="not-the-secret")
    rows = [{"name": f"c{number}", "big_picture_url": f"{big}?{number}"} for number in range(1_000)]
    with pytest.raises(AirflowFailException, match="Check the AppKey"):
        upload(pictures=rows, on_error=on_error, check=False, threads=8)
    assert sum(sandbox.received()["requests"]["upload_big"].values()) <= 8


def test_without_check_only_the_service_downloads(sandbox: SandboxServer, host: PictureHost, wrong: str) -> None:
    returned = upload(pictures=[{"name": "old", "big_picture_url": wrong}], check=False, on_error="keep_going")
    assert [cause["code"] for cause in returned["causes"]] == ["51"]
    assert host.requests == ["/wrong.jpg"], "downloaded once, by the service"


def test_killed_batch_is_continued(sandbox: SandboxServer, big: str, tmp_path: Path) -> None:
    rows = [(f"c{number}", f"{big}?{number}") for number in range(400)]
    arguments: dict[str, Any] = {"manifest": write_manifest(tmp_path / "night.csv", *rows), "check": False}
    operator = OppoImageBatchUploadOperator(task_id="task", rate=100, **arguments)

    def kill_during_uploads() -> None:
        while not sandbox.received()["uploads"]:
            time.sleep(0.01)
        operator.on_kill()

    threading.Thread(target=kill_during_uploads, daemon=True).start()
    with pytest.raises(BatchError, match="stopped") as stopped:
        operator.execute(make_context())
    assert not stopped.value.permanent
    first = len(sandbox.received()["uploads"])
    assert first < 400
    assert upload(**arguments)["uploaded"] == 400
    assert len(sandbox.received()["uploads"]) == 400


def test_outlet_event_has_counts_and_results(sandbox: SandboxServer, big: str, tmp_path: Path) -> None:
    asset, events = Asset("s3://bucket/night"), OutletEvents()
    manifest, results = write_manifest(tmp_path / "night.csv", ("spring", big)), str(tmp_path / "night.results.csv")
    upload(make_context(outlet_events=events), manifest=manifest, outlets=[asset])
    assert events[asset].extra == {"rows": 1, "uploaded": 1, "failed": 0, "results": results}


def test_progress_is_logged_and_measured(
    sandbox: SandboxServer, big: str, task_log: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: dict[str, float] = {}

    class Stats:
        @staticmethod
        def incr(name: str, count: int) -> None:
            counted[name] = counted.get(name, 0) + count

        @staticmethod
        def gauge(name: str, value: float) -> None:
            counted[name] = value

    monkeypatch.setattr("airflow_provider_oppo_image.operators.batch.metrics", lambda: Stats)
    upload(pictures=[{"name": "spring", "big_picture_url": big}])
    assert counted == {"oppo_image.batch.uploaded": 1, "oppo_image.batch.failed": 0, "oppo_image.batch.left": 0}
    assert "1 of 1 pictures (100 %): 1 uploaded, 0 failed" in task_log()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "either `pictures` or `manifest`"),
        ({"pictures": [], "manifest": "a.csv"}, "either `pictures` or `manifest`"),
        ({"pictures": [], "on_error": "ignore"}, "on_error is 'ignore'"),
        ({"pictures": [], "rate": 0}, "at least 1"),
        ({"pictures": [], "threads": 0}, "at least 1"),
    ],
)
def test_invalid_arguments_are_refused_in_init(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        OppoImageBatchUploadOperator(task_id="task", **arguments)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"pictures": "[...]"}, "render_template_as_native_obj"),
        ({"pictures": ["spring"]}, "Entry 1 of `pictures` is of type str"),
        ({"manifest": "None"}, "empty after template rendering"),
        ({"manifest": "/nowhere/night.csv"}, "No such file"),
    ],
)
def test_invalid_rendered_values_are_refused(sandbox: SandboxServer, arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(AirflowFailException, match=words):
        upload(**arguments)
    assert sandbox.received()["requests"] == {}


def test_defaults_match_run_batch() -> None:
    operator = OppoImageBatchUploadOperator(task_id="task", pictures=[])
    assert (operator.rate, operator.threads, operator.on_error) == (None, DEFAULT_THREADS, ON_ERROR[0])
