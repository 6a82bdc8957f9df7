"""HTTP sessions for one host each, and the headers of their responses: Retry-After, ETag and Last-Modified."""

from __future__ import annotations

import datetime
import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any, Final, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry, Timeout

from airflow_provider_oppo_image.net.connections import AddressPolicy, pool_classes, socks_pool_class
from airflow_provider_oppo_image.net.deadline import DEFAULT_TRANSPORT_OPTIONS, TransportOptions, attempt_state
from airflow_provider_oppo_image.net.environment import CaBundle, Proxy, proxy_for
from airflow_provider_oppo_image.net.redaction import redact_urllib3_logs

_NO_RETRY: Final = Retry(False, redirect=False)


def exception_chain(error: BaseException) -> list[BaseException]:
    """Return an exception and the exceptions that caused it, the first cause last.

    requests and urllib3 keep a cause in `reason` or in the first argument, and not always in `__cause__`.

    :param error: what was raised.
    """
    chain = [error]
    for current in chain:
        inner = (getattr(current, "reason", None), *current.args[:1], current.__cause__, current.__context__)
        for cause in inner:
            if isinstance(cause, BaseException) and not any(cause is known for known in chain):
                chain.append(cause)
    return chain


class _Adapter(HTTPAdapter):
    def __init__(
        self, address_policy: AddressPolicy | None, connections: int, ca_bundle: CaBundle, proxy: Proxy | None
    ) -> None:
        self._address_policy = address_policy
        self._ca_bundle = ca_bundle
        self._proxy = proxy
        super().__init__(pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = pool_classes(self._address_policy, self._ca_bundle, None)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        scheme = self._proxy.scheme if self._proxy else ""
        # urllib3 has its own connection classes for SOCKS; only their TLS observes the deadline.
        socks = scheme.startswith("socks")
        if socks:
            kwargs["ssl_context"] = self._ca_bundle.ssl_context()
        if scheme == "https":
            kwargs["proxy_ssl_context"] = self._ca_bundle.ssl_context()
        manager = super().proxy_manager_for(proxy, **kwargs)
        if socks:
            classes = manager.pool_classes_by_scheme
            manager.pool_classes_by_scheme = {name: socks_pool_class(value) for name, value in classes.items()}
        else:
            manager.pool_classes_by_scheme = pool_classes(None, self._ca_bundle, self._proxy)
        return manager

    # The SSL contexts have the CA bundle already. With `verify` set, urllib3 would load it again for each connection.

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        return super().build_connection_pool_key_attributes(request, True, cert)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"


class Session:
    """Connections to one host, or to its proxy, from `open_session`; a context manager.

    :param url: a URL of the host. It is not connected to yet.
    :param adapter: makes the connections.
    :param proxy: the proxy; None for direct connections.
    :param options: the timeouts.
    """

    def __init__(self, url: str, adapter: HTTPAdapter, proxy: Proxy | None, options: TransportOptions) -> None:
        self._adapter = adapter
        self._timeout = Timeout(connect=options.connect_timeout, read=options.read_timeout)
        request: Any = requests.Request("GET", "{0.scheme}://{0.netloc}".format(urlsplit(url))).prepare()
        proxies = {"all": proxy.url} if proxy else {}
        self._pool: Any = adapter.get_connection_with_tls_context(request, True, proxies=proxies)
        adapter.cert_verify(self._pool, request.url, True, None)  # type: ignore[no-untyped-call]  # requests has no types
        self._prefix = adapter.request_url(request, proxies).removesuffix("/")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def request_once(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> BaseHTTPResponse:
        """Send a request, and return the response. The connection, the response and the errors are urllib3's.

        A session of requests would look up the proxy, the settings, the cookies and the hooks for each request, which
        takes half of the processor time of a request.

        :param path: the path with the query, as `encode_path` returns it.
        :return: a response whose body has not been read; the caller closes it.
        :raises urllib3.exceptions.HTTPError: if no response is received.
        """
        response: BaseHTTPResponse = self._pool.urlopen(
            method,
            self._prefix + path,
            body=body,
            headers=headers,
            retries=_NO_RETRY,
            redirect=False,
            assert_same_host=False,
            timeout=self._timeout,
            preload_content=False,
            decode_content=False,
        )
        return response

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()
        self._adapter.close()


@functools.cache
def _redact_urllib3_logs_once() -> None:
    """Redact urllib3's log records of this package's requests. Not done at import, which must have no effect."""
    redact_urllib3_logs(lambda: attempt_state.deadline < math.inf)


def open_session(
    url: str,
    options: TransportOptions = DEFAULT_TRANSPORT_OPTIONS,
    *,
    address_policy: AddressPolicy | None = None,
    connections: int = 10,
) -> Session:
    """Open a session for one host. It looks up the proxy and the CA bundle once, in the environment.

    Nothing is read from ``.netrc``. Behind a proxy the proxy resolves names and connects, so `address_policy` is not
    used.

    :param url: a URL of the host.
    :param options: the timeouts of each request. The total timeout is the caller's task, with `deadline`.
    :param address_policy: checks each address before the connection; None allows all.
    :param connections: maximum number of connections that are kept alive.
    :return: a session that the caller closes. It does not retry, follow redirects or keep cookies.
    :raises ConfigurationError: if the proxy or the CA bundle is not usable. Requests raise it too, for example if the
        proxy refuses the password.
    """
    _redact_urllib3_logs_once()
    ca_bundle, proxy = CaBundle.from_environment(), proxy_for(url)
    if url[:6].lower() == "https:":
        ca_bundle.ssl_context()
    return Session(url, _Adapter(address_policy, connections, ca_bundle, proxy), proxy, options)


def encode_path(url: str) -> str:
    """Return the path and query of a URL, as a request has them.

    :raises requests.RequestException: if the URL is not valid.
    """
    request = requests.PreparedRequest()
    request.prepare_url(url, None)
    return request.path_url


MAX_RETRY_AFTER_S: Final = 86_400.0
"""Our own limit: the longest wait, in seconds, that a Retry-After header can ask for."""


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the wait that a response's Retry-After header asks for.

    A date is compared with the response's own Date header, because the clock of this machine may be wrong.

    :param headers: the response's headers.
    :return: seconds, from 0 to `MAX_RETRY_AFTER_S`; None if the header is missing or invalid.
    """
    text = headers.get("Retry-After", "").strip()
    if text.isascii() and text.isdigit():
        return min(float(text), MAX_RETRY_AFTER_S)
    retry_at = parse_http_date(text)
    if retry_at is None:
        return None
    now = parse_http_date(headers.get("Date")) or datetime.datetime.now(datetime.UTC)
    return min(max(0.0, (retry_at - now).total_seconds()), MAX_RETRY_AFTER_S)


def parse_http_date(text: str | None) -> datetime.datetime | None:
    """Parse an HTTP date; a date without a time zone is UTC.

    :return: None if there is no text, or it is not a date.
    """
    try:
        date = parsedate_to_datetime(text or "")
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return date if date.tzinfo else date.replace(tzinfo=datetime.UTC)


MIN_AGE: Final = datetime.timedelta(minutes=1)
"""Minimum age of a file, by its Last-Modified, for validators to be used. HTTP dates, and the ETags that many servers
make of them, have a resolution of one second: two versions within it look the same. Source: RFC 7232, 2.2.2."""

_MAX_VALIDATOR_LENGTH: Final = 200


@dataclass(frozen=True)
class Validators:
    """ETag and Last-Modified of a downloaded file, for conditional requests.

    :param url: the URL that sent them, after redirects; conditional requests go to this URL only.
    :param etag: the ETag, weak or strong; None if none was sent.
    :param last_modified: the Last-Modified date as it was sent; None if none was sent.
    """

    url: str
    etag: str | None
    last_modified: str | None

    def conditional_headers(self) -> dict[str, str]:
        """Return the headers that request the file only if it has changed."""
        headers = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in headers.items() if value is not None}


def read_validators(url: str, headers: Mapping[str, str]) -> Validators | None:
    """Return the validators of a response.

    :param url: the requested URL.
    :param headers: the response's headers, a case-insensitive mapping.
    :return: None if they are missing, or if a change could go unnoticed with them.
    """
    etag, last_modified = _header_text(headers.get("ETag")), _header_text(headers.get("Last-Modified"))
    if last_modified is not None:
        modified_at, sent_at = parse_http_date(last_modified), parse_http_date(headers.get("Date"))
        if modified_at is None or sent_at is None:
            last_modified = None
        elif sent_at - modified_at < MIN_AGE:
            return None
    return Validators(url, etag, last_modified) if etag or last_modified else None


def _header_text(value: str | None) -> str | None:
    """Return a header's value if it can be sent back unchanged and is short enough to keep thousands of them."""
    value = (value or "").strip()
    usable = value.isascii() and value.isprintable() and 0 < len(value) <= _MAX_VALIDATOR_LENGTH
    return value if usable else None
