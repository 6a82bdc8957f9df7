"""HTTP sessions for one host each, with the proxy and the CA bundle of the machine."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any, Final, Self
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import BaseHTTPResponse, Retry, Timeout

from airflow_provider_oppo_image.net.connections import AddressPolicy, pool_classes, socks_pool_class
from airflow_provider_oppo_image.net.deadline import attempt_state
from airflow_provider_oppo_image.net.environment import CaBundle, Proxy, proxy_for
from airflow_provider_oppo_image.net.options import DEFAULT_TRANSPORT_OPTIONS, TransportOptions
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
