"""A picture's URL on its way in, and what it reaches: the stage of the tests that nobody is let in."""

from __future__ import annotations

import pytest

from tests.support.doors import DOORS, Seen
from tests.support.listeners import Listeners, watch_connects
from tests.support.names import lead_names
from tests.support.outside import ADDRESS, Outside


class Scene:
    """A door that URLs are given to, and what is connected to behind it."""

    def __init__(self, door: str, outside: Outside, listeners: Listeners, monkeypatch: pytest.MonkeyPatch) -> None:
        self._look = DOORS[door]
        self._outside, self._listeners, self._monkeypatch = outside, listeners, monkeypatch
        self._reached = watch_connects(monkeypatch)
        self.asked: list[str] = []

    def look(self, url: str, *, name_leads_to: tuple[list[str], ...] = (), behind_a_redirect: bool = False) -> Seen:
        """Give a URL to the door; "name.example" leads to these addresses, the first time, the second and so on."""
        with self._monkeypatch.context() as patch:
            self.asked = lead_names(patch, {"name.example": name_leads_to} if name_leads_to else {})
            if behind_a_redirect:
                url = self._outside.redirect("/", url.encode().decode("latin-1"))
            return self._look(url)

    def url(self, host: str) -> str:
        """Return a URL with a host, at a port where it is heard if it leads to loopback."""
        return f"http://{host}:{self._listeners.port}/big.png?X-Signature=abc"

    def got_out(self) -> bool:
        """Tell whether anything but the public host was connected to since the last time, or was tried to be."""
        reached = set(self._reached) - {ADDRESS}
        self._reached.clear()
        return self._listeners.accepted() > 0 or bool(reached)
