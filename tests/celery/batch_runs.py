"""Runs of the example DAG `nightly_batch`, and what the service and the results say of them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.support.airflow_database import Run
from tests.support.celery_stack import CeleryStack
from tests.support.servers import Service

UPLOAD = "upload"


@dataclass(frozen=True)
class AcceptedUpload:
    """An upload that the service took.

    :param at: when, in seconds.
    :param picture_id: the id that it gave.
    :param url: the picture.
    """

    at: float
    picture_id: str
    url: str


@dataclass(frozen=True)
class Shares:
    """What several workers did while all of them were at work.

    :param seconds: how long that was.
    :param uploads: how many uploads were accepted of each.
    """

    seconds: float
    uploads: Mapping[str, int]

    @property
    def rate(self) -> float:
        """Uploads a second, of all together."""
        return sum(self.uploads.values()) / self.seconds

    def of(self, worker: str) -> float:
        """Return a worker's part of them all, between 0 and 1."""
        return self.uploads[worker] / sum(self.uploads.values())


class BatchRun:
    """A manifest and its run.

    :param airflow: where it runs.
    :param service: where its pictures go.
    :param folder: where its files lie; its name makes the pictures' URLs the batch_run's own.
    :param rows: how many pictures.
    :param parts: into how many parts the manifest is split.
    """

    def __init__(self, airflow: CeleryStack, service: Service, folder: Path, *, rows: int, parts: int) -> None:
        self._service = service
        self._results = folder / "batch_run.results.csv"
        self._parts = folder / "parts"
        self._taken_before = service.accepted()
        self.pictures = {f"campaign-{row}": f"https://{folder.name}.example/{row}.jpg" for row in range(rows)}
        manifest = folder / "batch_run.csv"
        with manifest.open("w", newline="") as file:
            csv.writer(file).writerows([("name", "big_picture_url"), *self.pictures.items()])
        conf = {
            "manifest": str(manifest),
            "folder": str(self._parts),
            "results": str(self._results),
            "parts": parts,
        }
        self.run: Run = airflow.trigger("nightly_batch", conf)

    def accepted(self) -> int:
        """How many uploads the service has accepted."""
        return self._service.accepted() - self._taken_before

    def uploads(self) -> list[AcceptedUpload]:
        """The uploads that the service took, the earliest first."""
        lines = self._service.journal.read_text().splitlines()[self._taken_before :]
        parts = (line.split(maxsplit=2) for line in lines)
        return [
            AcceptedUpload(float(at), picture_id, json.loads(body)["big_picture_url"]) for at, picture_id, body in parts
        ]

    def results(self) -> list[dict[str, str]]:
        """The rows of the merged results."""
        with self._results.open(newline="") as file:
            return list(csv.DictReader(file))

    def problems(self) -> list[str]:
        """What is wrong with the merged results: for each row of the manifest, one with an id of its picture."""
        given: dict[str, set[str]] = {}
        for upload in self.uploads():
            given.setdefault(upload.url, set()).add(upload.picture_id)
        results = self.results()
        found = [] if [row["name"] for row in results] == list(self.pictures) else ["other rows, or in another order"]
        return found + [
            f"{row['name']}: {row['state']} {row['big_picture_id']}"
            for row in results
            if row["state"] != "uploaded"
            or row["big_picture_id"] not in given.get(self.pictures.get(row["name"], ""), ())
        ]

    def shares(self, workers: Mapping[int, str]) -> Shares:
        """What workers did while all of them were at work.

        :param workers: who uploaded each part, by map index.
        """
        worker_of = {
            row["big_picture_url"]: workers[index]
            for index, part in enumerate(sorted(self._parts.glob("*[0-9].csv")))
            for row in csv.DictReader(part.open(newline=""))
        }
        uploads = self.uploads()
        times: dict[str, list[float]] = {}
        for upload in uploads:
            times.setdefault(worker_of[upload.url], []).append(upload.at)
        begin, end = max(each[0] for each in times.values()), min(each[-1] for each in times.values())
        counts = Counter(worker_of[upload.url] for upload in uploads if begin <= upload.at < end)
        return Shares(end - begin, counts)
