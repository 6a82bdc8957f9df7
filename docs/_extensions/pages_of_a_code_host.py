"""Lets pages that read well on a code host be pages of the site, unchanged."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Final

from pygments.lexers.special import TextLexer
from sphinx.application import Sphinx

CHAPTERS: Final = {
    "errors": "errors/[a-z]*\nerrors/[0-9]*",
    "decisions/README": "*",
    "reference/README": "*",
}
"""Pages that lead to all pages of a folder, and which these are in their order, from the page's own folder."""

HELD: Final = {"benchmarks": "bench/RESULTS.md"}
"""Pages that lead to a file outside the docs on a code host, and hold it on the site, after its picture."""

_LINK: Final = re.compile(r"\[([^\]]+)\]\(([^)\s]+)\)")


def setup(app: Sphinx) -> dict[str, Any]:
    """Have Sphinx hand over each page before it reads it."""
    app.add_lexer("csv", TextLexer)
    app.connect("source-read", adapt)
    return {"parallel_read_safe": True}


def adapt(app: Sphinx, docname: str, source: list[str]) -> None:
    """Make a page of the site of one for a code host.

    :param app: the running Sphinx.
    :param docname: the page's path below the docs, without its ending.
    :param source: the page's text, to be changed in place.
    """
    docs = Path(app.srcdir)
    source[0] = _LINK.sub(lambda link: _within_the_site(link, docname, docs), source[0])
    if docname in HELD:
        source[0] += f"\n```{{include}} ../{HELD[docname]}\n:start-line: 1\n```\n"
    if docname in CHAPTERS:
        source[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n\n{CHAPTERS[docname]}\n```\n"


def _within_the_site(link: re.Match[str], docname: str, docs: Path) -> str:
    """Lead to the page that holds a file outside the docs, or let people download the file."""
    words, destination = link.groups()
    target = (docs / docname).parent.joinpath(destination).resolve()
    if target == docs / "README.md":
        return f"[{words}](/index.md)"
    if "://" in destination or destination.startswith("#") or target.is_relative_to(docs):
        return link[0]
    for page, file in HELD.items():
        if target == docs.parent / file:
            return words if page == docname else f"[{words}](/{page}.md)"
    return f"{{download}}`{words} <{destination}>`"
