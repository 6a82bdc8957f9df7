"""Connections that take little until somebody wants more: what is wrong with a picture mostly stands at its start.

A machine takes what comes before anybody reads it: 64 KB and more, while it is being looked at. A smaller buffer alone
would slow down all that follows, since connections agree on the scale of their windows at the start. So here it is
small and, for the connecting, not held; then held; and then let go, from when on the kernel makes it as large as the
line is fast. Kernels before Linux 5.15 cannot let go, and there nothing is done.
"""

from __future__ import annotations

import socket
import sys
from typing import Final

_SO_BUF_LOCK: Final = 72
_NOTHING: Final = 0
_WHAT_IS_RECEIVED: Final = 2

_BYTES: Final = 2_304
"""The least that Linux takes. It doubles that, and asks for more as soon as the first bytes are read: some 6 KB cross
the network."""


def prepare(sock: socket.socket) -> None:
    """Let a socket that is not yet connected take little at first, where the kernel can undo that."""
    if _hold(sock, _NOTHING):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BYTES)
        _hold(sock, _NOTHING)


def begin(sock: socket.socket) -> None:
    """Hold a socket that was prepared, and is connected now, to that little."""
    _hold(sock, _WHAT_IS_RECEIVED)


def end(sock: socket.socket) -> None:
    """Let a connected socket take as much as its line can bring."""
    _hold(sock, _NOTHING)


def _hold(sock: socket.socket, which: int) -> bool:
    """Hold a socket's buffers at the size that they have, and tell whether the kernel can do that."""
    if sys.platform != "linux":
        return False
    try:
        sock.setsockopt(socket.SOL_SOCKET, _SO_BUF_LOCK, which)
    except OSError:
        return False
    return True
