"""Gives hostile picture URLs to one entry point of the check, and records the connections that are made."""

from __future__ import annotations

import pytest

from tests.support.check_entry_points import ENTRY_POINTS, CheckOutcome
from tests.support.fake_dns import patch_dns
from tests.support.listeners import Listeners, watch_connects
from tests.support.public_host import ADDRESS, PublicHost


class UrlProbe:
    """Checks URLs through one of `ENTRY_POINTS`. `dns_queries` lists the names that the last check resolved."""

    def __init__(
        self, entry_point: str, public_host: PublicHost, listeners: Listeners, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        self._check = ENTRY_POINTS[entry_point]
        self._public_host, self._listeners, self._monkeypatch = public_host, listeners, monkeypatch
        self._connected = watch_connects(monkeypatch)
        self.dns_queries: list[str] = []

    def check(self, url: str, *, dns_answers: tuple[list[str], ...] = (), via_redirect: bool = False) -> CheckOutcome:
        """Check a URL; "name.example" resolves to these addresses at the first query, at the second and so on."""
        with self._monkeypatch.context() as patch:
            self.dns_queries = patch_dns(patch, {"name.example": dns_answers} if dns_answers else {})
            if via_redirect:
                url = self._public_host.redirect("/", url.encode().decode("latin-1"))
            return self._check(url)

    def url(self, host: str) -> str:
        """Return a URL with a host and the port of the listeners on loopback."""
        return f"http://{host}:{self._listeners.port}/big.png?X-Signature=abc"

    def has_connected(self) -> bool:
        """Return whether the process connected, or tried to, to any but the public host since the last call."""
        forbidden = set(self._connected) - {ADDRESS}
        self._connected.clear()
        return self._listeners.accepted() > 0 or bool(forbidden)
