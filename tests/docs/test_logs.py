"""The logs that `read-the-logs` shows are those that tasks write."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.operators.oppo_image import (
    OppoImageBatchUploadOperator,
    OppoImagePushOperator,
    OppoImageUploadOperator,
)
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor
from tests.docs.pages import blocks
from tests.support import artwork
from tests.support.picture_host import PictureHost
from tests.support.tasks import make_context

SHOWN = {
    block.comment.removeprefix("log: "): block.text for block in blocks("text") if block.comment.startswith("log: ")
}
PLACE = "docs/how-to/read-the-logs.md"
ANY = {
    r"request id [0-9a-f]{32}": "request id of the body",
    r"\d[\d,]* bytes": "N bytes",
    r"\b\d+_[0-9a-f]{24}\b": "PICTURE",
    r"\b118\d{4}\b": "MESSAGE",
    r"\b[0-9a-f]{40}\b": "CID",
}
"""Text that differs between runs or between versions of Pillow."""
MESSAGE = {"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Today only"}}}}

Run = Callable[[], Any]


def wrong_picture(cdn: str, _: Path) -> Run:
    operator = OppoImageUploadOperator(task_id="upload", big_picture_url=f"{cdn}/spring/big.jpg?signature")
    return lambda: operator.execute(make_context())


def late_picture(cdn: str, _: Path) -> Run:
    operator = OppoImageSensor(task_id="wait", big_picture_url=f"{cdn}/summer/big.jpg", deferrable=True, timeout=3600)

    def wait_and_come_back() -> None:
        look = operator._poll()
        assert look
        operator.execute_complete(make_context(), {"status": "timeout", "result": look.to_xcom()})

    return wait_and_come_back


def campaign(cdn: str, _: Path) -> Run:
    def upload_and_push() -> None:
        ids = OppoImageUploadOperator(
            task_id="upload", big_picture_url=f"{cdn}/autumn/big.jpg", small_picture_url=f"{cdn}/autumn/small.png"
        ).execute(make_context())
        OppoImagePushOperator(task_id="push", message=MESSAGE, **ids).execute(make_context())

    return upload_and_push


def batch(cdn: str, folder: Path) -> Run:
    manifest = folder / "night.csv"
    manifest.write_text(f"name,big_picture_url\nautumn,{cdn}/autumn/big.jpg\nspring,{cdn}/spring/big.jpg\n")
    operator = OppoImageBatchUploadOperator(task_id="batch", manifest=str(manifest))
    return lambda: operator.execute(make_context())


SCENES: dict[str, Callable[[str, Path], Run]] = {
    "a wrong picture": wrong_picture,
    "a picture that is late": late_picture,
    "a campaign": campaign,
    "a batch": batch,
}


@pytest.fixture
def _by_the_standard_library(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have tasks and hooks log as modules do, on both Airflows."""
    for cls in (OppoImageUploadOperator, OppoImageHook):
        owner = next(base for base in cls.__mro__ if "log" in vars(base))
        monkeypatch.setattr(owner, "log", logging.getLogger("task"))


def plain(text: str) -> str:
    for pattern, word in ANY.items():
        text = re.sub(pattern, word, text)
    return text


@pytest.mark.parametrize("name", SCENES)
@pytest.mark.usefixtures("connect", "_by_the_standard_library")
def test_task_log_matches_page(name: str, host: PictureHost, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    host.serve("/spring/big.jpg", artwork.jpeg(876, 324))
    host.serve("/autumn/big.jpg", artwork.good("big", "JPEG"))
    host.serve("/autumn/small.png", artwork.good("small"))
    run = SCENES[name](host.base_url, tmp_path)
    caplog.clear()
    last = None
    try:
        run()
    except Exception as error:  # noqa: BLE001 - as Airflow prints it
        last = f"{type(error).__name__}: {error}"
    lines = [f"{record.levelname} - {record.getMessage()}" for record in caplog.records if not of_others(record)]
    written = "\n".join([*sorted_uploads(lines), *([last] if last else [])]) + "\n"
    written = written.replace(host.base_url, "https://cdn.example.com").replace(str(tmp_path), "~")
    assert plain(written) == plain(SHOWN[name]), f"{PLACE} is to show:\n{written}"


def of_others(record: logging.LogRecord) -> bool:
    """Airflow's own, such as its warning that nobody but itself calls tasks."""
    return "/airflow_provider_oppo_image/" not in record.pathname


def sorted_uploads(lines: list[str]) -> list[str]:
    """Two pictures are uploaded side by side: the big one's line first."""
    return sorted(lines, key=lambda line: (0, line) if "Uploaded the" in line else (1, ""))


def test_page_shows_only_written_logs() -> None:
    assert SHOWN.keys() == SCENES.keys()
