from __future__ import annotations

import datetime
from typing import Any

import pytest

from airflow_provider_oppo_image.contract import MAX_PICTURE_AGE, OLD_PICTURE_AGE
from airflow_provider_oppo_image.engagelab.push_pictures import PushPictures, check_max_age, judge_age
from airflow_provider_oppo_image.errors import ConfigurationError

NOW = datetime.datetime(2026, 11, 28, 20, tzinfo=datetime.UTC)
SECOND = datetime.timedelta(seconds=1)
DAY = datetime.timedelta(days=1)


@pytest.mark.parametrize(
    ("age", "max_age", "expected"),
    [
        (None, MAX_PICTURE_AGE, "taken"),
        (-DAY, MAX_PICTURE_AGE, "taken"),
        (OLD_PICTURE_AGE, MAX_PICTURE_AGE, "taken"),
        (OLD_PICTURE_AGE + SECOND, MAX_PICTURE_AGE, "warned"),
        (MAX_PICTURE_AGE, MAX_PICTURE_AGE, "warned"),
        (MAX_PICTURE_AGE + SECOND, MAX_PICTURE_AGE, "refused"),
        (900 * DAY, None, "warned"),
        (DAY + SECOND, DAY, "refused"),
        (26 * DAY, 40 * DAY, "warned"),
    ],
)
def test_age_of_ids(age: datetime.timedelta | None, max_age: datetime.timedelta | None, expected: str) -> None:
    try:
        found = "warned" if judge_age(None if age is None else NOW - age, max_age, NOW) else "taken"
    except ConfigurationError:
        found = "refused"
    assert found == expected


def test_refusal_of_old_ids_has_both_ages() -> None:
    with pytest.raises(ConfigurationError, match=r"31\.5 days ago.*max_picture_age is 30\.5 days"):
        judge_age(NOW - 31.5 * DAY, 30.5 * DAY, NOW)


@pytest.mark.parametrize("age", [-DAY, 0 * DAY, 5])
def test_maximum_age_must_be_positive(age: Any) -> None:
    with pytest.raises(ConfigurationError, match="positive timedelta"):
        check_max_age(age)


@pytest.mark.parametrize("blank", [None, "", "None"])
def test_blank_values_are_missing(blank: str | None) -> None:
    pictures = PushPictures.parse(blank, big_picture_id=blank, small_picture_id="s", uploaded_at=blank)  # type: ignore[arg-type]
    assert pictures == PushPictures({"small_picture_id": "s"})


def test_result_as_a_whole_is_the_same_as_its_parts() -> None:
    result = {"big_picture_id": "b", "small_picture_id": None, "uploaded_at": "2026-11-01T08:00:00+08:00"}
    pictures = PushPictures.parse(result)
    assert pictures == PushPictures.parse(**result)
    assert pictures.uploaded_at == datetime.datetime(2026, 11, 1, tzinfo=datetime.UTC)


@pytest.mark.parametrize(
    ("pictures", "others", "words"),
    [
        ([{"big_picture_id": "b"}], {}, "expand"),
        ("{'big_picture_id': 'b'}", {}, "render_template_as_native_obj"),
        ({"upload_at": "2026-11-01T08:00:00Z"}, {}, "unknown keys: upload_at"),
        ({"big_picture_id": "b"}, {"uploaded_at": "2026-11-01T08:00:00Z"}, "Give only one"),
        ({"uploaded_at": "2026-11-01T08:00:00"}, {}, "with a zone"),
    ],
)
def test_other_pictures_are_refused(pictures: Any, others: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        PushPictures.parse(pictures, **others)
