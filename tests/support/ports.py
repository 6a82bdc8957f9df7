"""Ports of loopback that servers are told to listen on, where they cannot take any that is free."""

from __future__ import annotations

import contextlib
import socket


def free_port() -> int:
    """Return a port of loopback that nobody listens on now."""
    with contextlib.closing(socket.socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
