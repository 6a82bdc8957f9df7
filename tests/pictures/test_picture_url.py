from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.net.redaction import MAX_URL
from airflow_provider_oppo_image.pictures.picture_url import url_problem
from tests.support.addresses import SPELLINGS


def code(url: object, **options: bool) -> str | None:
    problem = url_problem(url, **options)
    return problem.code if problem else None


@pytest.mark.parametrize(
    "url",
    [
        "https://cdn.example.com/big.png",
        "HTTPS://CDN.example.com:8443/big.png?hmac=abc&x=%20#top",
        "http://cdn.example.com.",
        "https://bücher.example/größe.png",
        "https://xn--bcher-kva.example/@2x.png",
        "https://my_bucket.example.com/a",
        "https://1.1.1.1/a.png",
        "https://[2606:4700::1111]/a.png",
        "https://host.example/".ljust(MAX_URL, "a"),
        "https://0x.example/",
        "https://123.example/",
    ],
)
def test_a_pictures_url_may_be_asked(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    "url",
    [
        None, "", "   ", "None", "null", "big.png", "/home/big.png", "cdn.example.com/big.png", "{{ params.url }}",
        "ftp://host.example/a.png", "file:///etc/passwd", "data:image/png;base64,AAAA", "javascript:alert(1)",
        "gopher://host.example/", "http:", "http://", "http:///a.png", "https://?x", "http://[::1", "http://a..b/", "http://127.0.0.1../",
        "http://.example/", "http://" + "a" * 64 + ".example/", "http://" + "a." * 150 + "example/",
        "http://host.example:0/", "http://host.example:99999/", "http://host.example:port/",
        "https://host.example/my picture.png", " https://host.example/a.png", "https://host.example/a.png\n",
        "https://host.example/\x00", "https://host.example\\@other.example/", "https://host.example/\u2028",
        "https://host.example/".ljust(MAX_URL + 1, "a"), 7, b"https://host.example/", ["https://host.example/"],
    ],
)  # fmt: skip
def test_what_is_no_pictures_url_is_named_so(url: object) -> None:
    assert code(url) == "bad_url"


@pytest.mark.parametrize(
    "url",
    ["https://user:secret@host.example/a.png", "https://user@host.example/", "http://:secret@127.0.0.1/", "http://@a/"],
)
def test_credentials_are_refused_and_not_repeated(url: str) -> None:
    problem = url_problem(url)
    assert problem
    assert problem.code == "credentials_in_url"
    assert "secret" not in str(problem)


@pytest.mark.parametrize(
    "host", [*SPELLINGS, "169.254.169.254", "[fd00:ec2::254]", "0.0.0.0", "[::]", "224.0.0.1", "[::ffff:7f00:1]"]
)
@pytest.mark.parametrize("allow", [False, True])
def test_addresses_in_odd_spellings_and_special_ones_are_refused(host: str, allow: bool) -> None:
    assert code(f"http://{host}/", allow_private_addresses=allow) == "address_refused"


@pytest.mark.parametrize("host", ["127.0.0.1", "10.0.0.1", "[::1]", "192.168.0.1:8080"])
def test_private_addresses_need_permission(host: str) -> None:
    assert code(f"http://{host}/") == "address_refused"
    assert code(f"http://{host}/", allow_private_addresses=True) is None


@given(st.one_of(st.text(), st.text().map("http://".__add__), st.text().map(lambda text: f"https://{text}@host/")))
def test_any_text_is_judged_and_never_repeated_in_full(text: str) -> None:
    problem = url_problem(text)
    if problem and len(text) > 60:
        assert text not in str(problem)
