"""The page's words, in the languages that it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from airflow_provider_oppo_image.plugins.words import en, zh


@dataclass(frozen=True)
class Words:
    """The words of one language.

    :param tag: its tag, as HTML takes it.
    :param texts: its texts by name, with places to fill in.
    :param problems: what a code means and, where it is said otherwise than by the check, what to do about it.
    """

    tag: str
    texts: Mapping[str, str]
    problems: Mapping[str, tuple[str, str]]

    def __call__(self, text: str, /, **values: object) -> str:
        """Return a text with its places filled in.

        :param text: its name.
        :param values: what goes into its places.
        """
        return self.texts[text].format(**values)

    def heading(self, code: str) -> str:
        """Return what a code of a problem means, in a few words; the code itself where nothing is known of it.

        :param code: of the check, or of a service's refusal.
        """
        return self.problems.get(code, (code, ""))[0]

    def advice(self, code: str, said: str) -> str:
        """Return what to do about a problem.

        :param code: its code.
        :param said: what the check or the error says itself, in English.
        """
        return self.problems.get(code, ("", ""))[1] or said


ENGLISH: Final = Words("en", en.TEXTS, en.PROBLEMS)
CHINESE: Final = Words("zh-CN", zh.TEXTS, zh.PROBLEMS)


def words_for(accept_language: str) -> Words:
    """Return the words of the language that a browser asks for first: Chinese, or else English.

    :param accept_language: the request's header; "" for none.
    """
    wanted: list[tuple[float, str]] = []
    for entry in accept_language.split(","):
        tag, _, quality = entry.partition(";q=")
        try:
            wanted.append((-float(quality or 1), tag.strip().lower().partition("-")[0]))
        except ValueError:
            continue
    known = [language for _, language in sorted(wanted, key=lambda one: one[0]) if language in ("en", "zh")]
    return CHINESE if known[:1] == ["zh"] else ENGLISH
