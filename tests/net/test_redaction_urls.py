from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.net.redaction import MAX_URL, NOT_A_URL, redact_url, strip_query


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://cdn.example.com/big.png", "https://cdn.example.com/big.png"),
        ("https://cdn.example.com/big.png?hmac=secret", "https://cdn.example.com/big.png?…"),
        ("https://cdn.example.com/big.png#secret", "https://cdn.example.com/big.png"),
        ("https://user:secret@cdn.example.com:8443/big.png", "https://cdn.example.com:8443/big.png"),
        ("https://user:sec@ret@cdn.example.com/", "https://cdn.example.com/"),
        ("ftp://user:secret@host/a?b", "ftp://host/a?…"),
        ("http://[2001:db8::1]:80/x", "http://[2001:db8::1]:80/x"),
    ],
)
def test_a_url_is_shown_without_what_may_be_secret(url: str, shown: str) -> None:
    assert redact_url(url) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "secret",
        "//user:secret@host/a",
        "http://",
        "http:///user:secret@host/",
        "http://[secret",
        "https://user:sec/ret@host/",
        "https://user:sec?ret@host/",
        "https://host/a\nb",
        "https://host/\x1b[31m",
        "https://host/" + "a" * MAX_URL,
    ],
)
def test_text_that_is_no_url_is_not_shown_at_all(text: str) -> None:
    assert redact_url(text) == NOT_A_URL


def test_the_longest_url_is_shown() -> None:
    url = "https://host/".ljust(MAX_URL, "a")
    assert redact_url(url) == url


@given(st.text())
def test_any_text_can_be_shown(text: str) -> None:
    assert redact_url(text).isprintable()


_SAFE = st.text(st.sampled_from("abcdefgh"), min_size=1)


@given(name=_SAFE, password=_SAFE, path=_SAFE, query=_SAFE)
def test_neither_password_nor_query_is_ever_shown(name: str, password: str, path: str, query: str) -> None:
    shown = redact_url(f"https://{name}:{password.upper()}@host.example/{path}?{query.upper()}#{query.upper()}")
    assert shown == f"https://host.example/{path}?…"


def test_a_bare_url_does_not_say_whether_it_had_a_query() -> None:
    assert strip_query("https://me:secret@host.example/a.png?signature=x#y") == strip_query(
        "https://host.example/a.png"
    )
