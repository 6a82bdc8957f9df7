"""The project's Markdown: a parser of sections, code blocks, links and tables, and a writer of tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

BLOCK: Final = re.compile(
    r"^(?:<!-- (?P<comment>[^\n]*?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
"""A fenced code block, with the HTML comment above it."""

LINK: Final = re.compile(r"\[(?:[^\]\\]|\\.)*\]\(([^)\s]+)\)")

_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_TABLE = re.compile(r"(?:^\|.*\|\n?)+", re.MULTILINE)
_BLOCK_MARK = "\0"


@dataclass(frozen=True)
class Section:
    """A heading and the text below it; `prose` has no code blocks, and `blocks` include their fences."""

    level: int
    heading: str
    prose: str
    blocks: tuple[str, ...]

    @property
    def links(self) -> list[str]:
        return LINK.findall(self.heading + self.prose)

    @property
    def pictures(self) -> int:
        return self.prose.count("![")

    @property
    def tables(self) -> list[tuple[int, int]]:
        """The numbers of rows and columns of each table."""
        tables = [table.splitlines() for table in _TABLE.findall(self.prose)]
        return [(len(rows), rows[0].count("|") - 1) for rows in tables]

    @property
    def items(self) -> int:
        """The number of list items."""
        return len(re.findall(r"^ *(?:-|\d+\.) ", self.prose, re.MULTILINE))

    @property
    def code(self) -> set[str]:
        """The inline code."""
        return {" ".join(code.split()) for code in re.findall(r"`([^`]+)`", self.heading + self.prose)}


def sections(text: str) -> list[Section]:
    """Split a page at its headings."""
    blocks = iter([block[0] for block in BLOCK.finditer(text)])
    _, *parts = _HEADING.split(BLOCK.sub(_BLOCK_MARK, text))
    return [
        Section(len(marks), heading, prose, tuple(next(blocks) for _ in range(prose.count(_BLOCK_MARK))))
        for marks, heading, prose in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as code hosts make it."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> list[str]:
    """Return the lines of a table; the columns `right` are aligned to the right."""
    rule = ["--:" if column in set(right) else "---" for column in range(len(head))]
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    return [f"| {' | '.join(row)} |" for row in (head, rule, *cells)]


def replace_table(text: str, lines: Sequence[str]) -> str:
    """Return a page with the table replaced that has the same head as the given lines.

    :raises StopIteration: if the page has no such table.
    """
    old = next(table for table in _TABLE.findall(text) if table.startswith(lines[0] + "\n"))
    return text.replace(old, "\n".join(lines) + "\n")


def replace_section(page: Path, title: str, heading: str, lines: Iterable[str]) -> None:
    """Write a section of level 2 of a page, or add it at the end; the other sections stay."""
    _, *parts = page.read_text().split("\n## ") if page.exists() else [""]
    texts = {name: text for name, _, text in (part.partition("\n") for part in parts)}
    texts[heading] = "\n".join(["", *lines, ""])
    page.write_text(title + "".join(f"\n## {name}\n{text}" for name, text in texts.items()))
