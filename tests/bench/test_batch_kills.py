from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_oppo_image.batch.results import COLUMN_NAMES
from bench.batch_kills import Night, Survival
from bench.runs import pictures

HEADER = ",".join(COLUMN_NAMES) + "\n"
RIGHT = [f"{at + 2},campaign {at},uploaded,id_{at},,,,,{url},\n" for at, url in enumerate(pictures(3))]
UPLOADS = [f'1.0000 id_{at} {{"big_picture_url": "{url}"}}\n' for at, url in enumerate(pictures(3))]


@pytest.mark.parametrize(
    ("rows", "uploads", "survival"),
    [
        (RIGHT, UPLOADS, Survival(0, 0)),
        (RIGHT, [*UPLOADS, *UPLOADS[:2], UPLOADS[0]], Survival(0, 3)),
        (RIGHT[:2], UPLOADS, Survival(1, 0)),
        ([*RIGHT, RIGHT[0]], UPLOADS, Survival(1, 0)),
        (RIGHT[::-1], UPLOADS, Survival(2, 0)),
        ([*RIGHT[:2], RIGHT[2].replace("id_2", "id_1")], UPLOADS, Survival(1, 0)),
        ([*RIGHT[:2], RIGHT[2].replace("uploaded", "not tried")], UPLOADS, Survival(1, 0)),
        (RIGHT, UPLOADS[:2], Survival(1, 0)),
        ([], UPLOADS, Survival(3, 0)),
    ],
)
def test_what_was_lost_and_what_was_done_twice_is_counted(
    tmp_path: Path, rows: list[str], uploads: list[str], survival: Survival
) -> None:
    (tmp_path / "night.results.csv").write_text(HEADER + "".join(rows))
    (tmp_path / "journal").write_text("".join(uploads))
    assert Night(tmp_path, 3, "").survival() == survival
