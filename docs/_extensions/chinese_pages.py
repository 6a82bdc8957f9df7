"""Language, navigation and frame of the Chinese pages, and a search that finds them."""

from __future__ import annotations

import gettext
import re
from html import escape
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

import sphinx
from sphinx.application import Sphinx
from sphinx.search.en import SearchEnglish

_HAN: Final = r"\u4e00-\u9fff"
_WORD: Final = re.compile(rf"[{_HAN}]+|[^\W{_HAN}]+")


_INDEX: Final = "zh/README"
_TITLE: Final = "Airflow 的 OPPO 图片 provider"
_SPHINX: Final = gettext.translation("sphinx", Path(sphinx.__file__).parent / "locale", ["zh_CN"])
_THEME: Final = {
    "Back to top": "回到顶部",
    "Edit this page": "编辑本页",
    "Home": "首页",
    "Made with": "制作工具：",
    "Next": "下一页",
    "On this page": "本页内容",
    "Previous": "上一页",
    "Search": "搜索",
    "Skip to content": "跳到正文",
    "View this page": "查看本页源文件",
    '<a href="https://www.sphinx-doc.org/">Sphinx</a> and': '<a href="https://www.sphinx-doc.org/">Sphinx</a> 和 ',
}
"""The texts of the theme, which has no translations of its own."""


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the search in both languages and the frame in Chinese."""
    app.add_search_language(SearchInBothLanguages)
    app.connect("source-read", list_guides)
    app.connect("html-page-context", frame_in_chinese, priority=900)  # after the theme's own
    return {"parallel_read_safe": True}


def list_guides(app: Sphinx, docname: str, source: list[str]) -> None:
    """Have the Chinese index lead to the guides of the English one, in the same order, and to the pages for help.

    :param app: the running Sphinx.
    :param docname: the page's path below the docs, without its ending.
    :param source: the page's text, to be changed in place.
    """
    if docname == _INDEX:
        guides = re.findall(r"^how-to/.+$", (Path(app.srcdir) / "index.md").read_text(), re.MULTILINE)
        others = ["troubleshooting", "faq", "errors/pictures", "errors/rows", "errors/service"]
        source[0] += "\n```{toctree}\n:hidden:\n\n" + "\n".join(guides + others) + "\n```\n"


def frame_in_chinese(app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: Any) -> None:
    """Name the language of a Chinese page, and show the frame around it in Chinese.

    :param app: the running Sphinx.
    :param pagename: the page's path below the docs, without its ending.
    :param templatename: the name of the page's template.
    :param context: the variables of the template, to be changed in place.
    :param doctree: the page's contents.
    """
    if not pagename.startswith("zh/"):
        return
    names = [_INDEX, *app.env.toctree_includes[_INDEX]]
    links = [(name, app.env.titles[name].astext()) for name in names] + [("index", "English")]
    items = [
        f'<li class="toctree-l1{" current current-page" * (name == pagename)}">'
        f'<a class="reference internal" href="{context["pathto"](name)}">{escape(title)}</a></li>'
        for name, title in links
    ]
    context["furo_navigation_tree"] = f"<ul>{''.join(items)}</ul>"
    context.update(language="zh-CN", master_doc=_INDEX, docstitle=f"{_TITLE} {app.config.release}")
    context.update(_=_translate, gettext=_translate)
    if pagename == _INDEX:
        context["prev"] = None


def _translate(text: str) -> str:
    """Return a text of the theme or of Sphinx in Chinese."""
    return _THEME.get(" ".join(text.split())) or _SPHINX.gettext(text)


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
