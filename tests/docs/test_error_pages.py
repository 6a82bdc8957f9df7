"""There is a page for each error and each problem, and it says what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from airflow_provider_oppo_image import errors
from airflow_provider_oppo_image.batch.manifest import ROW_CODES, read_manifest
from airflow_provider_oppo_image.contract import ERROR_CODES
from airflow_provider_oppo_image.errors import (
    OppoImageError,
    PictureError,
    ServiceError,
    TransportError,
    docs_url,
    page_of_type,
)
from airflow_provider_oppo_image.pictures.report import ABSENT_CODES, WARNING_CODES, WRONG_CODES, Code
from airflow_provider_oppo_image.plugins.translations import CHINESE
from airflow_provider_oppo_image.storage import resolve
from scripts import docs_tables
from tests.docs.error_facts import HTTP_FACTS, ROW_FACTS, problem_block, problem_facts, type_facts
from tests.docs.pages import ROOT, Block, blocks, links
from tests.docs.specimens import PROBLEMS
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


def test_error_pages_match_errors() -> None:
    codes = {page(docs_url(code)) for code in (*PROBLEM_CODES, *ROW_CODES, *ERROR_CODES, *OTHERS)}
    assert codes | {FOLDER / f"{page_of_type(cls)}.md" for cls in TYPES} == set(PAGES)


def test_overview_links_each_error_page() -> None:
    overview = ROOT / "docs/errors.md"
    assert {FOLDER.parent / link for link in links(overview) if link.startswith("errors/")} == set(PAGES)


def test_error_pages_have_cause_and_cure() -> None:
    heads = {page.stem: re.findall(r"^## (.+)$", page.read_text(), re.MULTILINE) for page in PAGES}
    expected = ["Why it comes", "What to do"]
    assert not [
        page for page, found in heads.items() if [head for head in found if "looks like" not in head] != expected
    ]


@pytest.mark.parametrize("code", PROBLEM_CODES)
def test_problem_page_shows_report(code: Code, host: PictureHost) -> None:
    text = page(docs_url(code)).read_text()
    assert text.startswith(f"# `{code}`\n")
    assert f"\n\n{problem_facts(code)}\n\n" in text
    problem = PROBLEMS[code](host)
    assert problem.code == code
    assert f"```text\n{problem_block(problem)}\n```" in text


def test_generated_parts_match_code() -> None:
    stale = [path.stem for path, text in docs_tables.renewed().items() if path.read_text() != text]
    assert not stale, "run python -m scripts.docs_tables"


@pytest.mark.parametrize("error_class", TYPES, ids=lambda cls: cls.__name__)
def test_type_page_shows_bases_and_retries(error_class: type[OppoImageError]) -> None:
    text = (FOLDER / f"{page_of_type(error_class)}.md").read_text()
    assert text.startswith(f"# `{error_class.__name__}`\n")
    assert f"\n\n{type_facts(error_class)}\n\n" in text


@pytest.mark.parametrize("code", ROW_CODES)
def test_row_page_shows_place_of_code(code: str) -> None:
    text = page(docs_url(code)).read_text()
    assert text.startswith(f"# `{code}`\n")
    assert f"\n\n{ROW_FACTS}\n\n" in text


def test_chinese_pages_show_codes_with_texts_of_page_in_airflow() -> None:
    problems = [[code, CHINESE.heading(code), CHINESE.advice(code, "")] for code in PROBLEM_CODES]
    assert [cells for cells in chinese_rows("pictures") if cells] == problems
    assert [cells[:2] for cells in chinese_rows("rows")] == [[code, CHINESE.heading(code)] for code in ROW_CODES]
    retries, scopes = {"never": "否", "once": "一次", "later": "是"}, {"account": "账号", "request": "这个请求"}
    codes = {
        code: [", ".join(map(str, row.http_statuses)), retries[row.retry], scopes.get(row.scope, "这张图片")]
        for code, row in ERROR_CODES.items()
    }
    assert {int(cells[0]): cells[1:4] for cells in chinese_rows("service")} == codes


def chinese_rows(name: str) -> list[list[str]]:
    """Return the rows of the tables of a Chinese page about errors, with the code without its link."""
    lines = re.findall(
        r"^\| \[`?([-\w]+)`?\]\([^)]+\) \| (.*) \|$", (ROOT / f"docs/zh/errors/{name}.md").read_text(), re.M
    )
    return [[code, *cells.split(" | ")] for code, cells in lines]


def test_status_page_lists_retried() -> None:
    assert f"\n\n{HTTP_FACTS}\n\n" in page(docs_url("http_404")).read_text()


@pytest.mark.parametrize(
    "block", [b for b in blocks("csv") if b.place.startswith("docs/errors/")], ids=lambda b: b.place
)
def test_shown_manifest_is_valid(block: Block, tmp_path: Path) -> None:
    manifest = tmp_path / "night.csv"
    manifest.write_text(block.text)
    assert not [row.problem for row in read_manifest(resolve(manifest)) if row.problem]
