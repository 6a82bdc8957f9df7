"""The project's Markdown, taken apart: code blocks, sections, links, tables."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

BLOCK: Final = re.compile(
    r"^(?:<!-- (?P<comment>[^\n]*?) -->\n)?```(?P<language>\w*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
"""A fenced code block, with the comment right above it."""

LINK: Final = re.compile(r"\[(?:[^\]\\]|\\.)*\]\(([^)\s]+)\)")

_HEADING = re.compile(r"^(#+) (.+)$", re.MULTILINE)
_TABLE = re.compile(r"(?:^\|.*\|\n?)+", re.MULTILINE)
_CODE_BLOCK_HERE = "\0"


@dataclass(frozen=True)
class Section:
    """A heading, and what stands below it up to the next one.

    :param level: 1 for the page's title, and so on.
    :param heading: the heading's words.
    :param prose: what stands below it, without its code blocks.
    :param blocks: its code blocks, fences included.
    """

    level: int
    heading: str
    prose: str
    blocks: tuple[str, ...]

    @property
    def links(self) -> list[str]:
        """Where its links lead, in their order; its pictures are among them."""
        return LINK.findall(self.heading + self.prose)

    @property
    def pictures(self) -> int:
        """How many pictures it shows."""
        return self.prose.count("![")

    @property
    def tables(self) -> list[tuple[int, int]]:
        """The rows and the columns of its tables."""
        tables = [table.splitlines() for table in _TABLE.findall(self.prose)]
        return [(len(rows), rows[0].count("|") - 1) for rows in tables]

    @property
    def items(self) -> int:
        """How many items its lists have."""
        return len(re.findall(r"^ *(?:-|\d+\.) ", self.prose, re.MULTILINE))

    @property
    def code(self) -> set[str]:
        """What it sets as code within its sentences."""
        return {" ".join(code.split()) for code in re.findall(r"`([^`]+)`", self.heading + self.prose)}


def sections(text: str) -> list[Section]:
    """Take a page apart at its headings.

    :param text: the page; it begins with its title.
    :return: its sections in their order.
    """
    blocks = iter([block[0] for block in BLOCK.finditer(text)])
    _, *parts = _HEADING.split(BLOCK.sub(_CODE_BLOCK_HERE, text))
    return [
        Section(len(marks), heading, prose, tuple(next(blocks) for _ in range(prose.count(_CODE_BLOCK_HERE))))
        for marks, heading, prose in zip(parts[::3], parts[1::3], parts[2::3], strict=True)
    ]


def anchor(heading: str) -> str:
    """Return the anchor of a heading, as code hosts make it.

    :param heading: its words.
    """
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")
