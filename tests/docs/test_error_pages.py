"""There is a page for each error and each problem, and it says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_provider_oppo_image import errors
from airflow_provider_oppo_image.batch.manifest import ROW_CODES, read_manifest
from airflow_provider_oppo_image.contract import ERROR_CODES, ErrorCode
from airflow_provider_oppo_image.errors import (
    OppoImageError,
    PictureError,
    ServiceError,
    TransportError,
    docs_url,
    page_of_type,
)
from airflow_provider_oppo_image.pictures.report import ABSENT_CODES, WARNING_CODES, WRONG_CODES, Code
from airflow_provider_oppo_image.storage import resolve
from tests.docs.error_facts import HTTP_FACTS, ROW_FACTS, problem_block, problem_facts, service_facts, type_facts
from tests.docs.pages import ROOT, Block, blocks, links
from tests.docs.specimens import PROBLEMS, SERVICE_ERRORS
from tests.support.picture_host import PictureHost

FOLDER = ROOT / "docs/errors"
PAGES = sorted(FOLDER.glob("*.md"))
PROBLEM_CODES: tuple[Code, ...] = (*ABSENT_CODES, *WRONG_CODES, *WARNING_CODES)
BASES = (PictureError, ServiceError, TransportError)
TYPES = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, OppoImageError) and cls not in BASES
]
OTHERS = ("http_404", 4711)


def page(url: str) -> Path:
    """Return the file of which the site makes the page at an address."""
    return FOLDER / (url.rpartition("/")[2].removesuffix(".html") + ".md")


def test_each_has_a_page_and_no_page_is_of_what_there_is_not() -> None:
    codes = {page(docs_url(code)) for code in (*PROBLEM_CODES, *ROW_CODES, *ERROR_CODES, *OTHERS)}
    assert codes | {FOLDER / f"{page_of_type(cls)}.md" for cls in TYPES} == set(PAGES)


def test_the_overview_leads_to_each() -> None:
    overview = ROOT / "docs/errors.md"
    assert {FOLDER.parent / link for link in links(overview) if link.startswith("errors/")} == set(PAGES)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_says_why_it_comes_and_what_to_do(page: Path) -> None:
    heads = re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE)
    assert [head for head in heads if head != "What it looks like"] == ["Why it comes", "What to do"]


@pytest.mark.parametrize("code", PROBLEM_CODES)
def test_a_page_on_a_problem_shows_it_as_the_check_does(code: Code, host: PictureHost) -> None:
    text = page(docs_url(code)).read_text()
    assert text.startswith(f"# `{code}`\n")
    assert f"\n\n{problem_facts(code)}\n\n" in text
    problem = PROBLEMS[code](host)
    assert problem.code == code
    assert f"```text\n{problem_block(problem)}\n```" in text


@pytest.mark.parametrize("row", ERROR_CODES.values(), ids=lambda row: str(row.code))
def test_a_page_on_a_code_of_the_service_shows_the_error_that_comes_of_it(row: ErrorCode) -> None:
    text = page(docs_url(row.code)).read_text()
    assert text.startswith(
        f"# Code {row.code}\n\n{row.meaning[0].upper()}{row.meaning[1:]}.\n\n{service_facts(row)}\n\n"
    )
    assert f"```text\n{SERVICE_ERRORS[row.code]}\n```" in text


@pytest.mark.parametrize("error_class", TYPES, ids=lambda cls: cls.__name__)
def test_a_page_on_a_type_says_who_catches_it_and_whether_airflow_retries(error_class: type[OppoImageError]) -> None:
    text = (FOLDER / f"{page_of_type(error_class)}.md").read_text()
    assert text.startswith(f"# `{error_class.__name__}`\n")
    assert f"\n\n{type_facts(error_class)}\n\n" in text


@pytest.mark.parametrize("code", ROW_CODES)
def test_a_page_on_a_row_says_where_the_code_stands(code: str) -> None:
    text = page(docs_url(code)).read_text()
    assert text.startswith(f"# `{code}`\n")
    assert f"\n\n{ROW_FACTS}\n\n" in text


def test_the_page_on_a_status_says_which_are_retried() -> None:
    assert f"\n\n{HTTP_FACTS}\n\n" in page(docs_url("http_404")).read_text()


@pytest.mark.parametrize(
    "block", [b for b in blocks("csv") if b.place.startswith("docs/errors/")], ids=lambda b: b.place
)
def test_a_manifest_that_a_page_shows_as_the_cure_is_one(block: Block, tmp_path: Path) -> None:
    manifest = tmp_path / "night.csv"
    manifest.write_text(block.text)
    assert not [row.problem for row in read_manifest(resolve(manifest)) if row.problem]
