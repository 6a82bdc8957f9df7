"""Lets pages that read well on a code host be pages of the site, unchanged."""

from __future__ import annotations

import os
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

HELD: Final = {"benchmarks": "bench/RESULTS.md", "changelog": "CHANGELOG.md", "contributing": "CONTRIBUTING.md"}
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
    page = docs / docname
    source[0] = _LINK.sub(lambda link: _within_the_site(link, page, page.parent, docs), source[0])
    if docname in HELD:
        held = docs.parent / HELD[docname]
        app.env.note_dependency(held)
        text = held.read_text().partition("\n")[2]
        source[0] += _LINK.sub(lambda link: _within_the_site(link, page, held.parent, docs), text)
    if docname in CHAPTERS:
        source[0] += f"\n```{{toctree}}\n:hidden:\n:glob:\n\n{CHAPTERS[docname]}\n```\n"


def _within_the_site(link: re.Match[str], page: Path, folder: Path, docs: Path) -> str:
    """Lead to the page that holds a file outside the docs, or let people download the file.

    :param link: the link in Markdown.
    :param page: the page of the site that has the link, without its ending.
    :param folder: the folder in which the link's destination starts.
    :param docs: the folder of the docs.
    """
    words, destination = link.groups()
    path, mark, fragment = destination.partition("#")
    target = (folder / path).resolve()
    if "://" in destination or not path:
        return link[0]
    if target == docs / "README.md":
        return f"[{words}](/index.md)"
    if target.is_relative_to(docs):
        return f"[{words}](/{target.relative_to(docs).as_posix()}{mark}{fragment})"
    for name, file in HELD.items():
        if target == docs.parent / file:
            return words if name == page.name else f"[{words}](/{name}.md)"
    return f"{{download}}`{words} <{os.path.relpath(target, page.parent)}>`"
