from __future__ import annotations

import re

import pytest

from airflow_provider_oppo_image.pictures.report import ABSENT_CODES, WARNING_CODES, WRONG_CODES
from airflow_provider_oppo_image.plugins.words import CHINESE, ENGLISH, words_for


def places(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def test_both_languages_have_the_same_texts_with_the_same_places() -> None:
    assert {name: places(text) for name, text in ENGLISH.texts.items()} == {
        name: places(text) for name, text in CHINESE.texts.items()
    }
    assert ENGLISH.problems.keys() == CHINESE.problems.keys()


@pytest.mark.parametrize("code", [*ABSENT_CODES, *WRONG_CODES, *WARNING_CODES])
def test_each_code_of_the_check_has_a_name_and_in_chinese_says_what_to_do(code: str) -> None:
    assert ENGLISH.heading(code) != code
    assert CHINESE.advice(code, "") != ""
    assert ENGLISH.advice(code, "Export it.") == "Export it."


@pytest.mark.parametrize(
    ("header", "tag"),
    [
        ("", "en"),
        ("de", "en"),
        ("zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"),
        ("en-GB,zh;q=0.9", "en"),
        ("en;q=0.1, zh-TW;q=0.5", "zh-CN"),
        ("fr,zh", "zh-CN"),
        ("zh;q=rubbish,en", "en"),
    ],
)
def test_the_browsers_first_language_is_spoken(header: str, tag: str) -> None:
    assert words_for(header).tag == tag
