"""HTTP sessions with a deadline for each attempt and an address policy for each connection.

A host name is resolved once per connection, so a connection can only reach an address that the policy has checked.
"""

from __future__ import annotations

import functools
import http.client
import math
import os
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, TypeAlias

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, get_environ_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError
from urllib3.util.ssl_ import create_urllib3_context

from airflow_provider_oppo_image.net.deadline import (
    DeadlineSocket,
    DeadlineSSLSocket,
    attempt_state,
    connections_opened,
    remaining,
)
from airflow_provider_oppo_image.net.options import DEFAULT_TRANSPORT_OPTIONS, TransportOptions
from airflow_provider_oppo_image.net.redaction import redact_urllib3_logs

AddressPolicy: TypeAlias = Callable[[str], str | None]
"""Returns why an IP address may not be connected to; None if it may."""

Session: TypeAlias = requests.Session


class AddressRefusedError(Exception):
    """The address policy refuses an address of the host; nothing was sent to that address."""


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


def ssl_context_for(ca_bundle: str) -> ssl.SSLContext:
    """Return an SSL context that trusts a CA bundle, and whose sockets observe the deadline.

    It is loaded again if the file has changed, so that long-running processes use new certificates.

    :param ca_bundle: a file or a directory of certificates.
    :return: a context that verifies certificates and host names. Threads may share it.
    :raises OSError: if the CA bundle does not exist or cannot be read.
    """
    return _load_ssl_context(ca_bundle, Path(ca_bundle).stat().st_mtime_ns)


@functools.lru_cache(8)
def _load_ssl_context(ca_bundle: str, _modified: int) -> ssl.SSLContext:
    context = create_urllib3_context()
    context.sslsocket_class = DeadlineSSLSocket
    kind = "capath" if Path(ca_bundle).is_dir() else "cafile"
    context.load_verify_locations(**{kind: ca_bundle})
    return context


def _resolve(host: str, port: int, timeout: float | None) -> list[tuple[Any, ...]]:
    """Resolve a host name in another thread, because the resolver's own timeouts can add up to a minute."""
    result: Future[list[tuple[Any, ...]]] = Future()

    def resolve() -> None:
        try:
            result.set_result(list(dict.fromkeys(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))))
        except ValueError:
            # For example a label that is empty or longer than 63 characters; the resolver does not ask for such names.
            result.set_exception(socket.gaierror(socket.EAI_NONAME, "not a valid host name"))
        except OSError as error:
            result.set_exception(error)

    threading.Thread(target=resolve, name=f"resolve {host}", daemon=True).start()
    return result.result(timeout=timeout)


def _connect_to_host(connection: HTTPConnection, address_policy: AddressPolicy | None) -> socket.socket:
    """Connect to the first address of a host that accepts, after the policy has checked all of them."""
    addresses = _resolve(connection.host, connection.port, remaining(connection.timeout))
    if address_policy is not None:
        for *_, address in addresses:
            if reason := address_policy(address[0]):
                raise AddressRefusedError(reason)
    last_error: OSError = OSError("the host name has no address")
    for family, kind, protocol, _, address in addresses:
        try:
            sock = _connect_to_address(address, DeadlineSocket(family, kind, protocol), connection)
        except OSError as error:
            last_error = error
            continue
        if address_policy is not None and sock.getpeername()[0] != address[0]:
            sock.close()
            raise AddressRefusedError("the connection reached another address than the one that was checked")
        return sock
    raise last_error


def _connect_to_address(address: Any, sock: socket.socket, connection: HTTPConnection) -> socket.socket:
    try:
        for option in connection.socket_options or ():
            sock.setsockopt(*option)
        sock.settimeout(remaining(connection.timeout))
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


class _FinalResponse(http.client.HTTPResponse):
    """Response that skips interim responses such as 103 Early Hints.

    The standard library skips only 100 Continue. It would return another interim response as the response, and the
    final one as the response to the next request.
    """

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200:
            if self.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.BadStatusLine("a switch to another protocol, which was not requested")
            # Reset, because `begin` reads only if there are no headers yet.
            self.headers = self.msg = None  # type: ignore[assignment]  # typeshed declares it read-only
            super().begin()


@functools.lru_cache(32)
def _pool_classes(address_policy: AddressPolicy | None, ca_bundle: str) -> dict[str, Any]:
    """Return the connection pools by scheme, whose connections observe the deadline and the address policy."""

    class GuardedConnection(HTTPConnection):
        response_class = _FinalResponse
        debuglevel = 0  # a debug level on the base class would print the Authorization header

        def connect(self) -> None:
            attempt_state.sent = False
            attempt_state.connections = connections_opened() + 1
            try:
                super().connect()
            finally:
                # Bytes that were sent to open a proxy tunnel are not part of the request.
                attempt_state.sent = False

        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()
            attempt_state.sent = True
            super().send(data)

        def _new_conn(self) -> socket.socket:
            try:
                return _connect_to_host(self, address_policy)
            except socket.gaierror as error:
                raise NameResolutionError(self.host, self, error) from error
            except TimeoutError as error:
                raise ConnectTimeoutError(self, f"connecting to {self.host} timed out") from error
            except OSError as error:
                raise NewConnectionError(self, f"cannot connect: {error}") from error

    class GuardedSSLConnection(GuardedConnection, HTTPSConnection):
        def connect(self) -> None:
            # Loaded here, because plain http needs no CA bundle.
            self.ssl_context = ssl_context_for(ca_bundle)
            super().connect()

    class Pool(HTTPConnectionPool):
        ConnectionCls = GuardedConnection

    class SSLPool(HTTPSConnectionPool):
        ConnectionCls = GuardedSSLConnection

    return {"http": Pool, "https": SSLPool}


class _Adapter(HTTPAdapter):
    def __init__(self, address_policy: AddressPolicy | None, connections: int, ca_bundle: str) -> None:
        self._address_policy = address_policy
        self._ca_bundle = ca_bundle
        super().__init__(pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self._address_policy, self._ca_bundle)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        scheme = proxy.lower().partition(":")[0]
        # urllib3 has its own connection classes for SOCKS; only their TLS observes the deadline.
        socks = scheme.startswith("socks")
        if socks:
            kwargs["ssl_context"] = ssl_context_for(self._ca_bundle)
        if scheme == "https":
            kwargs["proxy_ssl_context"] = ssl_context_for(self._ca_bundle)
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not socks:
            manager.pool_classes_by_scheme = _pool_classes(None, self._ca_bundle)
        return manager

    # The SSL contexts have the CA bundle already. With `verify` set, urllib3 would load it again for each connection.

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        return super().build_connection_pool_key_attributes(request, True, cert)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"


class _Session(requests.Session):
    def __init__(self, timeout: tuple[float, float]) -> None:
        super().__init__()
        self._timeout = timeout

    def send(self, request: requests.PreparedRequest, **kwargs: Any) -> requests.Response:
        return super().send(request, **kwargs | {"timeout": self._timeout})

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Return None: requests reads and unpacks the whole body of a redirect, even if it does not follow it."""


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
) -> requests.Session:
    """Open a session for one host. It looks up the proxy and the CA bundle once, in the environment.

    Nothing is read from ``.netrc``. Behind a proxy the proxy resolves names and connects, so `address_policy` is not
    used.

    :param url: a URL of the host.
    :param options: the timeouts of each request. The total timeout is the caller's task, with `deadline`.
    :param address_policy: checks each address before the connection; None allows all.
    :param connections: maximum number of connections that are kept alive.
    :return: a session that the caller closes. It does not retry, follow redirects or keep cookies.
    """
    _redact_urllib3_logs_once()
    session = _Session((options.connect_timeout, options.read_timeout))
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.proxies.update(get_environ_proxies(url))
    ca_bundle = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    session.verify = ca_bundle or True
    adapter = _Adapter(address_policy, connections, ca_bundle or DEFAULT_CA_BUNDLE_PATH)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
