"""The Chinese pages say what the English ones say, in the words that the project has chosen."""

from __future__ import annotations

import re

import pytest

from airflow_provider_oppo_image.plugins.translations import zh
from scripts.markdown import LINK, sections
from scripts.translations import Translations
from tests.docs.pages import ROOT, prose, rows

TRANSLATIONS = Translations(ROOT)
THERE = {
    page: other for page, other in TRANSLATIONS.pairs.items() if (ROOT / page).exists() and (ROOT / other).exists()
}
CHINESE_PAGE = pytest.mark.parametrize("page", THERE.values())
GLOSSARY = "docs/decisions/translations.md"
HAN = "[\u4e00-\u9fff]"


@pytest.mark.parametrize("page", TRANSLATIONS.pairs)
def test_chinese_page_matches_english(page: str) -> None:
    assert not list(TRANSLATIONS.differences(page))


@pytest.mark.parametrize(("page", "other"), THERE.items())
def test_twin_pages_link_each_other(page: str, other: str) -> None:
    for start, end in ((page, other), (other, page)):
        second = (ROOT / start).read_text().split("\n\n")[1]
        assert [(ROOT / start).parent.joinpath(link).resolve() for link in LINK.findall(second)] == [ROOT / end]


@pytest.mark.parametrize("page", [*THERE, *THERE.values()])
def test_page_headings_are_unique(page: str) -> None:
    headings = [section.heading for section in sections((ROOT / page).read_text())]
    assert len(set(headings)) == len(headings)


def sentences(page: str) -> str:
    """Return a page's prose with its code shown as a letter, and without where its links lead."""
    return re.sub(r"`[^`]*`", "x", re.sub(r"\]\([^)\s]+\)", "]", prose(ROOT / page)))


@CHINESE_PAGE
def test_chinese_paragraph_is_one_line(page: str) -> None:
    assert not re.findall(rf"\n.*(?:{HAN}|[，。；：、）])\n(?! *(?:- |\d+\. |\||!|#|\n|$)).+", sentences(page))


@CHINESE_PAGE
def test_chinese_spacing_and_punctuation(page: str) -> None:
    text = re.sub(r"[\[\]*]", "", sentences(page))
    assert not re.findall(rf".{{0,9}}(?:{HAN}[A-Za-z0-9]|[A-Za-z0-9]{HAN}).{{0,9}}", text)
    assert not re.findall(rf".{{0,9}}{HAN}[,;:!?()].{{0,9}}", text)


AVOIDED = {word for row in rows(GLOSSARY, "Words") for word in row[2].split("、") if word}


@CHINESE_PAGE
def test_chinese_page_avoids_words(page: str) -> None:
    assert len(AVOIDED) > 10
    assert not [word for word in AVOIDED if word in sentences(page)]


def test_nor_has_the_page_in_airflow() -> None:
    said = [*zh.MESSAGES.values(), *(words for problem in zh.PROBLEMS.values() for words in problem)]
    assert not [(word, words) for words in said for word in AVOIDED if word in words]
