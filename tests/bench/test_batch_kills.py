from __future__ import annotations

from pathlib import Path

import pytest

from airflow_provider_oppo_image.batch.row_result import COLUMN_NAMES
from bench.batch_kills import Damage, KillableBatch
from bench.runs import pictures

HEADER = ",".join(COLUMN_NAMES) + "\n"
GOOD = [f"{at + 2},campaign {at},uploaded,id_{at},,,,,{url},\n" for at, url in enumerate(pictures(3))]
UPLOADS = [f'1.0000 id_{at} {{"big_picture_url": "{url}"}}\n' for at, url in enumerate(pictures(3))]


@pytest.mark.parametrize(
    ("rows", "uploads", "damage"),
    [
        (GOOD, UPLOADS, Damage(0, 0)),
        (GOOD, [*UPLOADS, *UPLOADS[:2], UPLOADS[0]], Damage(0, 3)),
        (GOOD[:2], UPLOADS, Damage(1, 0)),
        ([*GOOD, GOOD[0]], UPLOADS, Damage(1, 0)),
        (GOOD[::-1], UPLOADS, Damage(2, 0)),
        ([*GOOD[:2], GOOD[2].replace("id_2", "id_1")], UPLOADS, Damage(1, 0)),
        ([*GOOD[:2], GOOD[2].replace("uploaded", "not tried")], UPLOADS, Damage(1, 0)),
        (GOOD, UPLOADS[:2], Damage(1, 0)),
        ([], UPLOADS, Damage(3, 0)),
    ],
)
def test_damage_counts_lost_rows_and_repeats(
    tmp_path: Path, rows: list[str], uploads: list[str], damage: Damage
) -> None:
    (tmp_path / "results.csv").write_text(HEADER + "".join(rows))
    (tmp_path / "journal").write_text("".join(uploads))
    assert KillableBatch(tmp_path, 3, "").damage() == damage
