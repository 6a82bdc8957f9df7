"""Sessions whose attempts end at a deadline, and whose sockets connect only where they may.

A socket's timeout starts again at each read, so a server that sends a byte a second is never late. Here every read also
asks how much is left of the attempt, and a name is resolved once: what was judged is what is connected to.
"""

from __future__ import annotations

import contextlib
import functools
import http.client
import math
import os
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
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

from airflow_provider_oppo_image import http_log

Permit: TypeAlias = Callable[[str], str | None]
"""Judges an IP address: None lets it pass, text says why it is refused."""

_attempt: Final = threading.local()


@dataclass(frozen=True)
class Timeouts:
    """How long the parts of one attempt may take.

    :param connect: seconds to connect to one address, and to resolve its name.
    :param read: seconds without a byte from the other side.
    :param total: seconds for the whole attempt, redirects included.
    """

    connect: float = 10.0
    read: float = 30.0
    total: float = 60.0


DEFAULT_TIMEOUTS: Final = Timeouts()


class AddressRefusedError(Exception):
    """A host's name leads to an address that may not be connected to; no packet was sent to it."""


@contextlib.contextmanager
def deadline(seconds: float) -> Iterator[None]:
    """End whatever this thread reads from the network inside the block after some seconds.

    :param seconds: how long the whole block may take, in seconds, from now.
    :raises TimeoutError: in the block, from the read or the connect that is late.
    """
    before = getattr(_attempt, "end", math.inf)
    _attempt.end = min(before, time.monotonic() + seconds)
    _attempt.sent = True
    try:
        yield
    finally:
        _attempt.end = before


def may_have_been_sent() -> bool:
    """Tell whether anything of this thread's last request may have left: not before its connection stood, TLS included.

    Where a SOCKS proxy connects, nobody knows, and it may have.
    """
    return getattr(_attempt, "sent", True)


def within_deadline(patience: float | None) -> float | None:
    """Return how long the next step may take: its own patience, or what is left of the attempt if that is less.

    :param patience: seconds; None for no limit of its own.
    :raises TimeoutError: when the attempt's deadline has passed.
    """
    end = getattr(_attempt, "end", math.inf)
    if end == math.inf:
        return patience
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError("the deadline for the whole attempt has passed")
    return left if patience is None else min(patience, left)


class _KeepsDeadline(socket.socket):
    @contextlib.contextmanager
    def _in_time(self) -> Iterator[None]:
        patience = self.gettimeout()
        self.settimeout(within_deadline(patience))
        try:
            yield
        finally:
            self.settimeout(patience)

    def recv_into(self, *args: Any, **kwargs: Any) -> int:
        with self._in_time():
            return super().recv_into(*args, **kwargs)

    def recv(self, *args: Any, **kwargs: Any) -> bytes:
        with self._in_time():
            return super().recv(*args, **kwargs)


class _KeepsDeadlineTLS(_KeepsDeadline, ssl.SSLSocket):
    def do_handshake(self, block: bool = False) -> None:
        with self._in_time():
            super().do_handshake(block)


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


def _connect(connection: HTTPConnection, permit: Permit | None) -> socket.socket:
    """Connect to the first address of a host that answers, all of them judged before."""
    found = _resolve(connection.host, connection.port, within_deadline(connection.timeout))
    if permit is not None:
        for *_, address in found:
            if reason := permit(address[0]):
                raise AddressRefusedError(reason)
    failure: OSError = OSError("the name has no address")
    for family, kind, protocol, _, address in found:
        try:
            sock = _connect_to(address, _KeepsDeadline(family, kind, protocol), connection)
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
        sock.settimeout(within_deadline(connection.timeout))
        sock.connect(address)
    except BaseException:
        sock.close()
        raise
    return sock


class _FinalAnswer(http.client.HTTPResponse):
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


def _pool_classes(permit: Permit | None) -> dict[str, Any]:
    """Make the connection pools, by scheme, whose connections obey the deadline and the judge."""

    class Connects(HTTPConnection):
        response_class = _FinalAnswer
        debuglevel = 0  # whoever sets it on the base class would have the master secret's header printed

        def connect(self) -> None:
            _attempt.sent = False
            try:
                super().connect()
            finally:
                # What a tunnel's proxy was sent is not the request.
                _attempt.sent = False

        def send(self, data: Any) -> None:
            if self.sock is None:
                self.connect()
            _attempt.sent = True
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
        pass

    class Pool(HTTPConnectionPool):
        ConnectionCls = Connects

    class PoolTLS(HTTPSConnectionPool):
        ConnectionCls = ConnectsTLS

    return {"http": Pool, "https": PoolTLS}


class _Adapter(HTTPAdapter):
    def __init__(self, permit: Permit | None, connections: int, authorities: str) -> None:
        self._permit = permit
        self._authorities = authorities
        super().__init__(pool_maxsize=connections)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=_tls_context(), **kwargs)
        self.poolmanager.pool_classes_by_scheme = _pool_classes(self._permit)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        scheme = proxy.lower().partition(":")[0]
        kwargs["ssl_context"] = _tls_context()
        if scheme == "https":
            kwargs["proxy_ssl_context"] = _tls_context(self._authorities)
        manager = super().proxy_manager_for(proxy, **kwargs)
        # SOCKS has connections of its own, which go to the proxy; their TLS keeps the deadline all the same.
        if not scheme.startswith("socks"):
            manager.pool_classes_by_scheme = _pool_classes(None)
        return manager


def _tls_context(authorities: str | None = None) -> ssl.SSLContext:
    context = create_urllib3_context()
    context.sslsocket_class = _KeepsDeadlineTLS
    if authorities:
        is_directory = Path(authorities).is_dir()
        context.load_verify_locations(**{"capath" if is_directory else "cafile": authorities})
    return context


class _Session(requests.Session):
    def get_redirect_target(self, resp: requests.Response) -> None:
        """Know of no redirect: requests reads the body of one whole, unpacked, even where it is not to follow it."""


@functools.cache
def _shorten_log() -> None:
    """Shorten what is logged of requests under a deadline, which are this package's; once a process, not at import."""
    http_log.shorten(lambda: getattr(_attempt, "end", math.inf) < math.inf)


def open_session(url: str, *, permit: Permit | None = None, connections: int = 10) -> requests.Session:
    """Open a session for one host, with its proxy and its certificate authorities looked up once.

    Nothing is read from ``.netrc``, since a session's credentials are its caller's alone. Behind a proxy the proxy
    resolves names and decides where to connect, so there `permit` is not asked.

    :param url: a URL of the host: the environment's proxy settings for it are taken.
    :param permit: judges each address before it is connected to; None lets all pass.
    :param connections: how many connections are kept alive.
    :return: a session that the caller closes; it never retries, follows no redirect and keeps no cookie.
    """
    _shorten_log()
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
