from __future__ import annotations

import dataclasses
import datetime
import errno
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest

from airflow_provider_oppo_image.batch.checkpoint import Checkpoint, checkpoint_folder
from airflow_provider_oppo_image.batch.lease import LEASE_S, RENEW_INTERVAL_S
from airflow_provider_oppo_image.batch.progress import Summary
from airflow_provider_oppo_image.batch.row_result import Origin, Outcome
from airflow_provider_oppo_image.errors import BatchError, ConfigurationError, Failure, StorageError
from airflow_provider_oppo_image.storage import StoragePath, atomic_write, resolve
from tests.support.object_store import ObjectStore

ORIGIN = Origin("1" * 64, "a1b2 https://sandbox.example")
NOW = "2026-11-29T00:00:00+00:00"
SUMMARY = Summary(2, 2, 0, 0)
BUSY = Failure("http_503", "the service failed; 春天", "service", transient=True)
OUTCOMES = [Outcome(1, "id_1", uploaded_at=NOW), Outcome(2, failure=BUSY)]


def uploaded(number: int) -> Outcome:
    return Outcome(number, f"id_{number}", uploaded_at=NOW)


def write(path: StoragePath, content: bytes = b"line\n") -> None:
    with atomic_write(path) as file:
        file.write(content)


def parts(checkpoint: Checkpoint) -> list[Any]:
    return sorted(path for path in checkpoint.folder.iterdir() if path.name.startswith("part-"))


@pytest.fixture(autouse=True)
def fast_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("airflow_provider_oppo_image.batch.lease._SETTLE_S", 0.0)


@pytest.fixture
def run(at: Callable[[str], StoragePath]) -> Callable[..., Checkpoint]:
    """Returns the open checkpoint of a run that writes outcomes and ends, at each call."""

    def run(*outcomes: Outcome, origin: Origin = ORIGIN, summary: Summary | None = None) -> Checkpoint:
        with Checkpoint(at("night.results.csv"), origin) as checkpoint:
            checkpoint.open(2)
            if outcomes:
                checkpoint.write(outcomes)
            if summary:
                write(checkpoint.results)
                checkpoint.complete(summary, NOW)
        return checkpoint

    return run


def test_open_creates_or_finds_a_checkpoint(run: Callable[..., Checkpoint]) -> None:
    assert not run().has_progress
    second = run()
    assert second.has_progress
    assert list(second.outcomes()) == []


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        (dataclasses.replace(ORIGIN, manifest="2" * 64), "another manifest"),
        (dataclasses.replace(ORIGIN, account="c3d4 https://sandbox.example"), "another AppKey or data center"),
    ],
)
@pytest.mark.parametrize("summary", [None, SUMMARY])
def test_open_refuses_another_origin(
    run: Callable[..., Checkpoint], origin: Origin, message: str, summary: Summary | None
) -> None:
    run(summary=summary)
    with pytest.raises(ConfigurationError, match=message):
        run(origin=origin)
    run(origin=dataclasses.replace(ORIGIN, task="another run"))


def test_open_refuses_results_of_somebody_else(
    at: Callable[[str], StoragePath], run: Callable[..., Checkpoint]
) -> None:
    write(at("night.results.csv"), b"precious\n")
    with pytest.raises(ConfigurationError, match="no batch"):
        run()
    assert at("night.results.csv").read_bytes() == b"precious\n"
    assert not checkpoint_folder(at("night.results.csv")).exists()


@pytest.mark.parametrize(
    "header", [b"", b"[]", b'{"format": 1, "fing', b"\xff", b"{}", b"[" * 99_999, b'{"format": 9}']
)
def test_open_refuses_a_damaged_header(run: Callable[..., Checkpoint], header: bytes) -> None:
    write(run().folder / "batch.json", header)
    with pytest.raises(ConfigurationError, match="remove"):
        run()


def test_open_refuses_unusable_paths(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="ends in"):
        Checkpoint(tmp_path / "night.xlsx", ORIGIN)
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="Check the path"):
        Checkpoint(tmp_path / "file" / "r.csv", ORIGIN).open(1)


def test_open_refuses_a_second_run(run: Callable[..., Checkpoint], at: Callable[[str], StoragePath]) -> None:
    with Checkpoint(at("night.results.csv"), ORIGIN) as first:
        first.open(2)
        renewals = iter(range(2))
        with (
            patch(
                "time.sleep", lambda _: next(renewals, None) == 0 and first._lease._write()
            ),  # the first run renews it
            pytest.raises(BatchError, match="Another run is working") as raised,
        ):
            run()
        assert not raised.value.permanent
        first.write(OUTCOMES)
    assert list(run().outcomes()) == OUTCOMES


def test_open_takes_over_an_expired_lease(store: ObjectStore, run: Callable[..., Checkpoint]) -> None:
    results = resolve("s3://stub@bucket/r.csv")
    dead = Checkpoint(results, ORIGIN)
    dead.open(2)
    waited: list[float] = []
    with Checkpoint(results, ORIGIN) as second:
        with patch("time.sleep", waited.append):
            second.open(2)
        assert sum(waited) >= LEASE_S
        second.write(OUTCOMES)
        dead._lease._renewed_at = time.monotonic() - RENEW_INTERVAL_S
        with pytest.raises(BatchError, match="Another run"):
            dead.renew()


def test_open_tries_the_disk_before_the_first_upload(tmp_path: Path) -> None:
    with (
        patch("os.posix_fallocate", side_effect=OSError(errno.ENOSPC, "No space left on device")) as reserve,
        pytest.raises(StorageError, match="No space left on device"),
    ):
        Checkpoint(tmp_path / "r.csv", ORIGIN).open(5_000)
    assert reserve.call_args.args[2] >= 5_000 * 500
    assert list(tmp_path.glob("*.part")) == []


def test_open_removes_files_of_killed_runs(tmp_path: Path) -> None:
    (tmp_path / "r.csv.123.part").touch()
    (tmp_path / "another.csv.123.part").touch()
    Checkpoint(tmp_path / "r.csv", ORIGIN).open(1)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["another.csv.123.part", "r.csv.parts"]


def test_outcomes_are_in_the_order_of_the_runs(run: Callable[..., Checkpoint]) -> None:
    for number in range(12):
        run(Outcome(1, failure=Failure(str(number), "", "service")))
    codes = [outcome.failure.code for outcome in run().outcomes() if outcome.failure]
    assert codes == [str(number) for number in range(12)]


def test_parts_are_never_changed(store: ObjectStore) -> None:
    with Checkpoint(resolve("s3://stub@bucket/r.csv"), ORIGIN) as mine:
        mine.open(2)
        seen: dict[str, bytes] = {}
        for number in range(1, 6):
            mine.write([uploaded(number)])
            assert seen.items() <= store.objects.items()
            seen = {name: content for name, content in store.objects.items() if "part-" in name}
            assert len(seen) == number


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"17",
        b"null",
        b"[" * 99_999,
        b'{"number": 1}',
        b'{"number": 3, "picture_id": "id", "failure": "x", "uploaded_at": null}',
        b'{"number": 3, "picture_id": null, "failure": {"code": "51"}, "uploaded_at": null}',
        b'{"number": 3, "picture_id": "id", "fail',
        b'{"number": 3, "picture_id": {"a": 1}, "failure": null, "uploaded_at": "2026-11-29T00:00:00+00:00"}',
        b'{"number": 3, "picture_id": 5, "failure": null, "uploaded_at": "2026-11-29T00:00:00+00:00"}',
        b'{"number": true, "picture_id": "id", "failure": null, "uploaded_at": "2026-11-29T00:00:00+00:00"}',
        b'{"number": 123456789012345678901234567890, "picture_id": "id", "failure": null, '
        b'"uploaded_at": "2026-11-29T00:00:00+00:00"}',
        b'{"number": 3, "picture_id": "\\ud800", "failure": null, "uploaded_at": "2026-11-29T00:00:00+00:00"}',
        b'{"number": 3, "picture_id": "id", "failure": null, "uploaded_at": "yesterday"}',
    ],
)
def test_damaged_line_loses_one_outcome(
    run: Callable[..., Checkpoint], damaged: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    mine = run(*OUTCOMES)
    [part] = parts(mine)
    origin, first, second = part.read_bytes().splitlines(keepends=True)
    write(part, origin + first + damaged + b"\n" + second)
    assert list(run().outcomes()) == OUTCOMES
    assert f"Line 3 of {part} is not valid" in caplog.text


def test_part_of_another_origin_is_not_read(run: Callable[..., Checkpoint], caplog: pytest.LogCaptureFixture) -> None:
    mine = run(*OUTCOMES)
    [part] = parts(mine)
    write(part, part.read_bytes().replace(b"1" * 64, b"2" * 64))
    assert list(run().outcomes()) == []
    assert "not written for this manifest" in caplog.text


def test_completed_batch_returns_its_summary(run: Callable[..., Checkpoint]) -> None:
    first = run(*OUTCOMES, summary=SUMMARY)
    now = datetime.datetime.fromisoformat(NOW)
    for limit, expected in ((None, SUMMARY), (now, SUMMARY), (now + datetime.timedelta(seconds=1), None)):
        with Checkpoint(first.results, ORIGIN) as again:
            again.open(2)
            assert again.completed(limit) == expected
    first.results.unlink()
    with Checkpoint(first.results, ORIGIN) as again:
        again.open(2)
        assert again.completed() is None
        assert list(again.outcomes()) == OUTCOMES


@pytest.mark.parametrize("summary", [b'"x"', b'{"rows": "5"}', b"[]", b'{"rows": true, "causes": 1}'])
def test_damaged_summary_is_made_again(run: Callable[..., Checkpoint], summary: bytes) -> None:
    mine = run(*OUTCOMES, summary=SUMMARY)
    header = json.loads((mine.folder / "batch.json").read_bytes())
    write(mine.folder / "batch.json", json.dumps(header | {"summary": json.loads(summary)}).encode())
    with Checkpoint(mine.results, ORIGIN) as again:
        again.open(2)
        assert again.completed() is None
        assert list(again.outcomes()) == OUTCOMES


def test_write_error_names_the_path(store: ObjectStore) -> None:
    with Checkpoint(resolve("s3://stub@bucket/r.csv"), ORIGIN) as mine:
        mine.open(2)
        store.fail_at = 1
        with pytest.raises(StorageError, match=r"Writing to s3://stub@bucket/r\.csv\.parts failed: ConnectionError"):
            mine.write(OUTCOMES)
        mine.write(OUTCOMES)
        assert list(mine.outcomes()) == OUTCOMES
