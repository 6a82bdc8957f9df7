"""Settings of the machine: one that does not work is a `ConfigurationError` that names the variable."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import ssl
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st
from urllib3.util import parse_url

from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.messages import Request
from airflow_provider_oppo_image.errors import ConfigurationError, failure_from
from airflow_provider_oppo_image.net.environment import CaBundle, proxy_for
from airflow_provider_oppo_image.pictures.check import check_picture
from tests.support.fault_server import FaultServer, answer, send

HTTPS = "https://cdn.example.com/big.png"


@pytest.fixture
def ca() -> trustme.CA:
    return trustme.CA()


def check(url: str) -> None:
    check_picture("big", url, allow_private_addresses=True)


def send_request(url: str) -> None:
    HttpTransport(url.rpartition("/")[0], "a", "b", user_agent="tests").send(Request("Sending", "POST", "/v4/push", {}))


TEXT = st.binary().map(lambda data: os.fsdecode(data.replace(b"\0", b"/")))
USES = pytest.mark.parametrize("use", [check, send_request])


@pytest.mark.parametrize(
    ("value", "url"),
    [
        ("proxy:3128", "http://proxy:3128"),
        ("//localhost:3128", "http://localhost:3128"),
        (" HTTPS://me:p%40ss@proxy \n", "https://me:p%40ss@proxy"),
        ("[::1]:3128", "http://[::1]:3128"),
        ("http://proxy/", "http://proxy/"),
        ("", None),
    ],
)
@pytest.mark.parametrize("variable", ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])
def test_proxy(monkeypatch: pytest.MonkeyPatch, variable: str, value: str, url: str | None) -> None:
    monkeypatch.setenv(variable, value)
    proxy = proxy_for(HTTPS)
    assert (proxy and (proxy.url, proxy.variable)) == (url and (url, variable))
    monkeypatch.setenv("no_proxy", ".example.com,10.0.0.0/99,[,*x")
    assert proxy_for(HTTPS) is None


@USES
@pytest.mark.parametrize(
    "value",
    ["http://me:pass@127.0.0.1:seven", "http://127.0.0.1:70000", "http://127.0.0.1:0", "gopher://me:pass@127.0.0.1:1",
     "://127.0.0.1:1", "http://", "http://:3128", "http://me:pass@:3128", "http://a..b:1", "http://[::1",
     "http://a b:1", "http:/proxy:3128", "http://me:pa/ss@proxy:3128", "http://me:pa#ss@proxy:3128",
     "http://\udcff:1", "socks://proxy:1"],
)  # fmt: skip
@pytest.mark.parametrize(
    ("variable", "url"), [("HTTPS_PROXY", HTTPS), ("http_proxy", HTTPS.replace("s:", ":")), ("ALL_PROXY", HTTPS)]
)
def test_invalid_proxy(
    monkeypatch: pytest.MonkeyPatch, use: Callable[[str], None], variable: str, value: str, url: str
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=rf"variable {variable} has a URL") as caught:
        use(url)
    assert "pa" + "ss" not in repr(caught.value) + repr(caught.value.__cause__)
    assert caught.value.scope == "account"
    assert failure_from(caught.value).fault == "service"


@given(value=TEXT, no_proxy=TEXT)
def test_any_text_is_a_proxy_or_a_configuration_error(value: str, no_proxy: str) -> None:
    settings = {"https_proxy": value, "no_proxy": no_proxy}
    with pytest.MonkeyPatch.context() as patch:
        for name, text in settings.items():
            patch.setenv(name, text)
        with contextlib.suppress(ConfigurationError):
            proxy = proxy_for("https://10.1.2.3/")
            assert proxy is None or parse_url(proxy.url).host


@pytest.mark.parametrize("variable", ["no_proxy", "NO_PROXY"])
def test_no_proxy_not_text(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    monkeypatch.setenv(variable, "\udcff/8")
    with pytest.raises(ConfigurationError, match=f"variable {variable} "):
        proxy_for("https://10.1.2.3/")


@USES
def test_socks_proxy_without_pysocks(monkeypatch: pytest.MonkeyPatch, use: Callable[[str], None]) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setenv("ALL_PROXY", "socks5h://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match=r"ALL_PROXY names a SOCKS proxy.*PySocks"):
        use(HTTPS)


@USES
@pytest.mark.parametrize("url", [HTTPS, HTTPS.replace("s:", ":")])
def test_proxy_that_requires_a_password(monkeypatch: pytest.MonkeyPatch, use: Callable[[str], None], url: str) -> None:
    with FaultServer(answer(407)) as proxy:
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        with pytest.raises(ConfigurationError, match=r"ALL_PROXY names a proxy.*407"):
            use(url)


@USES
@pytest.mark.parametrize("url", [HTTPS, HTTPS.replace("s:", ":")])
def test_https_proxy_that_does_not_use_tls(
    monkeypatch: pytest.MonkeyPatch, use: Callable[[str], None], ca: trustme.CA, url: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    ca.issue_cert("127.0.0.1").configure_cert(context)
    with FaultServer(greeting=send(b"HTTP/1.1 400 x\r\n\r\n")) as plain, FaultServer(tls=context) as untrusted:
        for proxy, found in ((plain, "answers without TLS"), (untrusted, "certificate that cannot be verified")):
            monkeypatch.setenv("ALL_PROXY", f"https://127.0.0.1:{proxy.port}")
            with pytest.raises(ConfigurationError, match=f"ALL_PROXY names a proxy.*{found}"):
                use(url)


def test_check_without_connection_to_the_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    (problem,) = check_picture("big", HTTPS).problems
    assert (problem.code, "proxy" in problem.found) == ("connection_failed", True)


BUNDLES = {
    "missing": lambda path: None,
    "empty": lambda path: path.touch(),
    "garbage": lambda path: path.write_text("nonsense"),
    "cut": lambda path: path.write_text("-----BEGIN CERTIFICATE-----\nMIIB"),
    "empty directory": lambda path: path.mkdir(),
    "pipe": os.mkfifo,
    "loop": lambda path: path.symlink_to(path),
}


@USES
@pytest.mark.parametrize("make", BUNDLES.values(), ids=BUNDLES)
@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"])
def test_unusable_ca_bundle(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    use: Callable[[str], None],
    make: Callable[[Path], None],
    variable: str,
) -> None:
    make(tmp_path / "ca.pem")
    monkeypatch.setenv(variable, str(tmp_path / "ca.pem"))
    with FaultServer() as server:
        with pytest.raises(ConfigurationError, match=rf"variable {variable} names the CA bundle .*ca\.pem"):
            use(f"https://127.0.0.1:{server.port}/big.png")
        assert server.accepted == 0


def test_ca_bundle_that_is_taken_away(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, ca: trustme.CA) -> None:
    ca.cert_pem.write_to_path(tmp_path / "ca.pem")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "ca.pem"))
    transport = HttpTransport("https://127.0.0.1:1", "a", "b", user_agent="tests")
    (tmp_path / "ca.pem").unlink()
    with pytest.raises(ConfigurationError, match="REQUESTS_CA_BUNDLE"):
        transport.send(Request("Sending", "POST", "/v4/push", {}))


def test_plain_http_needs_no_ca_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/no/such.pem")
    with FaultServer(answer(404)) as server:
        check(f"{server.url}/big.png")
    assert len(server.requests) == 1


def test_first_variable_names_the_ca_bundle(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("SSL_CERT_FILE", "CURL_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        monkeypatch.setenv(variable, f"/{variable}")
        assert CaBundle.from_environment() == CaBundle(f"/{variable}", variable)


def test_missing_certifi_is_a_configuration_error() -> None:
    with pytest.raises(ConfigurationError, match="certifi does not exist"):
        CaBundle("/no/such.pem", None).ssl_context()
