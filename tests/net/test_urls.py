from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.net.redaction import MAX_URL, NOT_A_URL
from airflow_provider_oppo_image.net.urls import PictureUrl
from tests.support.addresses import SPELLINGS


def code(url: object) -> str | None:
    error = PictureUrl.parse(url).error
    return error.code if error else None


@pytest.mark.parametrize(
    "url",
    ["https://cdn.example.com/big.png", "HTTPS://CDN.example.com:8443/big.png?hmac=abc&x=%20#top",
     "http://cdn.example.com.", "https://bücher.example/größe.png", "https://xn--bcher-kva.example/@2x.png",
     "https://my_bucket.example.com/a", "https://1.1.1.1/a.png", "https://[2606:4700::1111]/a.png",
     "https://host.example/".ljust(MAX_URL, "a"), "https://0x.example/", "https://123.example/"],
)  # fmt: skip
def test_parse_accepts_http_and_https_urls(url: str) -> None:
    parsed = PictureUrl.parse(url)
    assert (parsed.full, parsed.error, parsed.is_private) == (url, None, False)


@pytest.mark.parametrize(
    "url",
    [
        None, "", "   ", "None", "null", "big.png", "/home/big.png", "cdn.example.com/big.png", "{{ params.url }}",
        "ftp://host.example/a.png", "file:///etc/passwd", "data:image/png;base64,AAAA", "javascript:alert(1)",
        "gopher://host.example/", "http:", "http://", "http:///a.png", "https://?x", "http://[::1", "http://a..b/", "http://127.0.0.1../",
        "http://.example/", "http://" + "a" * 64 + ".example/", "http://" + "a." * 150 + "example/",
        "http://host.example:0/", "http://host.example:99999/", "http://host.example:port/",
        "https://host.example/my picture.png", "https://host.example/\x00", "https://host.example\\@other.example/", "https://host.example/\u2028a",
        "https://host.example/".ljust(MAX_URL + 1, "a"), 7, b"https://host.example/", ["https://host.example/"],
    ],
)  # fmt: skip
def test_parse_rejects_other_values(url: object) -> None:
    assert code(url) == "bad_url"


def test_parse_strips_blanks_and_line_breaks() -> None:
    assert PictureUrl.parse("\r\n  https://host.example/a.png\t\n") == PictureUrl.parse("https://host.example/a.png")


@pytest.mark.parametrize(
    "url",
    ["https://user:secret@host.example/a.png", "https://user@host.example/", "http://:secret@127.0.0.1/", "http://@a/"],
)
def test_parse_rejects_and_hides_credentials(url: str) -> None:
    assert code(url) == "credentials_in_url"
    assert "secret" not in repr(PictureUrl.parse(url))


@pytest.mark.parametrize(
    "host", [*SPELLINGS, "169.254.169.254", "[fd00:ec2::254]", "0.0.0.0", "[::]", "224.0.0.1", "[::ffff:7f00:1]"]
)
def test_parse_rejects_special_addresses_in_any_spelling(host: str) -> None:
    assert code(f"http://{host}/") == "address_refused"


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "[::1]", "192.168.0.1:8080"])
def test_parse_marks_private_addresses(host: str) -> None:
    parsed = PictureUrl.parse(f"http://{host}/")
    assert (parsed.error, parsed.is_private) == (None, True)


@pytest.mark.parametrize(
    ("url", "host"),
    [("https://cdn.example.com/a.png", "cdn.example.com"),
     ("http://CDN.example.com.:8080/b.png?x=1", "cdn.example.com"),
     ("https://user@cdn.example.com/", "cdn.example.com"), ("http://[::1]:80/", "::1"), ("http://[::1", ""),
     ("not a URL", ""), ("", "")],
)  # fmt: skip
def test_host_is_normalized(url: str, host: str) -> None:
    assert PictureUrl.parse(url).host == host


def test_text_forms_are_redacted() -> None:
    url = PictureUrl.parse("https://cdn.example.com/a.png?signature=s3cret#top")
    assert str(url) == url.redacted == "https://cdn.example.com/a.png?…"
    assert "s3cret" not in repr(url)
    assert str(PictureUrl.parse("s3cret")) == NOT_A_URL


def test_parse_returns_a_parsed_url_unchanged() -> None:
    url = PictureUrl.parse("https://cdn.example.com/a.png")
    assert PictureUrl.parse(url) is url
    assert url == dataclasses.replace(url, host="ignored") != PictureUrl.parse("https://cdn.example.com/b.png")


@given(st.one_of(st.text(), st.text().map("http://".__add__), st.text().map(lambda text: f"https://{text}@host/")))
def test_error_never_repeats_whole_text(text: str) -> None:
    error = PictureUrl.parse(text).error
    if error and len(text) > 60:
        assert text not in error.found
