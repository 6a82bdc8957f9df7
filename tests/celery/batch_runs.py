"""Runs of the example DAG `nightly_batch`, compared with the service's journal and the results."""

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
    """An upload that the service accepted."""

    at: float
    picture_id: str
    url: str


@dataclass(frozen=True)
class Shares:
    """Accepted uploads by worker, in the period in which all workers were active."""

    seconds: float
    uploads: Mapping[str, int]

    @property
    def rate(self) -> float:
        return sum(self.uploads.values()) / self.seconds

    def of(self, worker: str) -> float:
        return self.uploads[worker] / sum(self.uploads.values())


class BatchRun:
    """A manifest and its run."""

    def __init__(self, airflow: CeleryStack, service: Service, folder: Path, *, rows: int, parts: int) -> None:
        self._service = service
        self._parts = folder / "parts"
        self._accepted_before = service.taken()
        self.pictures = {f"campaign-{row}": f"https://{folder.name}.example/{row}.jpg" for row in range(rows)}
        manifest = folder / "manifest.csv"
        with manifest.open("w", newline="") as file:
            csv.writer(file).writerows([("name", "big_picture_url"), *self.pictures.items()])
        conf = {"manifest": str(manifest), "folder": str(self._parts), "parts": parts}
        self.run: Run = airflow.trigger("nightly_batch", conf)

    def accepted(self) -> int:
        return self._service.taken() - self._accepted_before

    def uploads(self) -> list[AcceptedUpload]:
        lines = self._service.journal.read_text().splitlines()[self._accepted_before :]
        parts = (line.split(maxsplit=2) for line in lines)
        return [
            AcceptedUpload(float(at), picture_id, json.loads(body)["big_picture_url"]) for at, picture_id, body in parts
        ]

    def results(self) -> list[dict[str, str]]:
        with next(self._parts.glob("*/results.csv")).open(newline="") as file:
            return list(csv.DictReader(file))

    def problems(self) -> list[str]:
        """Return the problems of the results. Each row of the manifest needs one row with an id of its picture."""
        ids: dict[str, set[str]] = {}
        for upload in self.uploads():
            ids.setdefault(upload.url, set()).add(upload.picture_id)
        results = self.results()
        found = [] if [row["name"] for row in results] == list(self.pictures) else ["the rows differ from the manifest"]
        return found + [
            f"{row['name']}: {row['state']} {row['big_picture_id']}"
            for row in results
            if row["state"] != "uploaded"
            or row["big_picture_id"] not in ids.get(self.pictures.get(row["name"], ""), ())
        ]

    def shares(self, workers: Mapping[int, str]) -> Shares:
        """Return the shares of the workers in the period in which all were active.

        :param workers: the worker of each part, by map index.
        """
        worker_of = {
            row["big_picture_url"]: workers[index]
            for index, part in enumerate(sorted(self._parts.glob("*/*[0-9].csv")))
            for row in csv.DictReader(part.open(newline=""))
        }
        uploads = self.uploads()
        times: dict[str, list[float]] = {}
        for upload in uploads:
            times.setdefault(worker_of[upload.url], []).append(upload.at)
        start, end = max(each[0] for each in times.values()), min(each[-1] for each in times.values())
        counts = Counter(worker_of[upload.url] for upload in uploads if start <= upload.at < end)
        return Shares(end - start, counts)
