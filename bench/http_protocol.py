"""HTTP as the bench's own servers speak it: requests in, one after the other, on a connection that is kept."""

from __future__ import annotations

import asyncio
from typing import Final, cast

HEAD_END: Final = b"\r\n\r\n"


class Requests(asyncio.Protocol):
    """A connection; each request that is there as a whole is handed to `take`."""

    def __init__(self) -> None:
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where the answers go."""
        self.transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Take each request that is there as a whole."""
        self._received += data
        while HEAD_END in self._received:
            head, _, rest = self._received.partition(HEAD_END)
            length = int(header(head, b"content-length") or 0)
            if len(rest) < length:
                return
            body, self._received = rest[:length], rest[length:]
            self.take(head, body)

    def take(self, head: bytes, body: bytes) -> None:
        """Take a request: its head without the empty line, and its body."""
        raise NotImplementedError


def header(head: bytes, name: bytes) -> bytes:
    """Return the value of one of a head's headers; nothing where there is none.

    :param head: the head.
    :param name: the header's name, in small letters.
    """
    _, found, rest = head.lower().partition(b"\r\n" + name + b":")
    return rest.partition(b"\r\n")[0].strip() if found else b""
