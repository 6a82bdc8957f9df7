"""Replacement of name resolution in this process, which records the queries."""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from typing import Any

import pytest


def patch_dns(monkeypatch: pytest.MonkeyPatch, names: Mapping[str, Sequence[Sequence[str]]]) -> list[str]:
    """Resolve names to given addresses, and return the list of the names that are queried.

    :param names: for each name its addresses at the first query, at the second and so on; the last one is repeated.
        Names of an earlier call stay as they are; no other name resolves.
    """
    queries: list[str] = []
    previous_getaddrinfo = socket.getaddrinfo

    def getaddrinfo(host: str, port: Any, *_: Any, **__: Any) -> list[tuple[Any, ...]]:
        queries.append(host)
        if host in names:
            answers = names[host]
            return [_entry(address, port) for address in answers[min(queries.count(host), len(answers)) - 1]]
        return list(previous_getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST))

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    return queries


def _entry(address: str, port: Any) -> tuple[Any, ...]:
    family, tail = (socket.AF_INET6, (0, 0)) if ":" in address else (socket.AF_INET, ())
    return (family, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port, *tail))
