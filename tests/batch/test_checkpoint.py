from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image.batch.checkpoint import Checkpoint
from airflow_provider_oppo_image.batch.results import Outcome
from airflow_provider_oppo_image.errors import ConfigurationError, Failure, StorageError
from airflow_provider_oppo_image.storage import StoragePath, atomic_write, resolve
from tests.support.object_store import ObjectStore

FINGERPRINT, OTHER_FINGERPRINT = "1" * 64, "2" * 64
SUMMARY = {"rows": 2, "uploaded": 2}
BUSY = Failure("http_503", "the service failed; 春天", "service", transient=True)
OUTCOMES = [Outcome(1, "id_1"), Outcome(2, failure=BUSY)]


def write(path: StoragePath, content: bytes = b"line\n") -> None:
    with atomic_write(path) as file:
        file.write(content)


def names(checkpoint: Checkpoint) -> list[str]:
    return sorted(path.name for path in checkpoint.folder.iterdir())


@pytest.fixture
def checkpoint(at: Callable[[str], StoragePath]) -> Callable[[], Checkpoint]:
    """Returns the checkpoint of another run at each call."""
    return lambda: Checkpoint(at("night.results.csv"))


def test_open_creates_or_finds_a_checkpoint(checkpoint: Callable[[], Checkpoint]) -> None:
    first, second = checkpoint(), checkpoint()
    assert (first.open(FINGERPRINT), first.has_progress) == (None, False)
    assert (second.open(FINGERPRINT), second.has_progress) == (None, True)
    assert list(second.outcomes()) == []


def test_open_refuses_another_manifest(checkpoint: Callable[[], Checkpoint]) -> None:
    checkpoint().open(FINGERPRINT)
    with pytest.raises(ConfigurationError, match="another manifest"):
        checkpoint().open(OTHER_FINGERPRINT)
    checkpoint().complete(FINGERPRINT, SUMMARY)
    with pytest.raises(ConfigurationError, match="another manifest"):
        checkpoint().open(OTHER_FINGERPRINT)


def test_open_refuses_results_of_somebody_else(checkpoint: Callable[[], Checkpoint]) -> None:
    write(checkpoint().results, b"precious\n")
    with pytest.raises(ConfigurationError, match="no batch"):
        checkpoint().open(FINGERPRINT)
    assert checkpoint().results.read_bytes() == b"precious\n"
    assert not checkpoint().folder.exists()


@pytest.mark.parametrize("header", [b'{"format": 2, "fingerprint": "%s"}' % FINGERPRINT.encode(), b"{}"])
def test_open_refuses_another_version(checkpoint: Callable[[], Checkpoint], header: bytes) -> None:
    checkpoint().open(FINGERPRINT)
    write(checkpoint().folder / "batch.json", header)
    with pytest.raises(ConfigurationError, match="another manifest"):
        checkpoint().open(FINGERPRINT)


@pytest.mark.parametrize("header", [b"", b"[]", b'{"format": 1, "fing', b"\xff"])
def test_open_refuses_a_damaged_header(tmp_path: Path, header: bytes) -> None:
    checkpoint = Checkpoint(tmp_path / "r.csv")
    checkpoint.folder.mkdir()
    write(checkpoint.folder / "batch.json", header)
    with pytest.raises((ConfigurationError, StorageError)):
        checkpoint.open(FINGERPRINT)


def test_checkpoint_refuses_an_unknown_suffix(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="must have a name that ends in"):
        Checkpoint(tmp_path / "night.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_open_refuses_an_impossible_path(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="Check the path"):
        Checkpoint(tmp_path / "file" / "r.csv").open(FINGERPRINT)


def test_open_creates_missing_folders(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "a" / "b" / "r.csv")
    checkpoint.open(FINGERPRINT)
    assert checkpoint.folder == tmp_path / "a" / "b" / "r.csv.parts"
    assert names(checkpoint) == ["batch.json"]


def test_outcomes_are_read_by_the_next_run(checkpoint: Callable[[], Checkpoint]) -> None:
    first = checkpoint()
    first.open(FINGERPRINT)
    first.write(OUTCOMES)
    first.write([Outcome(3, "id_3")])
    second = checkpoint()
    second.open(FINGERPRINT)
    assert list(second.outcomes()) == [*OUTCOMES, Outcome(3, "id_3")]


def test_outcomes_are_in_the_order_of_the_runs(checkpoint: Callable[[], Checkpoint]) -> None:
    for run in range(12):
        mine = checkpoint()
        mine.open(FINGERPRINT)
        mine.write([Outcome(1, failure=Failure(str(run), "", "service"))])
    last = checkpoint()
    assert [outcome.failure.code for outcome in last.outcomes() if outcome.failure] == [str(run) for run in range(12)]


def test_concurrent_runs_lose_no_outcome(checkpoint: Callable[[], Checkpoint]) -> None:
    one, other = checkpoint(), checkpoint()
    for mine in (one, other):
        mine.open(FINGERPRINT)
    for number in range(1, 21, 2):
        one.write([Outcome(number, f"one_{number}")])
        other.write([Outcome(number + 1, f"other_{number}")])
    assert sorted(outcome.number for outcome in checkpoint().outcomes()) == list(range(1, 21))


def test_parts_are_never_changed(store: ObjectStore) -> None:
    mine = Checkpoint(resolve("s3://stub@bucket/r.csv"))
    mine.open(FINGERPRINT)
    seen: dict[str, bytes] = {}
    for number in range(5):
        mine.write([Outcome(number, "id")])
        assert seen.items() <= store.objects.items()
        seen = {name: content for name, content in store.objects.items() if "part-" in name}
        assert len(seen) == number + 1


@pytest.mark.parametrize(
    "damaged",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b"17",
        b"null",
        b'{"number": 1}',
        b'{"number": 1, "picture_id": "id", "failure": "x"}',
        b'{"number": 1, "picture_id": null, "failure": {"code": "51"}}',
        b'{"number": 1, "picture_id": "id", "fail',
    ],
)
def test_damaged_line_loses_one_outcome(checkpoint: Callable[[], Checkpoint], damaged: bytes) -> None:
    mine = checkpoint()
    mine.open(FINGERPRINT)
    mine.write(OUTCOMES)
    [part] = [path for path in mine.folder.iterdir() if path.name.startswith("part-")]
    lines = part.read_bytes().splitlines(keepends=True)
    write(part, lines[0] + damaged + b"\n" + lines[1])
    assert list(checkpoint().outcomes()) == OUTCOMES


def test_complete_keeps_the_summary_and_no_parts(checkpoint: Callable[[], Checkpoint]) -> None:
    first = checkpoint()
    first.open(FINGERPRINT)
    first.write(OUTCOMES)
    write(first.results)
    first.complete(FINGERPRINT, SUMMARY)
    assert names(first) == ["batch.json"]
    second = checkpoint()
    assert (second.open(FINGERPRINT), second.has_progress) == (SUMMARY, True)
    assert list(second.outcomes()) == []


def test_open_restarts_when_the_results_were_removed(checkpoint: Callable[[], Checkpoint]) -> None:
    first = checkpoint()
    first.open(FINGERPRINT)
    write(first.results)
    first.complete(FINGERPRINT, SUMMARY)
    first.results.unlink()
    second, third = checkpoint(), checkpoint()
    assert (second.open(FINGERPRINT), second.has_progress) == (None, False)
    assert (third.open(FINGERPRINT), third.has_progress) == (None, True)


def test_crash_in_complete_leaves_it_complete(checkpoint: Callable[[], Checkpoint]) -> None:
    first = checkpoint()
    first.open(FINGERPRINT)
    first.write(OUTCOMES)
    write(first.results)
    [part] = [path for path in first.folder.iterdir() if path.name.startswith("part-")]
    content = part.read_bytes()
    first.complete(FINGERPRINT, SUMMARY)
    write(part, content)  # as if it had been killed before it was removed
    assert checkpoint().open(FINGERPRINT) == SUMMARY


def test_write_error_names_the_path(store: ObjectStore) -> None:
    mine = Checkpoint(resolve("s3://stub@bucket/r.csv"))
    mine.open(FINGERPRINT)
    store.fail_at = 1
    with pytest.raises(StorageError, match=r"Writing to s3://stub@bucket/r\.csv\.parts failed: ConnectionError"):
        mine.write(OUTCOMES)
    mine.write(OUTCOMES)
    assert list(mine.outcomes()) == OUTCOMES


def test_parts_are_json_lines(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "r.csv")
    checkpoint.open(FINGERPRINT)
    checkpoint.write(OUTCOMES)
    [part] = checkpoint.folder.glob("part-*")
    lines: list[Any] = [json.loads(line) for line in part.read_text().splitlines()]
    assert lines[0] == {"number": 1, "picture_id": "id_1", "failure": None}
    assert lines[1]["failure"]["message"] == BUSY.message
