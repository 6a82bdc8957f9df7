"""A small HTTP server for benchmarks, in a process of its own, which prints its URL when it accepts connections."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import urllib.request
from collections.abc import Callable
from typing import Any, ClassVar, Final, Self, cast

from scripts.checkout import ROOT

HEAD_END: Final = b"\r\n\r\n"


class Server:
    """A server that runs until the end of the block: `module` is the module that serves, below `bench`."""

    module: ClassVar[str]

    def __init__(self, *arguments: object) -> None:
        self._command = [sys.executable, "-m", f"bench.{self.module}", *map(str, arguments)]

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(self._command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.url = next(iter(self._process.stdout or ()), "").strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()

    def get_counts(self) -> Any:
        """Return the JSON at ``/counts``."""
        with urllib.request.urlopen(f"{self.url}/counts", timeout=30) as answer:  # noqa: S310  # plain http on loopback
            return json.load(answer)


class Connection(asyncio.Protocol):
    """A kept-alive connection; `answer` is called with the head and the body of each complete request."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._received += data
        while HEAD_END in self._received:
            head, _, rest = self._received.partition(HEAD_END)
            length = int(header(head, b"content-length") or 0)
            if len(rest) < length:
                return
            body, self._received = rest[:length], rest[length:]
            self.answer(head, body)

    def answer(self, head: bytes, body: bytes) -> None:
        raise NotImplementedError


def header(head: bytes, name: bytes) -> bytes:
    """Return the value of a header; b"" if it is missing. The name is in lower case."""
    _, found, rest = head.lower().partition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip() if found else b""


def response(status: bytes, body: bytes, headers: bytes = b"") -> bytes:
    """Return a response; each of the headers ends with CRLF."""
    return b"HTTP/1.1 %s\r\n%sContent-Length: %d" % (status, headers, len(body)) + HEAD_END + body


async def serve(connect: Callable[[], Connection]) -> None:
    """Serve on a free port of loopback, and print the URL."""
    server = await asyncio.get_running_loop().create_server(connect, "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()
