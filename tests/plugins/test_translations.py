from __future__ import annotations

import re

import pytest

from airflow_provider_oppo_image.pictures.report import ABSENT_CODES, WARNING_CODES, WRONG_CODES
from airflow_provider_oppo_image.plugins.translations import CHINESE, ENGLISH, translation_for


def fields(text: str) -> set[str]:
    return set(re.findall(r"{(\w+)}", text))


def test_both_languages_have_the_same_messages_and_fields() -> None:
    assert {name: fields(text) for name, text in ENGLISH.messages.items()} == {
        name: fields(text) for name, text in CHINESE.messages.items()
    }
    assert ENGLISH.problems.keys() == CHINESE.problems.keys()


@pytest.mark.parametrize("code", [*ABSENT_CODES, *WRONG_CODES, *WARNING_CODES])
def test_problem_codes_have_heading_and_advice(code: str) -> None:
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
def test_translation_for_accept_language(header: str, tag: str) -> None:
    assert translation_for(header).tag == tag
