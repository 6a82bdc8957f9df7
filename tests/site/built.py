"""The built site, taken apart: its pages, what they load, where they lead."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from tests.docs.pages import ROOT

SITE = ROOT / "build/docs"

_LOADS = {
    "script": "src",
    "img": "src",
    "iframe": "src",
    "source": "src",
    "object": "data",
    "embed": "src",
    "link": "href",
}


class Page(HTMLParser):
    """A page of the site.

    :param path: its file.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.loads: list[str] = []
        self.links: list[str] = []
        self.ids: set[str] = set()
        self.words: list[str] = []
        self.language = ""
        self.feed(path.read_text())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "html":
            self.language = given.get("lang", "")
        if "id" in given:
            self.ids.add(given["id"])
        if tag == "a" and "href" in given:
            self.links.append(given["href"])
        if _LOADS.get(tag) in given and given.get("rel") not in ("canonical", "index", "search", "next", "prev"):
            self.loads.append(given[_LOADS[tag]])
        if "srcset" in given:
            self.loads += [entry.split()[0] for entry in given["srcset"].split(",")]

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    @property
    def text(self) -> str:
        """The visible text, and the text of scripts."""
        return "".join(self.words)

    def target(self, link: str) -> tuple[Path, str]:
        """Return the file and the place in it to which a link within the site leads."""
        parts = urlsplit(link)
        return (self.path.parent / unquote(parts.path)).resolve() if parts.path else self.path, unquote(parts.fragment)


def is_elsewhere(link: str) -> bool:
    """Return whether a link leaves the site."""
    parts = urlsplit(link)
    return bool(parts.scheme and parts.scheme != "data") or bool(parts.netloc)
