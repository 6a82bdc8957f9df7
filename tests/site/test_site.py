"""The site that `make docs` has made is whole, and needs no other one."""

from __future__ import annotations

import json
import re
import zlib
from collections.abc import Iterator
from inspect import isclass, isfunction

import pytest

from airflow_provider_oppo_image import contract, errors
from airflow_provider_oppo_image.batch.manifest import ROW_CODES
from airflow_provider_oppo_image.cli.main import make_parser, parsers
from airflow_provider_oppo_image.connection import FIELDS
from airflow_provider_oppo_image.errors import DOCS_URL, docs_url
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.hooks.push_status import PushStatusMixin
from airflow_provider_oppo_image.operators import oppo_image as operators
from airflow_provider_oppo_image.pictures import report
from airflow_provider_oppo_image.sensors import oppo_image as sensors
from airflow_provider_oppo_image.triggers import oppo_image as triggers
from tests.docs.pages import PAGES as SOURCES
from tests.docs.pages import ROOT
from tests.site.built import SITE, Page, is_elsewhere

PACKAGE = "airflow_provider_oppo_image"
PAGES = {path.relative_to(SITE).as_posix(): Page(path) for path in sorted(SITE.rglob("*.html"))}
if not PAGES:
    pytest.fail("There is no site in build/docs. Run: make docs", pytrace=False)


def test_site_has_each_docs_page() -> None:
    docs = ROOT / "docs"
    sources = [page.relative_to(docs) for page in SOURCES if page.is_relative_to(docs) and page != docs / "README.md"]
    assert len(sources) > 100
    assert {page.with_suffix(".html").as_posix() for page in sources} <= PAGES.keys()


def test_nothing_is_loaded_from_elsewhere() -> None:
    loads = {(name, load) for name, page in PAGES.items() for load in page.loads}
    assert len(loads) > 100
    assert not [(name, load) for name, load in loads if is_elsewhere(load)]
    style = "".join(path.read_text() for path in SITE.rglob("*.css"))
    assert not [
        load
        for load in re.findall(r"url\(\s*[\"']?([^\"')]+)|@import\s+[\"']?([^\"');]+)", style)
        if is_elsewhere(load[0] or load[1])
    ]


def test_site_assets_exist() -> None:
    files = [page.target(load)[0] for page in PAGES.values() for load in page.loads if not load.startswith("data:")]
    assert not [path for path in files if not path.is_file()]


@pytest.mark.parametrize("name", PAGES)
def test_site_links_exist(name: str) -> None:
    page = PAGES[name]
    broken = []
    for link in page.links:
        if is_elsewhere(link):
            continue
        path, place = page.target(link)
        there = PAGES.get(path.relative_to(SITE).as_posix())
        if not path.is_file() or (there and place and place not in there.ids):
            broken.append(link)
    assert not broken


def test_error_message_links_exist() -> None:
    every = (
        *report.ABSENT_CODES,
        *report.WRONG_CODES,
        *report.WARNING_CODES,
        *ROW_CODES,
        *contract.ERROR_CODES,
        "http_404",
    )
    assert {docs_url(code).removeprefix(f"{DOCS_URL}/") for code in every} <= PAGES.keys()


def public() -> Iterator[str]:
    """Yield what users import or catch."""
    yield from (f"operators.oppo_image.{name}" for name in operators.__all__)
    yield from (f"triggers.oppo_image.{name}" for name in triggers.__all__)
    yield from (f"errors.{name}" for name, value in vars(errors).items() if isclass(value) and name.endswith("Error"))
    yield from (
        f"hooks.oppo_image.OppoImageHook.{name}"
        for cls in (PushStatusMixin, OppoImageHook)
        for name, value in vars(cls).items()
        if isfunction(value) and not name.startswith("_")
    )
    yield from (f"contract.{name}" for name in vars(contract) if name.isupper() and name[0] != "_")
    yield from (
        *(f"sensors.oppo_image.{name}" for name in sensors.__all__),
        "hooks.oppo_image.airflow_errors",
        "operators.asset_events.uploaded_pictures",
        "batch.split.split_manifest",
        "batch.split.merge_results",
        "pictures.check.check_picture",
        "pictures.report.PictureReport",
        "pictures.report.WRONG_CODES",
        "errors.docs_url",
    )


def test_reference_has_public_names() -> None:
    *_, entries = (SITE / "objects.inv").read_bytes().split(b"\n", 4)
    names = {line.split()[0] for line in zlib.decompress(entries).decode().splitlines()}
    shown_elsewhere = {"contract.ERROR_CODES", "contract.PICTURE_RULES"}  # on the pages of errors and of limits
    assert not [name for name in public() if f"{PACKAGE}.{name}" not in names and name not in shown_elsewhere]


def test_reference_has_command_options() -> None:
    text = PAGES["reference/commands.html"].text
    actions = [action for parser in parsers(make_parser()) for action in parser._actions]
    assert not [option for action in actions for option in action.option_strings if option not in text]


def test_reference_has_connection_fields() -> None:
    text = PAGES["reference/connection.html"].text
    assert not [field.name for field in FIELDS if f"{field.label}. {field.description}" not in text]


def test_benchmarks_show_figures() -> None:
    assert "uploads, the vendor" in PAGES["benchmarks.html"].text


def test_page_declares_language() -> None:
    languages = {name: page.language for name, page in PAGES.items()}
    assert {"index.html", "zh/README.html"} <= languages.keys()
    assert languages == {name: "zh-CN" if name.startswith("zh/") else "en" for name in languages}


def test_chinese_page_has_chinese_frame() -> None:
    page = PAGES["zh/how-to/push.html"]
    assert not [word for word in ("On this page", "Back to top", "Next", "Previous") if word in page.words]
    assert {"本页内容", "回到顶部"} <= {word.strip() for word in page.words}
    leads = {page.target(link)[0].relative_to(SITE).as_posix() for link in page.links if not is_elsewhere(link)}
    assert leads >= {name for name in PAGES if name.startswith("zh/how-to/") and name != "zh/how-to/push.html"}


def test_page_has_copy_button_and_edit_link() -> None:
    page = PAGES["how-to/push.html"]
    assert [load for load in page.loads if "copy_buttons.js" in load]
    assert [link for link in page.links if link.endswith("/edit/main/docs/how-to/push.md")]


def test_search_ranks_guides_before_errors() -> None:
    scorer = (ROOT / "docs/_static/search_scorer.js").read_text()
    assert (
        scorer.strip()
        in (SITE / "_static/searchtools.js").read_text() + (SITE / "_static/language_data.js").read_text()
    )


def test_chinese_page_has_no_raw_markup() -> None:
    texts = {name: page.text.replace("**context", "") for name, page in PAGES.items() if name.startswith("zh/")}
    assert not [name for name, text in texts.items() if "**" in text]


@pytest.mark.parametrize(
    ("term", "page"),
    [
        ("槽位", "zh/how-to/wait-for-pictures"),
        ("撤回", "zh/how-to/push"),
        ("鉴权", "zh/how-to/connect"),
        ("图标", "zh/how-to/upload"),
        ("slot", "how-to/wait-for-pictures"),
    ],
)
def test_search_finds_both_languages(term: str, page: str) -> None:
    index = json.loads((SITE / "searchindex.js").read_text().removeprefix("Search.setIndex(").removesuffix(")"))
    found = index["terms"][term]
    assert page in [index["docnames"][number] for number in (found if isinstance(found, list) else [found])]
