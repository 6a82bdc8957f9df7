"""Connections that observe the deadline and an address policy, and that name a proxy's setting that does not work.

A host name is resolved once per connection, so a connection can only reach an address that the policy has checked.
"""

from __future__ import annotations

import functools
import http.client
import socket
import ssl
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any, ClassVar, NamedTuple, TypeAlias

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError, ProxyError
from urllib3.util.ssl_match_hostname import CertificateError

from airflow_provider_oppo_image.net.deadline import DeadlineSocket, attempt_state, connections_opened, remaining
from airflow_provider_oppo_image.net.environment import CaBundle, Proxy

_MAX_HEAD_BYTES = 262_144
"""Our own limit for the head of a response, as browsers have it."""

_MAX_UNUSED_HEADERS = 64
_USED_HEADERS = frozenset(
    (b"age", b"cache-control", b"connection", b"content-encoding", b"content-length", b"content-type", b"date", b"etag",
     b"expires", b"keep-alive", b"last-modified", b"location", b"retry-after", b"transfer-encoding", b"vary")
)  # fmt: skip

# The reasons of OpenSSL for an answer that is not TLS.
_NO_TLS_REASONS = ("WRONG_VERSION_NUMBER", "UNKNOWN_PROTOCOL", "RECORD_LAYER_FAILURE")

_NOT_AUTHENTICATED = ("requires another user name and password (HTTP status 407)", "Correct them in its URL.")

AddressPolicy: TypeAlias = Callable[[str], str | None]
"""Returns why an IP address may not be connected to; None if it may."""


class AddressRefusedError(Exception):
    """The address policy refuses an address of the host; nothing was sent to that address."""


def _resolve(host: str, port: int, timeout: float | None) -> list[tuple[Any, ...]]:
    """Resolve a host name in another thread, because the resolver's own timeouts can add up to a minute."""
    result: Future[list[tuple[Any, ...]]] = Future()

    def resolve() -> None:
        try:
            result.set_result(list(dict.fromkeys(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))))
        except ValueError:
            # For example a label that is empty or longer than 63 characters; the resolver does not ask for such names.
            result.set_exception(socket.gaierror(socket.EAI_NONAME, "not a valid host name"))
        except Exception as error:  # noqa: BLE001 - raised in the thread that waits
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


class _HeadReader:
    """Reader for the head of a response, which may have more headers than the standard library accepts.

    Content delivery networks in debug mode send more than 100. After the first `_MAX_UNUSED_HEADERS` lines, only the
    headers that are used are read.

    :param file: the response.
    """

    def __init__(self, file: Any) -> None:
        self._file = file
        self._lines = 0
        self._bytes = 0
        self._used = True

    def readline(self, limit: int) -> bytes:
        """Return the next line; an empty one if the response ends.

        :param limit: maximum length, in bytes.
        :raises http.client.HTTPException: if the head is too long.
        """
        while True:
            line: bytes = self._file.readline(limit)
            self._lines += 1
            self._bytes += len(line)
            if self._bytes > _MAX_HEAD_BYTES:
                raise http.client.HTTPException("the head of the response is too long")
            if not line.startswith((b" ", b"\t")):  # a continuation belongs to the header before it
                name = line.partition(b":")[0].strip().lower()
                self._used = not name or name in _USED_HEADERS
            if self._used or self._lines <= _MAX_UNUSED_HEADERS:
                return line

    def close(self) -> None:
        self._file.close()


class _FinalResponse(http.client.HTTPResponse):
    """Response that skips interim responses such as 103 Early Hints.

    The standard library skips only 100 Continue. It would return another interim response as the response, and the
    final one as the response to the next request.
    """

    def begin(self) -> None:
        file = self.fp
        self.fp = _HeadReader(file)  # type: ignore[assignment]  # a wrapper with the same read methods
        try:
            self._begin()
        finally:
            if self.fp is not None:  # None: the response is closed
                self.fp = file

    def _begin(self) -> None:
        super().begin()
        while 100 <= self.status < 200:
            if self.status == http.HTTPStatus.SWITCHING_PROTOCOLS:
                raise http.client.BadStatusLine("a switch to another protocol, which was not requested")
            # Reset, because `begin` reads only if there are no headers yet.
            self.headers = self.msg = None  # type: ignore[assignment]  # typeshed declares it read-only
            super().begin()


class NoTlsError(ssl.SSLError):
    """A TLS handshake failed because the other side does not use TLS; nothing was sent."""


class _SentTracker(HTTPConnection):
    """Connection that records whether bytes of the request may have been sent."""

    def connect(self) -> None:
        attempt_state.sent = False
        attempt_state.connections = connections_opened() + 1
        try:
            super().connect()
        except ssl.SSLError as error:
            if error.reason in _NO_TLS_REASONS:
                raise NoTlsError(*error.args) from error
            raise
        finally:
            # Bytes that were sent to open a proxy tunnel are not part of the request.
            attempt_state.sent = False

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        attempt_state.sent = True
        super().send(data)


def failed_at_proxy(error: BaseException) -> bool:
    """Return whether no connection through the proxy was made, because it did not answer or refused the host."""
    return isinstance(error, ProxyError)


class _Guard(NamedTuple):
    """What a connection observes.

    :param address_policy: checks each address before the connection; None allows all.
    :param ca_bundle: the trusted certificate authorities.
    :param proxy: the proxy that is connected to; None for a direct connection.
    """

    address_policy: AddressPolicy | None
    ca_bundle: CaBundle
    proxy: Proxy | None


class _GuardedConnection(_SentTracker):
    guard: ClassVar[_Guard]
    response_class = _FinalResponse
    debuglevel = 0  # a debug level on the base class would print the Authorization header

    def getresponse(self) -> Any:
        response = super().getresponse()
        if response.status == http.HTTPStatus.PROXY_AUTHENTICATION_REQUIRED and not self._tunnel_host:
            self._refuse_proxy(*_NOT_AUTHENTICATED)
        return response

    def _tunnel(self) -> None:
        try:
            super()._tunnel()
        except OSError as error:
            if str(error).startswith("Tunnel connection failed: 407"):
                self._refuse_proxy(*_NOT_AUTHENTICATED)
            raise

    def _refuse_proxy(self, found: str, advice: str) -> None:
        """Raise the error for a proxy's setting that does not work, if there is a proxy."""
        if self.guard.proxy:
            self.close()
            raise self.guard.proxy.error(found, advice) from None

    def _new_conn(self) -> socket.socket:
        try:
            return _connect_to_host(self, self.guard.address_policy)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"connecting to {self.host} timed out") from error
        except OSError as error:
            raise NewConnectionError(self, f"cannot connect: {error}") from error


class _GuardedSSLConnection(_GuardedConnection, HTTPSConnection):
    def connect(self) -> None:
        # Loaded here, because plain http needs no CA bundle.
        self.ssl_context = self.guard.ca_bundle.ssl_context(self._tunnel_host or self.host)
        try:
            super().connect()
        except CertificateError as error:
            mismatch = ssl.SSLCertVerificationError(str(error))
            mismatch.verify_message = str(error)
            raise mismatch from error
        except ssl.SSLError as error:
            if not self.has_connected_to_proxy and isinstance(error, NoTlsError):
                self._refuse_proxy("answers without TLS", "Write http:// in its URL.")
            if not self.has_connected_to_proxy and isinstance(error, ssl.SSLCertVerificationError):
                advice = "Name its certificate authority in REQUESTS_CA_BUNDLE."
                self._refuse_proxy("has a certificate that cannot be verified", advice)
            raise


@functools.lru_cache(32)
def pool_classes(address_policy: AddressPolicy | None, ca_bundle: CaBundle, proxy: Proxy | None) -> dict[str, Any]:
    """Return the connection pools by scheme, whose connections observe the deadline and the address policy.

    :param address_policy: checks each address before the connection; None allows all.
    :param ca_bundle: the trusted certificate authorities.
    :param proxy: the proxy that these connections are made to; None for direct connections.
    """
    members = {"guard": _Guard(address_policy, ca_bundle, proxy)}
    return {
        "http": _with_connection(HTTPConnectionPool, type("Connection", (_GuardedConnection,), members)),
        "https": _with_connection(HTTPSConnectionPool, type("SSLConnection", (_GuardedSSLConnection,), members)),
    }


def socks_pool_class(pool_class: Any) -> Any:
    """Return urllib3's pool for a SOCKS proxy with connections that record whether a request may have been sent."""
    return _with_connection(pool_class, type("SocksConnection", (_SentTracker, pool_class.ConnectionCls), {}))


def _with_connection(pool_class: type, connection_class: type) -> Any:
    return type(pool_class.__name__, (pool_class,), {"ConnectionCls": connection_class})
