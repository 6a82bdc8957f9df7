from __future__ import annotations

import json
from string import Template
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.push_template import MessageTemplate
from airflow_provider_oppo_image.errors import ConfigurationError

TEXTS = st.text(st.characters(exclude_characters="$", exclude_categories=["Cs"]))


@given(before=TEXTS, value=st.text(), after=TEXTS)
def test_fill_is_that_of_string_template(before: str, value: str, after: str) -> None:
    text = f"{before}${{name}}$${after}"
    filled = MessageTemplate({"to": "${name}", "body": {"texts": [text]}}).fill({"name": f"x{value}", "other": "y"})
    assert filled == {"to": f"x{value}", "body": {"texts": [Template(text).substitute(name=f"x{value}")]}}


@given(st.recursive(st.none() | st.integers() | TEXTS, lambda inner: st.lists(inner) | st.dictionaries(TEXTS, inner)))
def test_message_without_placeholders_is_unchanged(value: Any) -> None:
    assert MessageTemplate({"to": "all", "body": value}).fill({}) == {"to": "all", "body": value}


@pytest.mark.parametrize(("value", "text"), [(5, "5"), (None, ""), (True, "true"), ("${name}", "${name}")])
def test_values_are_text_and_are_not_filled_again(value: object, text: str) -> None:
    assert MessageTemplate({"to": "all", "body": "${客户 id}"}).fill({"客户 id": value})["body"] == text


@pytest.mark.parametrize(
    ("message", "words"),
    [
        ("{}", "must be an object"),
        ({"to": "all", "body": "only $5"}, r"write \$\$|Write \$\{column\}"),
        ({"to": "all", "body": {"options": {"cid": "mine"}}}, "has a cid"),
    ],
)
def test_invalid_message_is_refused(message: Any, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        MessageTemplate(message)


def test_unknown_column_is_named() -> None:
    template = MessageTemplate(json.loads('{"to": "${name}", "body": {"${ignored}": "${token}"}}'))
    assert template.columns == {"name", "token"}
    with pytest.raises(ConfigurationError, match=r"\$\{token\}, and line 7 has no such column"):
        template.check_columns(7, {"name": "spring"})


def test_empty_column_in_the_audience_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="The column name is empty"):
        MessageTemplate({"to": {"tag": ["${name}"]}, "body": {}}).fill({"name": " "})
