"""Ports on loopback that must not be reached, and a record of the addresses that this process connects to."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import socket
from typing import Any, Self

import pytest

LOOPBACK = ("127.0.0.1", "127.255.255.254", "::1")


class Listeners:
    """Listens on one port at several addresses of loopback, and never answers; a context manager."""

    def __init__(self, addresses: tuple[str, ...] = LOOPBACK) -> None:
        self._addresses = addresses
        self._sockets: list[socket.socket] = []
        self.port = 0

    def __enter__(self) -> Self:
        while len(self._sockets) < len(self._addresses):
            self._close()
            self.port = 0
            with contextlib.suppress(OSError):  # the port is in use at one of the addresses: try another
                for address in self._addresses:
                    self._listen(address)
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def accepted(self) -> int:
        """Return the number of connections since the last call: the kernel completes them before they are accepted."""
        count = 0
        for listener in self._sockets:
            with contextlib.suppress(BlockingIOError):
                while True:
                    listener.accept()[0].close()
                    count += 1
        return count

    def _listen(self, address: str) -> None:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.create_server((address, self.port), family=family)
        listener.setblocking(False)
        self._sockets.append(listener)
        self.port = listener.getsockname()[1]

    def _close(self) -> None:
        for listener in self._sockets:
            listener.close()
        self._sockets.clear()


def watch_connects(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Record the addresses that sockets of this process connect to; only loopback is allowed."""
    reached: list[str] = []
    really_connect = socket.socket.connect

    def connect(sock: socket.socket, address: Any) -> None:
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            reached.append(address[0])
            if not ipaddress.ip_address(address[0].partition("%")[0]).is_loopback:
                raise OSError(errno.ENETUNREACH, "tests may connect to loopback only")
        really_connect(sock, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return reached
