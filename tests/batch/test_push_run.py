from __future__ import annotations

import csv
import datetime
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image.batch.manifest import parse_rows
from airflow_provider_oppo_image.batch.push_run import PushBatchResult, run_push_batch
from airflow_provider_oppo_image.batch.push_work import GROUP_SIZE, PushBatch
from airflow_provider_oppo_image.batch.row_result import RowResult
from airflow_provider_oppo_image.engagelab.push_body import PushBody
from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter
from airflow_provider_oppo_image.errors import (
    AccountError,
    BatchError,
    ConfigurationError,
    NotSentError,
    OppoImageError,
    OutcomeUnknownError,
    RequestRefusedError,
)
from tests.support.push_batches import ACCOUNT, MESSAGE, make_older, uploaded

HOUR = datetime.timedelta(hours=1)


@dataclass
class FakePushes:
    """The service, which answers with an error for some audiences, and batches of pushes to it."""

    results: Path
    errors: dict[str, OppoImageError] = field(default_factory=dict)
    sent: list[tuple[str, str]] = field(default_factory=list)
    validated: int = 0

    def send(self, push: PushBody, until: datetime.datetime) -> str:
        [name] = push.body["to"]["tag"] if isinstance(push.body["to"], dict) else [push.body["to"]]
        if error := self.errors.get(name):
            raise error
        self.sent.append((name, push.cid))
        return f"m{len(self.sent)}"

    def validate(self, push: PushBody) -> None:
        self.validated += 1

    def run(
        self,
        rows: Iterable[RowResult] | int = 3,
        message: Any = MESSAGE,
        manifest: list[dict[str, Any]] | None = None,
        **options: Any,
    ) -> PushBatchResult:
        options = {"task": "a task", "threads": 4, "account": ACCOUNT} | options
        batch = PushBatch(self.send, self.validate, RateLimiter(AdaptiveRate(1e6)), **options)
        results = uploaded(rows) if isinstance(rows, int) else rows
        return run_push_batch(batch, message, results, manifest and parse_rows(manifest), self.pushes)

    @property
    def pushes(self) -> Path:
        return self.results.with_name("night.results.pushes.csv")

    @property
    def rows(self) -> list[dict[str, str]]:
        return list(csv.DictReader(self.pushes.open()))

    @property
    def states(self) -> list[str]:
        return [row["state"] for row in self.rows]


@pytest.fixture
def fake(tmp_path: Path) -> FakePushes:
    return FakePushes(tmp_path / "night.results.csv")


def test_results_have_message_ids_and_their_origin(fake: FakePushes) -> None:
    summary = fake.run().summary
    assert (summary.sent, summary.audiences, summary.results) == (3, 3, str(fake.pushes))
    assert sorted(row["msg_id"] for row in fake.rows) == ["m1", "m2", "m3"]
    assert {(row["account"], row["task"], len(row["manifest"])) for row in fake.rows} == {(ACCOUNT, "a task", 64)}
    assert sorted((row["name"], row["cid"]) for row in fake.rows) == sorted(fake.sent)
    assert {len(cid) for _, cid in fake.sent} == {40}


@pytest.mark.parametrize(
    ("message", "options", "words"),
    [
        ({**MESSAGE, "to": "all"}, {}, "`to` has no column"),
        ({**MESSAGE, "to": {"tag": ["${state}"]}}, {}, "is the same in all rows"),
        ({**MESSAGE, "to": "all"}, {"same_audience": True}, None),
    ],
)
def test_same_audience_is_refused(fake: FakePushes, message: Any, options: dict[str, bool], words: str | None) -> None:
    if words is None:
        assert fake.run(3, message, **options).summary.sent == 3
        return
    with pytest.raises(ConfigurationError, match=words):
        fake.run(3, message, **options)
    assert fake.run(1, message).summary.sent == 1, "one row has one audience"


def test_unknown_column_is_refused_before_the_first_push(fake: FakePushes) -> None:
    with pytest.raises(ConfigurationError, match=r"\$\{token\}"):
        fake.run(3, {**MESSAGE, "to": "${token}"})
    assert not fake.sent
    assert not fake.pushes.exists()


def test_manifest_columns_are_joined_by_name_and_picture(fake: FakePushes) -> None:
    url = "https://cdn.example.com/1.jpg"
    manifest = [
        {"name": "c2", "big_picture_url": f"{url}?signature", "token": "t2"},
        {"name": "c1", "big_picture_url": url, "token": "t1"},
        {"name": "c3", "big_picture_url": "https://cdn.example.com/another.jpg", "token": "t3"},
    ]
    end = fake.run(uploaded(4, big_picture_url=url), {**MESSAGE, "to": {"tag": ["${token}"]}}, manifest)
    assert sorted(name for name, _ in fake.sent) == ["t1", "t2"]
    assert fake.states == ["sent", "sent", "refused", "refused"]
    assert "The manifest has no row with this name" in str(end.error)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"state": "failed", "big_picture_id": None, "error_code": "51", "error": "no", "fault": "picture"}, "no"),
        ({"state": "not tried", "big_picture_id": None}, "not all its picture ids"),
        ({"account": "another https://service.example.com"}, "another AppKey"),
        ({"uploaded_at": "2020-01-01T00:00:00+00:00"}, "max_picture_age is 30 days"),
    ],
)
def test_rows_that_must_not_be_pushed_are_refused(fake: FakePushes, row: dict[str, Any], words: str) -> None:
    end = fake.run([*uploaded(1), *list(uploaded(2, **row))[1:]])
    assert fake.states == ["sent", "refused"]
    assert words in fake.rows[1]["error"]
    assert end.error is not None
    assert end.error.permanent
    assert [name for name, _ in fake.sent] == ["c1"]


def test_rows_without_pictures_can_be_pushed_as_text(fake: FakePushes) -> None:
    rows = uploaded(2, state="failed", big_picture_id=None)
    assert fake.run(rows, on_missing_picture="text").summary.sent == 2


def test_failed_rows_alone_are_pushed_again(fake: FakePushes) -> None:
    fake.errors = {
        "c1": NotSentError("unknown host"),
        "c2": OutcomeUnknownError("lost"),
        "c3": RequestRefusedError("no", http_status=400, code=21003),
    }
    end = fake.run(5)
    assert fake.states == ["refused", "unknown", "refused", "sent", "sent"]
    assert isinstance(end.error, BatchError)
    assert not end.error.permanent
    fake.errors = {}
    assert fake.run(5).error is None
    assert sorted(name for name, _ in fake.sent) == ["c1", "c2", "c3", "c4", "c5"]
    assert len({cid for _, cid in fake.sent}) == 5


@pytest.mark.parametrize("answer", ["fail", "send_again"])
def test_unknown_row_is_sent_again_only_on_request(fake: FakePushes, answer: str) -> None:
    fake.errors = {"c1": OutcomeUnknownError("lost")}
    fake.run(2, on_error="keep_going")
    make_older(fake.results, HOUR)
    fake.errors = {}
    end = fake.run(2, on_unknown_outcome=answer)
    assert fake.states == [("unknown" if answer == "fail" else "sent"), "sent"]
    assert (end.error is None) == (answer == "send_again")


def test_earlier_try_without_a_checkpoint_is_remembered(fake: FakePushes) -> None:
    since = datetime.datetime.now(datetime.UTC) - HOUR
    for earlier in (since, None):
        end = fake.run(2, earlier_since=earlier)
        assert (end.summary.unknown, fake.sent) == (2, [])


def test_changed_message_is_not_sent_to_rows_that_were_sent(fake: FakePushes) -> None:
    fake.run(2)
    end = fake.run(3, {**MESSAGE, "from": "push"})
    assert [name for name, _ in fake.sent][2:] == ["c3"]
    assert fake.states == ["sent"] * 3
    assert "Another message" in str(end.error)


@pytest.mark.parametrize(
    "change", [{"task": "another"}, {"account": "another https://service.example.com"}], ids=["task", "account"]
)
def test_pushes_of_another_batch_are_refused(fake: FakePushes, change: dict[str, str]) -> None:
    fake.run(2)
    with pytest.raises(ConfigurationError, match=r"belongs to another .* keep it"):
        fake.run(2, **change)


def test_damaged_record_is_refused(fake: FakePushes) -> None:
    fake.run(2)
    [part, *_] = Path(f"{fake.pushes}.parts").glob("part-*")
    part.write_text(part.read_text()[:-9])
    with pytest.raises(ConfigurationError, match="is damaged, so it is not known which pushes were sent"):
        fake.run(3)
    assert len(fake.sent) == 2


@pytest.mark.parametrize(
    ("options", "error", "words"),
    [
        ({"on_error": "fail_fast"}, RequestRefusedError("refused", http_status=400), "refused"),
        ({}, AccountError("wrong secret", http_status=401), "wrong secret"),
    ],
)
def test_batch_ends_early_and_is_continued(
    fake: FakePushes, options: dict[str, Any], error: OppoImageError, words: str
) -> None:
    count = 2 * GROUP_SIZE
    fake.errors = {f"c{number}": error for number in range(10, count)}
    end = fake.run(count, **options)
    assert words in str(end.error)
    assert end.summary.not_tried > GROUP_SIZE
    assert end.summary.unknown == 0, "rows whose record was written, but which were not sent, are known not to be sent"
    make_older(fake.results, HOUR)
    fake.errors = {}
    assert fake.run(count, **options).summary.sent == count == len(fake.sent)


def test_nothing_is_sent_after_not_after(fake: FakePushes) -> None:
    end = fake.run(2, not_after=datetime.datetime.now(datetime.UTC) - HOUR)
    assert "the latest time to send" in str(end.error)
    assert (fake.states, fake.sent) == (["not tried"] * 2, [])


def test_validate_only_sends_and_writes_nothing(fake: FakePushes) -> None:
    summary = fake.run(3, validate_only=True).summary
    assert (summary.valid, fake.validated, fake.sent) == (3, 3, [])
    assert list(fake.results.parent.iterdir()) == []


def test_records_are_written_before_the_requests(fake: FakePushes, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(push: PushBody, until: datetime.datetime) -> str:
        [part, *_] = Path(f"{fake.pushes}.parts").glob("part-*")
        records = [json.loads(line)["record"] for line in part.read_text().splitlines()[1:]]
        assert push.cid in {record["cid"] for record in records}
        return "m"

    monkeypatch.setattr(fake, "send", send)
    assert fake.run(3).error is None


def test_two_runs_at_a_time_are_not_possible(fake: FakePushes, monkeypatch: pytest.MonkeyPatch) -> None:
    def send(push: PushBody, until: datetime.datetime) -> str:
        with pytest.raises(BatchError, match="Another run is working on"):
            fake.run(1)
        return "m"

    monkeypatch.setattr(fake, "send", send)
    assert fake.run(1).error is None
