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

MINE, ANOTHER = "1" * 64, "2" * 64
SUMMARY = {"rows": 2, "uploaded": 2}
BUSY = Failure("http_503", "the service failed; 春天", "service", transient=True)
OUTCOMES = [Outcome(1, "id_1"), Outcome(2, failure=BUSY)]


def write(place: StoragePath, content: bytes = b"line\n") -> None:
    with atomic_write(place) as file:
        file.write(content)


def names(checkpoint: Checkpoint) -> list[str]:
    return sorted(place.name for place in checkpoint.folder.iterdir())


@pytest.fixture
def checkpoint(at: Callable[[str], StoragePath]) -> Callable[[], Checkpoint]:
    """A run's view of the checkpoint: each call is another run."""
    return lambda: Checkpoint(at("night.results.csv"))


def test_a_place_is_claimed_once_and_found_again(checkpoint: Callable[[], Checkpoint]) -> None:
    first, second = checkpoint(), checkpoint()
    assert (first.claim(MINE), first.is_begun) == (None, False)
    assert (second.claim(MINE), second.is_begun) == (None, True)
    assert list(second.outcomes()) == []


def test_it_lies_beside_the_results(checkpoint: Callable[[], Checkpoint]) -> None:
    mine = checkpoint()
    mine.claim(MINE)
    assert mine.folder == mine.results.with_name("night.results.csv.parts")
    assert names(mine) == ["batch.json"]


def test_a_place_that_belongs_to_another_manifest_is_refused(checkpoint: Callable[[], Checkpoint]) -> None:
    checkpoint().claim(MINE)
    with pytest.raises(ConfigurationError, match=r"results\.csv belongs to another manifest, or to this one as it was"):
        checkpoint().claim(ANOTHER)
    checkpoint().end(MINE, SUMMARY)
    with pytest.raises(ConfigurationError, match="another manifest"):
        checkpoint().claim(ANOTHER)


def test_results_that_no_batch_wrote_are_refused_and_left_alone(checkpoint: Callable[[], Checkpoint]) -> None:
    write(checkpoint().results, b"precious\n")
    with pytest.raises(ConfigurationError, match="no batch of this package wrote it"):
        checkpoint().claim(MINE)
    assert checkpoint().results.read_bytes() == b"precious\n"
    assert not checkpoint().folder.exists()


@pytest.mark.parametrize("owner", [b'{"format": 2, "fingerprint": "%s"}' % MINE.encode(), b"{}"])
def test_a_checkpoint_of_another_version_is_refused(checkpoint: Callable[[], Checkpoint], owner: bytes) -> None:
    checkpoint().claim(MINE)
    write(checkpoint().folder / "batch.json", owner)
    with pytest.raises(ConfigurationError, match="another manifest"):
        checkpoint().claim(MINE)


@pytest.mark.parametrize("owner", [b"", b"[]", b'{"format": 1, "fing', b"\xff"])
def test_a_checkpoint_that_cannot_be_read_is_no_crash(tmp_path: Path, owner: bytes) -> None:
    checkpoint = Checkpoint(tmp_path / "r.csv")
    checkpoint.folder.mkdir()
    write(checkpoint.folder / "batch.json", owner)
    with pytest.raises((ConfigurationError, StorageError)):
        checkpoint.claim(MINE)


def test_a_name_without_a_format_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="must end in"):
        Checkpoint(tmp_path / "night.xlsx")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_nobody_may_make_is_a_matter_of_configuration(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigurationError, match="Check the path"):
        Checkpoint(tmp_path / "file" / "r.csv").claim(MINE)


def test_folders_that_are_not_there_are_made(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "a" / "b" / "r.csv")
    checkpoint.claim(MINE)
    assert names(checkpoint) == ["batch.json"]


def test_what_was_written_is_read_by_the_next_run(checkpoint: Callable[[], Checkpoint]) -> None:
    first = checkpoint()
    first.claim(MINE)
    first.write(OUTCOMES)
    first.write([Outcome(3, "id_3")])
    second = checkpoint()
    second.claim(MINE)
    assert list(second.outcomes()) == [*OUTCOMES, Outcome(3, "id_3")]


def test_later_runs_come_after_earlier_ones(checkpoint: Callable[[], Checkpoint]) -> None:
    for run in range(12):
        mine = checkpoint()
        mine.claim(MINE)
        mine.write([Outcome(1, failure=Failure(str(run), "", "service"))])
    last = checkpoint()
    assert [outcome.failure.code for outcome in last.outcomes() if outcome.failure] == [str(run) for run in range(12)]


def test_two_runs_that_write_at_once_lose_nothing(checkpoint: Callable[[], Checkpoint]) -> None:
    one, other = checkpoint(), checkpoint()
    for mine in (one, other):
        mine.claim(MINE)
    for number in range(1, 21, 2):
        one.write([Outcome(number, f"one_{number}")])
        other.write([Outcome(number + 1, f"other_{number}")])
    assert sorted(outcome.number for outcome in checkpoint().outcomes()) == list(range(1, 21))


def test_no_part_is_ever_changed(store: ObjectStore) -> None:
    mine = Checkpoint(resolve("s3://stub@bucket/r.csv"))
    mine.claim(MINE)
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
def test_a_damaged_line_costs_its_picture_and_no_other(checkpoint: Callable[[], Checkpoint], damaged: bytes) -> None:
    mine = checkpoint()
    mine.claim(MINE)
    mine.write(OUTCOMES)
    [part] = [place for place in mine.folder.iterdir() if place.name.startswith("part-")]
    lines = part.read_bytes().splitlines(keepends=True)
    write(part, lines[0] + damaged + b"\n" + lines[1])
    assert list(checkpoint().outcomes()) == OUTCOMES


def test_a_batch_that_has_ended_tells_its_summary_and_keeps_no_parts(checkpoint: Callable[[], Checkpoint]) -> None:
    first = checkpoint()
    first.claim(MINE)
    first.write(OUTCOMES)
    write(first.results)
    first.end(MINE, SUMMARY)
    assert names(first) == ["batch.json"]
    second = checkpoint()
    assert (second.claim(MINE), second.is_begun) == (SUMMARY, True)
    assert list(second.outcomes()) == []


def test_a_batch_whose_results_were_removed_begins_anew(checkpoint: Callable[[], Checkpoint]) -> None:
    first = checkpoint()
    first.claim(MINE)
    write(first.results)
    first.end(MINE, SUMMARY)
    first.results.unlink()
    second, third = checkpoint(), checkpoint()
    assert (second.claim(MINE), second.is_begun) == (None, False)
    assert (third.claim(MINE), third.is_begun) == (None, True)


def test_a_batch_that_crashed_while_it_ended_is_ended(checkpoint: Callable[[], Checkpoint]) -> None:
    first = checkpoint()
    first.claim(MINE)
    first.write(OUTCOMES)
    write(first.results)
    [part] = [place for place in first.folder.iterdir() if place.name.startswith("part-")]
    content = part.read_bytes()
    first.end(MINE, SUMMARY)
    write(part, content)  # as if it had been killed before it was removed
    assert checkpoint().claim(MINE) == SUMMARY


def test_storage_that_fails_is_said_with_the_place(store: ObjectStore) -> None:
    mine = Checkpoint(resolve("s3://stub@bucket/r.csv"))
    mine.claim(MINE)
    store.fail_at = 1
    with pytest.raises(StorageError, match=r"Writing to s3://stub@bucket/r\.csv\.parts: ConnectionError"):
        mine.write(OUTCOMES)
    mine.write(OUTCOMES)
    assert list(mine.outcomes()) == OUTCOMES


def test_what_a_part_holds_is_json_lines(tmp_path: Path) -> None:
    checkpoint = Checkpoint(tmp_path / "r.csv")
    checkpoint.claim(MINE)
    checkpoint.write(OUTCOMES)
    [part] = checkpoint.folder.glob("part-*")
    lines: list[Any] = [json.loads(line) for line in part.read_text().splitlines()]
    assert lines[0] == {"number": 1, "picture_id": "id_1", "failure": None}
    assert lines[1]["failure"]["message"] == BUSY.message
