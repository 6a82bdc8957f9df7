"""A name server for tests: where names lead, and which were asked for."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Any

import pytest


def lead_names(monkeypatch: pytest.MonkeyPatch, names: Mapping[str, Sequence[Sequence[str]]]) -> list[str]:
    """Let names lead to addresses in this process, and return the list of those that are asked for.

    :param names: for each name what it leads to the first time, the second and so on; the last answer is repeated.
        Names that were led before still lead where they did; no other name has an address.
    """
    asked: list[str] = []
    resolve_before = socket.getaddrinfo

    def getaddrinfo(host: str, port: Any, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        asked.append(host)
        if host in names:
            answers = names[host]
            found = answers[min(asked.count(host), len(answers)) - 1]
            return [_entry(address, port) for address in found]
        return list(resolve_before(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return asked


def _entry(address: str, port: Any) -> tuple[Any, ...]:
    family, tail = (socket.AF_INET6, (0, 0)) if ":" in address else (socket.AF_INET, ())
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port, *tail))
