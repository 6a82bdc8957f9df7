"""Where the service is: any host, port and schema make a clean URL, or are refused in words."""

from __future__ import annotations

import ipaddress
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from airflow_provider_oppo_image.connection import base_url
from airflow_provider_oppo_image.contract import DATA_CENTERS
from airflow_provider_oppo_image.errors import ConfigurationError


def url(host: str | None = None, port: int | None = None, schema: str | None = None, **allow: Any) -> str:
    return base_url(host, port, schema, "singapore", **allow)


@pytest.mark.parametrize(
    ("host", "port", "schema", "expected"),
    [
        (None, None, None, "https://pushapi-sgp.engagelab.com"),
        ("", 0, "", "https://pushapi-sgp.engagelab.com"),
        ("  ", 9, "http", "https://pushapi-sgp.engagelab.com"),
        ("push.api.engagelab.cc", None, None, "https://push.api.engagelab.cc"),
        ("https://push.api.engagelab.cc/", None, None, "https://push.api.engagelab.cc"),
        ("HTTPS://Push.API.EngageLab.cc", None, None, "https://push.api.engagelab.cc"),
        ("a.example", 443, None, "https://a.example"),
        ("a.example", 8443, "HTTPS", "https://a.example:8443"),
        ("a.example:9000", 8443, None, "https://a.example:9000"),
        ("a.example:0", 8443, None, "https://a.example:8443"),
        ("https://a.example", None, "http", "https://a.example"),
        ("a.example.", None, None, "https://a.example."),
        ("localhost", 8080, "http", "http://localhost:8080"),
        ("http://127.0.0.1:80", None, None, "http://127.0.0.1"),
        ("http://127.9.9.9", 8080, None, "http://127.9.9.9:8080"),
        ("http://[::1]:8080", None, None, "http://[::1]:8080"),
        ("::1", 8080, "http", "http://[::1]:8080"),
        ("2001:db8::1", None, None, "https://[2001:db8::1]"),
    ],
)
def test_a_host_makes_a_base_url(host: str | None, port: int | None, schema: str | None, expected: str) -> None:
    assert url(host, port, schema) == expected


@pytest.mark.parametrize(
    "host",
    ["https://", "://a", "ftp://a.example", "a b", "a\nb", "https://a.example/v4", "a.example?x=1", "a.example#x",
     "https://key:hunter2@a.example", "hunter2@a.example", "a.example:port", "a.example:-1", "a.example:999999",
     "a..b", ".a", "-a.example", "a-.example", "x" * 64, ".".join(["x" * 60] * 5), "exämple.com", "[::1",
     "[fe80::1%lo]", "fe80::1%eth0", "1:2:3", "a\\b", "https://https://a", "a%2eb"],
)  # fmt: skip
def test_what_is_no_host_is_refused_and_not_repeated(host: str) -> None:
    with pytest.raises(ConfigurationError, match="no host name or address") as caught:
        url(host)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("schema", ["ftp", "https://evil.example/?", "httpss"])
def test_another_scheme_is_refused(schema: str) -> None:
    with pytest.raises(ConfigurationError, match="schema must be https, http or empty"):
        url("a.example", schema=schema)


@pytest.mark.parametrize("port", [-1, 65_536])
def test_a_port_that_there_cannot_be_is_refused(port: int) -> None:
    with pytest.raises(ConfigurationError, match="port must be a number from 1 to 65535"):
        url("a.example", port)


@pytest.mark.parametrize("host", ["a.example", "10.0.0.1", "localhost.example.com", "128.0.0.1", "[2001:db8::1]"])
def test_plain_http_shows_the_secret_to_no_network_unless_allowed(host: str) -> None:
    with pytest.raises(ConfigurationError, match="plain http"):
        url(host, schema="http")
    with pytest.raises(ConfigurationError, match="plain http"):
        url(f"http://{host}")
    assert url(host, schema="http", allow_plain_http=True) == f"http://{host}"


hosts = st.text() | st.from_regex(r"(https?://)?[a-z0-9.:@/?#\[\]%_-]{1,30}(:[0-9]{1,6})?/?", fullmatch=True)
ports = st.none() | st.integers(-70_000, 140_000)
schemas = st.none() | st.text() | st.sampled_from(["http", "https", "HTTP", " https "])


@given(hosts, ports, schemas, st.booleans())
@example("https://a.example:443@evil.example", None, None, False)
@example("http://localhost@evil.example", None, None, False)
@example("127.0.0.1.evil.example", None, "http", False)
@example("evil.example", None, "http://localhost/?", False)
def test_any_host_makes_a_clean_url_or_is_refused(host: str, port: int | None, schema: str | None, allow: bool) -> None:
    try:
        made = url(host, port, schema, allow_plain_http=allow)
    except ConfigurationError:
        return
    parts = urlsplit(made)
    name = parts.hostname or ""
    assert made == f"{parts.scheme}://{parts.netloc}"
    assert made.isascii()
    assert parts.scheme in ("http", "https")
    assert parts.username is None
    assert parts.port is None or 1 <= parts.port <= 65_535
    if host.strip():
        asked = host.strip().lower()
        assert name in asked or ipaddress.ip_address(name) == ipaddress.ip_address(asked.split("[")[-1].split("]")[0])
    else:
        assert made in DATA_CENTERS.values()
    if parts.scheme == "http" and not allow:
        assert name == "localhost" or ipaddress.ip_address(name).is_loopback
