"""A secret in what the service says: whole, in part, escaped, and never shown."""

from __future__ import annotations

import html
import json
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.net.redaction import MASK, MIN_FRAGMENT, SecretRedactor

SECRET = 'a/b"ÿÿÿ&c+d'


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        r"a\/b" + '"ÿÿÿ&c+d',
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        quote(SECRET, safe=""),
        html.escape(SECRET),
    ],
)
def test_a_secret_is_known_as_json_urls_and_html_write_it(form: str) -> None:
    secrets = SecretRedactor(SECRET)
    assert secrets.redact(f"before [{form}] after") == f"before [{MASK}] after"
    assert secrets.contains_secret(f"before [{form}] after")


def test_of_a_secret_that_was_cut_off_nothing_is_left() -> None:
    secrets = SecretRedactor("hunter2hunter3hunter4")
    assert secrets.redact("it is hunter2hunter3") == f"it is {MASK}"
    assert secrets.redact("...er3hunter4.") == f"...{MASK}."


def test_a_text_may_hold_a_short_piece_of_a_secret_by_chance_and_no_long_one() -> None:
    secrets = SecretRedactor("hunter2hunter3hunter4", "s3cret")
    assert not secrets.contains_secret("1180001_hunter2hunter3")
    assert secrets.contains_secret("1180001_hunter2hunter3hu")
    assert secrets.contains_secret("1180001_s3cret")


@pytest.mark.parametrize("text", ["the hunter sent 2", "hunter2"])
def test_a_piece_that_is_too_short_to_be_one_stays(text: str) -> None:
    assert SecretRedactor("hunter2hunter2").redact(text) == text


def test_a_secret_that_is_shorter_than_a_piece_is_hidden_whole() -> None:
    assert SecretRedactor("s3cret").redact("s3cre 3cret s3cret") == f"s3cre 3cret {MASK}"


def test_two_secrets_side_by_side_are_hidden_once() -> None:
    assert SecretRedactor("first-secret", "other-secret").redact("first-secretother-secret!") == f"{MASK}!"


def test_the_quotes_around_a_secret_are_none_of_it() -> None:
    assert SecretRedactor("hunter2hunter2").redact('{"secret": "hunter2hunter2"}') == f'{{"secret": "{MASK}"}}'


def test_no_secret_is_hidden_nowhere() -> None:
    for none in (SecretRedactor(), SecretRedactor(""), SecretRedactor("", "")):
        assert none.redact("anything") == "anything"
        assert not none.contains_secret("anything")


def test_secrets_do_not_show_themselves() -> None:
    assert repr(SecretRedactor("hunter2hunter2")) == "Secrets(...)"


@given(st.text("KLMN/+=", min_size=1, max_size=40), st.text("klmn ", max_size=20), st.text("klmn ", max_size=20))
def test_what_stands_around_a_secret_stays(secret: str, before: str, after: str) -> None:
    assert SecretRedactor(secret).redact(before + secret + after) == before + MASK + after


@given(st.text("KLMN/+=", min_size=MIN_FRAGMENT, max_size=40), st.data())
def test_any_piece_of_a_secret_is_hidden(secret: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(secret) - MIN_FRAGMENT))
    end = data.draw(st.integers(start + MIN_FRAGMENT, len(secret)))
    assert SecretRedactor(secret).redact(f"a {secret[start:end]} b") == f"a {MASK} b"
