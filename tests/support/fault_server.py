"""A server on a loopback port with faulty answers.

    with FaultServer(answer(500, b"oops"), [send(HEAD), reset]) as server:
        ...                                       # asks server.url twice
        assert server.accepted == 1

Each request gets the next reply, and the last reply if there are no more. A reply is a step or a list of
steps; after the last step the connection stays open for the next request, unless a step has closed it.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import socket
import ssl
import struct
import termios
import threading
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import IO, Any, Self, TypeAlias

Step: TypeAlias = Callable[["Connection"], None]
Reply: TypeAlias = Step | Sequence[Step]


class ConnectionClosedError(Exception):
    """The connection must be closed."""


@dataclass(frozen=True)
class Received:
    """A request that the server got.

    :param head: the request line and the headers, as they came.
    :param body: the body.
    """

    head: bytes
    body: bytes

    @property
    def line(self) -> str:
        """The method and the path."""
        return self.head.split(b"\r\n", 1)[0].decode().removesuffix(" HTTP/1.1")

    @property
    def headers(self) -> dict[str, str]:
        """The headers, their names in lower case."""
        pairs = (line.split(b": ", 1) for line in self.head.strip().split(b"\r\n")[1:])
        return {name.decode().lower(): value.decode() for name, value in pairs}

    @property
    def json(self) -> Any:
        """The body, parsed."""
        return json.loads(self.body)


@dataclass
class Connection:
    """A connection, with the request that a step answers."""

    sock: socket.socket
    server: FaultServer
    request: Received | None = None

    def send(self, data: bytes) -> None:
        """Send bytes, and count those that the network accepted."""
        while data:
            sent = self.sock.send(data)
            self.server.taken += sent
            data = data[sent:]


def send(data: bytes) -> Step:
    """Send these bytes."""
    return lambda line: line.send(data)


def drip(data: bytes, every: float = 0.02) -> Step:
    """Send one byte every `every` seconds."""

    def step(line: Connection) -> None:
        for byte in data:
            line.send(bytes([byte]))
            if line.server.stopping.wait(every):
                raise ConnectionClosedError

    return step


def flood(size: int) -> Step:
    """Send `size` bytes, while the client reads them."""

    def step(line: Connection) -> None:
        for _ in range(size // 65_536):
            line.send(b" " * 65_536)

    return step


def flood_in_chunks(start: bytes, size: int) -> Step:
    """Send a chunked body with this start and `size` more bytes, while the client reads them."""

    def step(line: Connection) -> None:
        line.send(b"%x\r\n%b\r\n" % (len(start), start))
        for _ in range(size // 65_536):
            line.send(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        line.send(b"0\r\n\r\n")

    return step


def headers_without_end(line: Connection) -> None:
    """Send headers without end, while the client reads them."""
    line.send(b"HTTP/1.1 200 OK\r\n")
    while not line.server.stopping.is_set():
        line.send(b"X-More: " + b"x" * 1_000 + b"\r\n")


def stall(line: Connection) -> None:
    """Send nothing until the server is stopped."""
    line.server.stopping.wait()
    raise ConnectionClosedError


def delivered(line: Connection) -> None:
    """Wait until the peer has received everything: a reset would discard the rest."""
    while any(fcntl.ioctl(line.sock.fileno(), termios.TIOCOUTQ, bytes(4))) and not line.server.stopping.wait(0.001):
        pass


def reset(line: Connection) -> None:
    """Reset the connection."""
    line.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raise ConnectionClosedError


def break_tls(line: Connection) -> None:
    """Send plain text on a TLS connection."""
    os.write(line.sock.fileno(), b"HTTP/1.1 500 Out of order\r\n\r\n")


def close(_line: Connection) -> None:
    """Close the connection, after everything was delivered."""
    raise ConnectionClosedError


def answer(status: int, body: bytes | dict[str, Any] | list[Any] | None = b"", **headers: str) -> Step:
    """Send a complete answer; underscores in header names become hyphens, and a body that is not bytes becomes JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", f"Content-Length: {len(content)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return send("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


def refusal(code: object, status: int, message: str = "no", **headers: str) -> Step:
    """Send the service's error."""
    return answer(status, {"error": {"code": code, "message": message}}, **headers)


@functools.cache
def gzip_bomb(status: int) -> Step:
    """Send 60 MB, compressed to 60 KB."""
    packer = zlib.compressobj(wbits=31)
    packed = b"".join(packer.compress(bytes(1_000_000)) for _ in range(60)) + packer.flush()
    return answer(status, packed, Content_Encoding="gzip", Location="/x")


class FaultServer:
    """The server; a context manager.

    `requests` lists the received requests, `accepted` counts the connections, and `taken` counts the bytes that the
    network accepted.

    :param replies: the replies, in order.
    :param greeting: a step for each new connection, before anything is read and before TLS.
    :param tls: makes it an HTTPS server.
    """

    def __init__(self, *replies: Reply, greeting: Step | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Received] = []
        self.accepted = 0
        self.taken = 0
        self.stopping = threading.Event()
        self._replies, self._greeting, self._tls = replies, greeting, tls
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))

    @property
    def port(self) -> int:
        return int(self._listener.getsockname()[1])

    @property
    def url(self) -> str:
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    @property
    def connections(self) -> int:
        """The number of open connections."""
        return len(self._open)

    def __enter__(self) -> Self:
        self._run(self._listen)
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._threads[0].join()
        self._listener.close()
        with self._lock:
            for sock in self._open:
                with contextlib.suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _run(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _listen(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                sock, _ = self._listener.accept()
                self.accepted += 1
                self._run(self._serve, sock)

    def _serve(self, sock: socket.socket) -> None:
        with contextlib.suppress(OSError, ConnectionClosedError), self._registered(sock):
            if self._greeting:
                self._greeting(Connection(sock, self))
            if not self._tls:
                self._converse(Connection(sock, self))
                return
            with self._tls.wrap_socket(sock, server_side=True) as secure, self._registered(secure):
                self._converse(Connection(secure, self))

    @contextlib.contextmanager
    def _registered(self, sock: socket.socket) -> Iterator[None]:
        """Close the socket at the end, and let `__exit__` shut it down earlier."""
        with self._lock:
            self._open.add(sock)
        try:
            yield
        finally:
            with self._lock:
                sock.close()
                self._open.remove(sock)

    def _converse(self, line: Connection) -> None:
        with line.sock.makefile("rb") as incoming:
            while head := _read_head(incoming):
                length = int(Received(head, b"").headers.get("content-length", 0))
                received = Received(head, incoming.read(length))
                with self._lock:
                    reply = self._replies[min(len(self.requests), len(self._replies) - 1)]
                    self.requests.append(received)
                line.request = received
                for step in (reply,) if callable(reply) else reply:
                    step(line)


def _read_head(incoming: IO[bytes]) -> bytes:
    """Return a request's line and headers; b"" if there is no further request."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = incoming.readline()
        if not line:
            return b""
        head += line
    return head
