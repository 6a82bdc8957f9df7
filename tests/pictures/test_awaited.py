from __future__ import annotations

from collections import UserList
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.contract import PICTURE_KINDS
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.pictures.polling import ExpectedPicture, parse_pictures

BIG = ExpectedPicture("big", "https://h/b.png")
SMALL = ExpectedPicture("small", "https://h/s.png")


def test_one_url_is_enough() -> None:
    assert parse_pictures(big_picture_url=BIG.url) == [BIG]
    assert parse_pictures(small_picture_url=SMALL.url) == [SMALL]


def test_both_ways_of_naming_pictures_go_together_in_order() -> None:
    entries = [{"name": "spring", "big_picture_url": "https://h/1"}, {"small_picture_url": "https://h/2"}]
    assert parse_pictures(BIG.url, SMALL.url, entries) == [
        BIG,
        SMALL,
        ExpectedPicture("big", "https://h/1", "spring"),
        ExpectedPicture("small", "https://h/2"),
    ]


def test_an_entry_may_hold_both_pictures_of_a_campaign() -> None:
    entry = {"name": "spring", "big_picture_url": "https://h/1", "small_picture_url": "https://h/2"}
    assert [(picture.kind, picture.name) for picture in parse_pictures(pictures=[entry])] == [
        ("big", "spring"),
        ("small", "spring"),
    ]


@pytest.mark.parametrize("nothing", [None, "", " ", "None", "null"])
def test_what_a_template_makes_of_nothing_is_nothing(nothing: str | None) -> None:
    entry = {"name": nothing, "big_picture_url": nothing, "small_picture_url": SMALL.url}
    assert parse_pictures(nothing, nothing, [entry]) == [SMALL]
    assert parse_pictures(BIG.url, nothing, nothing) == [BIG]


def test_any_sequence_of_mappings_will_do() -> None:
    assert parse_pictures(pictures=UserList([{"big_picture_url": BIG.url}])) == [BIG]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, "no picture to wait for"),
        ({"pictures": []}, "no picture to wait for"),
        ({"big_picture_url": 7}, "big_picture_url of this task is of type int"),
        ({"pictures": "[{'big_picture_url': 'https://h'}]"}, "render_template_as_native_obj"),
        ({"pictures": {"big_picture_url": "https://h"}}, "must be a list"),
        ({"pictures": 7}, "must be a list"),
        ({"pictures": ["https://h"]}, "entry 1 of `pictures` is of type str"),
        ({"pictures": [{"big_picture_url": "https://h"}, {"name": "spring"}]}, "entry 2 of `pictures` has no URL"),
        ({"pictures": [{"big_url": "https://h"}]}, "mean nothing here: big_url"),
        ({"pictures": [{"small_picture_url": b"x"}]}, "small_picture_url of entry 1 of `pictures` is of type bytes"),
    ],
)
def test_what_names_no_picture_is_refused_in_words(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        parse_pictures(**arguments)


names = st.none() | st.text(min_size=1).filter(lambda text: text.strip() not in ("", "None", "null"))


@given(st.builds(ExpectedPicture, st.sampled_from(PICTURE_KINDS), st.just("https://h/p?x=1"), names))
def test_an_entry_is_read_back_as_the_picture_it_was_made_of(picture: ExpectedPicture) -> None:
    assert parse_pictures(pictures=[picture.to_entry()]) == [picture]
