"""Gives the Chinese pages their language, their place in the navigation, and a search that finds them."""

from __future__ import annotations

import re
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

_HAN: Final = r"\u4e00-\u9fff"
_WORD: Final = re.compile(rf"[{_HAN}]+|[^\W{_HAN}]+")


def setup(app: Sphinx) -> dict[str, Any]:
    """Have Sphinx ask about each page, and search in both languages."""
    app.add_search_language(SearchInBothLanguages)
    app.connect("source-read", list_guides)
    app.connect("html-page-context", say_language)
    return {"parallel_read_safe": True}


def list_guides(app: Sphinx, docname: str, source: list[str]) -> None:
    """Have the Chinese index lead to the guides to which the English one leads, in the same order.

    :param app: the running Sphinx.
    :param docname: the page's path below the docs, without its ending.
    :param source: the page's text, to be changed in place.
    """
    if docname == "zh/README":
        guides = re.findall(r"^how-to/.+$", (Path(app.srcdir) / "index.md").read_text(), re.MULTILINE)
        source[0] += "\n```{toctree}\n:hidden:\n\n" + "\n".join(guides) + "\n```\n"


def say_language(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Name the language of a page, for browsers and for those who listen to it.

    :param app: the running Sphinx.
    :param pagename: the page's path below the docs, without its ending.
    :param templatename: of which template it is made.
    :param context: what the template knows, to be changed in place.
    :param doctree: the page's contents.
    """
    if pagename.startswith("zh/"):
        context["language"] = "zh-CN"


class SearchInBothLanguages(SearchEnglish):
    """English by its words, and Chinese, which has no spaces, by all pairs of neighbours."""

    js_splitter_code = rf"""
    var splitQuery = (query) =>
      query
        .split(/[^\p{{Letter}}\p{{Number}}_\p{{Emoji_Presentation}}]+/gu)
        .flatMap((words) => words.match(/[{_HAN}]+|[^{_HAN}]+/g) || [])
        .flatMap((word) =>
          /^[{_HAN}]{{3,}}$/.test(word) ? Array.from(word.slice(1), (next, index) => word[index] + next) : [word],
        );
    """

    def split(self, input: str) -> list[str]:  # noqa: A002 - Sphinx's own name for it
        """Return the words of a text.

        :param input: the text.
        """
        return [part for word in _WORD.findall(input) for part in _pairs(word)]


def _pairs(word: str) -> list[str]:
    """Return each two neighbours of a Chinese word; another word is one as it stands."""
    if len(word) < 3 or not re.match(rf"[{_HAN}]", word):
        return [word]
    return [first + second for first, second in pairwise(word)]
