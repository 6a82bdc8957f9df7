"""Messages of the page in English and Chinese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from airflow_provider_oppo_image.plugins.translations import en, zh


@dataclass(frozen=True)
class Translation:
    """The messages of one language.

    :param tag: its language tag, for HTML.
    :param messages: its messages by name, with `str.format` fields.
    :param problems: for each problem code a heading, and advice; "" where the check's own advice is used.
    """

    tag: str
    messages: Mapping[str, str]
    problems: Mapping[str, tuple[str, str]]

    def __call__(self, name: str, /, **values: object) -> str:
        """Return a message with its fields filled in.

        :param name: its name.
        :param values: the values of its fields.
        """
        return self.messages[name].format(**values)

    def heading(self, code: str) -> str:
        """Return the heading for a problem code; the code itself if it is unknown.

        :param code: a code of the check, or of a failed upload.
        """
        return self.problems.get(code, (code, ""))[0]

    def advice(self, code: str, default: str) -> str:
        """Return the advice for a problem.

        :param code: its code.
        :param default: the advice of the check or the error itself, in English.
        """
        return self.problems.get(code, ("", ""))[1] or default


ENGLISH: Final = Translation("en", en.MESSAGES, en.PROBLEMS)
CHINESE: Final = Translation("zh-CN", zh.MESSAGES, zh.PROBLEMS)


def translation_for(accept_language: str) -> Translation:
    """Return the translation that a browser prefers: Chinese, or English for all other languages.

    :param accept_language: the request's header; "" for none.
    """
    preferences: list[tuple[float, str]] = []
    for entry in accept_language.split(","):
        tag, _, quality = entry.partition(";q=")
        try:
            preferences.append((-float(quality or 1), tag.strip().lower().partition("-")[0]))
        except ValueError:
            continue
    languages = [language for _, language in sorted(preferences, key=lambda item: item[0])]
    known = [language for language in languages if language in ("en", "zh")]
    return CHINESE if known[:1] == ["zh"] else ENGLISH
