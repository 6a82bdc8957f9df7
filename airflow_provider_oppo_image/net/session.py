"""HTTP sessions with a deadline for each attempt and an address policy for each connection.

A host name is resolved once per connection: the addresses that the policy judged are the addresses connected to.
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
from typing import Any, Final, TypeAlias

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
from airflow_provider_oppo_image.net.redaction import redact_urllib3_logs

_CONTEXTS: Final = 8


def ssl_context_for(authorities: str) -> ssl.SSLContext:
    """Return the context that trusts some certificate authorities, and whose sockets keep the attempt's deadline.

    It is loaded anew when the file or the directory has changed, so that a long process learns of new authorities.

    :param authorities: a file of certificates, or a directory of them.
    :return: a context that threads and connections share; it verifies certificates and names.
    :raises OSError: if there is no such file, or it cannot be read.
    """
    return _load(authorities, Path(authorities).stat().st_mtime_ns)


@functools.lru_cache(_CONTEXTS)
def _load(authorities: str, _changed: int) -> ssl.SSLContext:
    context = create_urllib3_context()
    context.sslsocket_class = DeadlineSSLSocket
    kind = "capath" if Path(authorities).is_dir() else "cafile"
    context.load_verify_locations(**{kind: authorities})
    return context


AddressPolicy: TypeAlias = Callable[[str], str | None]
"""Judges an IP address: None lets it pass, text says why it is refused."""

Session: TypeAlias = requests.Session


class AddressRefusedError(Exception):
    """A host's name leads to an address that may not be connected to; no packet was sent to it."""


def _resolve(host: str, port: int, patience: float | None) -> list[tuple[Any, ...]]:
    """Resolve a name, and stop waiting in time: the resolver's own timeouts can add up to a minute."""
    answer: Future[list[tuple[Any, ...]]] = Future()

    def ask() -> None:
        try:
            answer.set_result(list(dict.fromkeys(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))))
        except ValueError:
            # A label that is empty or longer than 63 characters, say: no name server is asked for it.
            answer.set_exception(socket.gaierror(socket.EAI_NONAME, "not a host's name"))
        except OSError as error:
            answer.set_exception(error)

    threading.Thread(target=ask, name=f"resolve {host}", daemon=True).start()
    return answer.result(timeout=patience)


def _connect(connection: HTTPConnection, permit: AddressPolicy | None) -> socket.socket:
    """Connect to the first address of a host that answers, all of them judged before."""
    found = _resolve(connection.host, connection.port, remaining(connection.timeout))
    if permit is not None:
        for *_, address in found:
            if reason := permit(address[0]):
                raise AddressRefusedError(reason)
    failure: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in found:
        try:
            sock = _connect_to(address, DeadlineSocket(family, kind, protocol), connection)
        except OSError as error:
            failure = error
            continue
        if permit is not None and sock.getpeername()[0] != address[0]:
            sock.close()
            raise AddressRefusedError("the connection reached another address than the one that was judged")
        return sock
    raise failure


def _connect_to(address: Any, sock: socket.socket, connection: HTTPConnection) -> socket.socket:
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
    """Passes over interim answers, such as 103 Early Hints.

    Of those the standard library knows 100 Continue alone. It would take another one for the answer, and then the
    answer for that of the connection's next request.
    """

    def begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200:
            if self.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.BadStatusLine("a switch to another protocol, which nobody asked for")
            # As before the first one: nothing was read yet.
            self.headers = self.msg = None  # type: ignore[assignment]  # typeshed knows it read only
            super().begin()


@functools.lru_cache(32)
def _pool_classes(permit: AddressPolicy | None, authorities: str) -> dict[str, Any]:
    """Make the connection pools, by scheme, whose connections obey the deadline and the judge."""

    class Connects(HTTPConnection):
        response_class = _FinalResponse
        debuglevel = 0  # whoever sets it on the base class would have the master secret's header printed

        def connect(self) -> None:
            attempt_state.sent = False
            attempt_state.connections = connections_opened() + 1
            try:
                super().connect()
            finally:
                # What a tunnel's proxy was sent is not the request.
                attempt_state.sent = False

        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()
            attempt_state.sent = True
            super().send(data)

        def _new_conn(self) -> socket.socket:
            try:
                return _connect(self, permit)
            except socket.gaierror as error:
                raise NameResolutionError(self.host, self, error) from error
            except TimeoutError as error:
                raise ConnectTimeoutError(self, f"connecting to {self.host} timed out") from error
            except OSError as error:
                raise NewConnectionError(self, f"cannot connect: {error}") from error

    class ConnectsTLS(Connects, HTTPSConnection):
        def connect(self) -> None:
            # Not before it is needed: plain http needs no authorities.
            self.ssl_context = ssl_context_for(authorities)
            super().connect()

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connects

    class PoolTLS(HTTPSConnectionPool):
        ConnectionCls = ConnectsTLS

    return {"http": Pool, "https": PoolTLS}


class _Adapter(HTTPAdapter):
    def __init__(self, permit: AddressPolicy | None, connections: int, authorities: str) -> None:
        self._permit = permit
        self._authorities = authorities
        super().__init__(pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self._permit, self._authorities)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        scheme = proxy.lower().partition(":")[0]
        # SOCKS has connections of its own, which go to the proxy; their TLS keeps the deadline all the same.
        socks = scheme.startswith("socks")
        if socks:
            kwargs["ssl_context"] = ssl_context_for(self._authorities)
        if scheme == "https":
            kwargs["proxy_ssl_context"] = ssl_context_for(self._authorities)
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not socks:
            manager.pool_classes_by_scheme = _pool_classes(None, self._authorities)
        return manager

    # The contexts have their authorities. Told of them, urllib3 would load them again for each connection.

    def build_connection_pool_key_attributes(self, request: Any, verify: Any, cert: Any = None) -> Any:
        return super().build_connection_pool_key_attributes(request, True, cert)

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        conn.cert_reqs = "CERT_REQUIRED"


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Know of no redirect: requests reads the body of one whole, unpacked, even where it is not to follow it."""


@functools.cache
def _redact_urllib3_logs_once() -> None:
    """Shorten what is logged of requests under a deadline, which are this package's; once a process, not at import."""
    redact_urllib3_logs(lambda: getattr(attempt_state, "end", math.inf) < math.inf)


def open_session(url: str, *, permit: AddressPolicy | None = None, connections: int = 10) -> requests.Session:
    """Open a session for one host, with its proxy and its certificate authorities looked up once.

    Nothing is read from ``.netrc``, since a session's credentials are its caller's alone. Behind a proxy the proxy
    resolves names and decides where to connect, so there `permit` is not asked.

    :param url: a URL of the host: the environment's proxy settings for it are taken.
    :param permit: judges each address before it is connected to; None lets all pass.
    :param connections: how many connections are kept alive.
    :return: a session that the caller closes; it never retries, follows no redirect and keeps no cookie.
    """
    _redact_urllib3_logs_once()
    session = _Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=()))
    session.proxies.update(get_environ_proxies(url))
    authorities = os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE")
    session.verify = authorities or True
    adapter = _Adapter(permit, connections, authorities or DEFAULT_CA_BUNDLE_PATH)
    session.mount("http://", adapter)
    session.mount("https://", adapter)
    return session
