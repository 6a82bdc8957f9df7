"""The project's Markdown, taken apart: pages, code blocks, links, tables."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from scripts.markdown import BLOCK, LINK, anchor

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("README*.md"), *(ROOT / "docs").rglob("*.md")])


@dataclass(frozen=True)
class Block:
    """A fenced code block: where it is, the comment right above it, its language and its text."""

    place: str
    comment: str
    language: str
    text: str


@cache
def read(page: Path) -> str:
    """Return a page's text."""
    return page.read_text()


def findings(check: Callable[[Path], Iterable[object]], pages: Iterable[Path] = PAGES) -> dict[str, list[object]]:
    """Return what a check finds, by page."""
    return {name(page): found for page in pages if (found := list(check(page)))}


def name(page: Path) -> str:
    """Return a page's path in the repository."""
    return page.relative_to(ROOT).as_posix()


def blocks(*languages: str) -> Iterator[Block]:
    """Yield the code blocks of all pages in these languages."""
    for page in PAGES:
        text = read(page)
        for match in BLOCK.finditer(text):
            line = text.count("\n", 0, match.start("text"))
            if match["language"] in languages:
                yield Block(f"{name(page)}:{line}", match["comment"] or "", match["language"], match["text"])


@cache
def prose(page: Path) -> str:
    """Return a page without its code blocks."""
    return BLOCK.sub("", read(page))


def links(page: Path) -> list[str]:
    """Return what a page links to."""
    return LINK.findall(prose(page))


@cache
def anchors(page: Path) -> set[str]:
    """Return the anchors of a page's headings, as Git hosts make them."""
    headings = re.findall(r"^#+ (.+)$", prose(page), re.MULTILINE)
    return {anchor(heading) for heading in headings}


def rows(page: str, heading: str, table: int = 0) -> list[list[str]]:
    """Return the cells of a table below a heading, without its head.

    :param page: the page's path in the repository.
    :param heading: the heading's words.
    :param table: which of the heading's tables, from 0.
    """
    sections = re.split(r"^#+ ", prose(ROOT / page), flags=re.MULTILINE)
    [section] = [section for section in sections if section.startswith(heading + "\n")]
    tables = re.findall(r"(?:^\|.*\|\n)+", section, re.MULTILINE)
    assert len(tables) > table, f"{page} has no such table below {heading!r}"
    lines = tables[table].splitlines()[2:]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
