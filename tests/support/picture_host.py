"""A real picture host on a loopback port, well-behaved or not.

    with PictureHost() as host:
        url = host.serve("/big.png", artwork.png())
        ...
        assert host.requests == ["/big.png"]

Each method that adds a page returns its URL. A page replaces an earlier one with the same path; other paths are 404.
"""

from __future__ import annotations

import contextlib
import gzip
import http.server
import select
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Mapping
from typing import Any, Self
from urllib.parse import urlsplit

Page = Callable[["_Handler"], None]


class PictureHost:
    """An HTTP server whose pages a test adds.

    :param address: the loopback address to listen at.
    :param tls: makes it an HTTPS server.

    `connections` counts accepted connections, `requests` lists the requested paths with queries, `headers` has the
    requests' headers, and `sent` counts the sent bytes of bodies.
    """

    def __init__(self, address: str = "127.0.0.1", tls: ssl.SSLContext | None = None) -> None:
        self.connections = 0
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.sent = 0
        self.pages: dict[str, Page] = {}
        self.closing = threading.Event()
        self._server = _Server((address, 0), self, tls)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        """The host's URL without a path: ``http://127.0.0.1:12345``."""
        host = str(self._server.server_address[0])
        return f"{self._server.scheme}://{f'[{host}]' if ':' in host else host}:{self.port}"

    def add(self, path: str, page: Page) -> str:
        """Add a page."""
        self.pages[urlsplit(path).path] = page
        return self.base_url + path

    def serve(
        self,
        path: str,
        body: bytes = b"",
        *,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        content_type: str = "image/png",
        length: bool = True,
    ) -> str:
        """Answer with a body; without `length` there is no Content-Length, and the connection is closed after it."""
        all_headers = {
            "Content-Type": content_type,
            **({"Content-Length": str(len(body))} if length else {}),
            **(headers or {}),
        }

        def page(handler: _Handler) -> None:
            handler.begin(status, all_headers)
            handler.send(body)
            handler.close_connection = not length

        return self.add(path, page)

    def status(self, path: str, status: int, headers: Mapping[str, str] | None = None) -> str:
        """Answer with a status and a page of HTML."""
        return self.serve(path, b"<html>no</html>", status=status, headers=headers, content_type="text/html")

    def redirect(self, path: str, location: str, status: int = 302) -> str:
        """Answer with a redirect."""
        return self.serve(path, status=status, headers={"Location": location})

    def chunked(self, path: str, body: bytes, size: int = 8192) -> str:
        """Answer in chunks, with no Content-Length."""

        def page(handler: _Handler) -> None:
            handler.begin(200, {"Transfer-Encoding": "chunked"})
            for start in range(0, len(body), size):
                piece = body[start : start + size]
                handler.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            handler.send(b"0\r\n\r\n")

        return self.add(path, page)

    def gzipped(self, path: str, body: bytes) -> str:
        """Answer with a compressed body, whatever the client accepts."""
        return self.serve(path, gzip.compress(body), headers={"Content-Encoding": "gzip"})

    def drip(self, path: str, body: bytes, every: float = 0.05, size: int = 1) -> str:
        """Send a few bytes at a time: `size` bytes every so many seconds."""

        def page(handler: _Handler) -> None:
            handler.begin(200, {"Content-Length": str(len(body))})
            for start in range(0, len(body), size):
                handler.send(body[start : start + size])
                if self.closing.wait(every):
                    break

        return self.add(path, page)

    def stall(self, path: str, body: bytes | None = None) -> str:
        """Stop sending: before the answer, or after the first bytes of its body."""

        def page(handler: _Handler) -> None:
            if body is not None:
                handler.begin(200, {"Content-Length": str(len(body) + 1)})
                handler.send(body)
            handler.wait_for_client_to_leave()

        return self.add(path, page)

    def cut(self, path: str, body: bytes, after: int) -> str:
        """Announce a complete body, and close the connection after some bytes of it."""

        def page(handler: _Handler) -> None:
            handler.begin(200, {"Content-Length": str(len(body))})
            handler.send(body[:after])
            handler.close_connection = True

        return self.add(path, page)

    def reset(self, path: str, body: bytes = b"", after: int | None = None) -> str:
        """Reset the connection: before the answer, or after some bytes of a body."""

        def page(handler: _Handler) -> None:
            if after is not None:
                handler.begin(200, {"Content-Length": str(len(body))})
                handler.send(body[:after])
            handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            handler.connection.close()
            handler.close_connection = True

        return self.add(path, page)

    def hang_up(self, path: str) -> str:
        """Close the connection without an answer."""
        return self.add(path, lambda handler: setattr(handler, "close_connection", True))

    def endless(self, path: str, start: bytes, more: bytes, length: int | None = None) -> str:
        """Send a start, and then the same piece repeatedly while the client reads."""

        def page(handler: _Handler) -> None:
            handler.begin(200, {} if length is None else {"Content-Length": str(length)})
            handler.send(start)
            while not self.closing.is_set():
                handler.send(more)

        return self.add(path, page)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], host: PictureHost, tls: ssl.SSLContext | None) -> None:
        self.host = host
        self.tls = tls
        self.scheme = "https" if tls else "http"
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, _Handler)

    def get_request(self) -> tuple[Any, Any]:
        connection, address = super().get_request()
        self.host.connections += 1
        return connection, address

    def finish_request(self, request: Any, client_address: Any) -> None:
        # The handshake runs in the connection's own thread, so that it does not delay others.
        with contextlib.suppress(OSError):
            request = self.tls.wrap_socket(request, server_side=True) if self.tls else request
            super().finish_request(request, client_address)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore clients that disconnect early: the tests are about them."""


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Server
    timeout = 30

    def do_GET(self) -> None:
        host = self.server.host
        host.requests.append(self.path)
        host.headers.append(dict(self.headers))
        page = host.pages.get(urlsplit(self.path).path)
        if page is None:
            self.begin(404, {"Content-Length": "0"})
        else:
            page(self)

    def begin(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the status and the headers."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if not {"content-length", "transfer-encoding"} & {name.lower() for name in headers}:
            self.close_connection = True
        self.end_headers()

    def send(self, body: bytes) -> None:
        """Send a part of the body, and count it."""
        self.wfile.write(body)
        self.server.host.sent += len(body)

    def wait_for_client_to_leave(self) -> None:
        while not self.server.host.closing.is_set():
            readable, _, _ = select.select([self.connection], [], [], 0.02)
            if readable:
                break
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass
