"""Links, commands, hosts, files and modules that the pages name."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

import airflow_provider_oppo_image
from airflow_provider_oppo_image.cli.main import COMMANDS, make_parser
from airflow_provider_oppo_image.errors import DOCS_URL
from tests.docs.pages import PAGES, ROOT, anchors, blocks, findings, links, read

PACKAGE = Path(str(airflow_provider_oppo_image.__file__)).parent
SITE = ROOT / "docs/index.md"

KNOWN_HOSTS = re.compile(rf"127\.0\.0\.1|(.+\.)?example\.com|(.+\.)?engagelab\.com|{urlsplit(DOCS_URL).hostname}")
SERVED_PATHS = ("/v4/", "/sandbox/", "/v3/")


def target_of(path: Path) -> Path:
    """The file that a link leads to; one of the package where that is installed."""
    target, sources = path.resolve(), ROOT / PACKAGE.name
    return PACKAGE / target.relative_to(sources) if target.is_relative_to(sources) else target


def broken_links(page: Path) -> Iterator[str]:
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = target_of(page.parent / path) if path else page
        if not urlsplit(link).scheme and (not target.exists() or (anchor and anchor not in anchors(target))):
            yield link


def test_page_links_exist() -> None:
    assert not findings(broken_links)


def test_index_links_every_page() -> None:
    names = ("README.md", "zh/README.md", "errors.md", "decisions/README.md", "reference/README.md")
    hubs = [ROOT / "docs" / name for name in names]
    reached = {(hub.parent / link.partition("#")[0]).resolve() for hub in hubs for link in links(hub)}
    assert {page for page in PAGES if page not in reached} <= {hubs[0], SITE, *ROOT.glob("README*.md")}


def test_navigation_links_every_page() -> None:
    below_another = re.compile(r"(errors|decisions|reference|zh)/(?!README)|(README|index)$")
    docs = SITE.parent
    pages = {page.relative_to(docs).with_suffix("").as_posix() for page in PAGES if page.is_relative_to(docs)}
    listed = SITE.read_text().splitlines()
    assert not [page for page in pages if page not in listed and not below_another.match(page)]


def commands() -> Iterator[tuple[str, list[str]]]:
    """Yield the place and the arguments of each `oppo-image` that a page tells people to type."""
    for block in blocks("console", "sh"):
        text = block.text.replace("\\\n", " ")
        if block.language == "console":
            text = "\n".join(line[2:] for line in text.splitlines() if line.startswith("$ "))
        for line in text.splitlines():
            if line.startswith("oppo-image "):
                yield block.place, shlex.split(re.split(r" \d?> | \| ", line)[0], comments=True)[1:]


@pytest.mark.parametrize(("place", "arguments"), list(commands()))
def test_shown_command_line_parses(place: str, arguments: list[str]) -> None:
    if "--help" in arguments:
        with pytest.raises(SystemExit) as end:
            make_parser().parse_args(arguments)
        assert end.value.code == 0
    else:
        assert hasattr(make_parser().parse_args(arguments), "run"), place


def test_pages_name_existing_commands_hosts_and_files() -> None:
    assert not findings(lambda page: set(re.findall(r"`oppo-image ([a-z]+)", read(page))) - COMMANDS.keys())
    assert not findings(unknown_hosts)
    assert not findings(local_paths)
    assert not findings(missing_files, [*PAGES, ROOT / "CONTRIBUTING.md"])


def unknown_hosts(page: Path) -> Iterator[str]:
    hosts = {urlsplit(url).hostname or "" for url in re.findall(r"https?://[^\s\"'`)<>]+", read(page))}
    return (host for host in hosts if not KNOWN_HOSTS.fullmatch(host))


def local_paths(page: Path) -> Iterator[str]:
    paths = re.findall(r"(?<![\w.:/*}~-])/[a-z]\w*/[\w./-]*", read(page))
    return (path for path in paths if not path.startswith(SERVED_PATHS))


def missing_files(page: Path) -> Iterator[str]:
    files = re.findall(r"\b(?:tests|scripts|example_dags)/[\w./-]*\w", read(page))
    return (file for file in files if not (ROOT / file).exists())


def test_page_of_protections_names_existing_modules() -> None:
    tables = [row for row in (ROOT / "docs/protections.md").read_text().splitlines() if row.startswith("| ")]
    cells = [row.split("|")[2] for row in tables if row.count("|") == 4]
    modules = {module for cell in cells for module in re.findall(r"`([a-z_]+(?:\.[a-z_]+)*)`", cell)}
    assert "net.connections" in modules
    paths = {module: PACKAGE / module.removesuffix(".py").replace(".", "/") for module in modules}
    assert not [module for module, path in paths.items() if not (path.is_dir() or path.with_suffix(".py").exists())]


def test_pages_have_no_ticket_or_foreign_document() -> None:
    here = {path.name for path in [*ROOT.glob("*.md"), *ROOT.glob("bench/*.md"), *PAGES]}
    assert not findings(lambda page: re.findall(r"(?i)\bissues? \d+|(?<![\w&/(])#\d+|\bTODO\b|\bFIXME\b", read(page)))
    assert not findings(lambda page: set(re.findall(r"\b[\w.-]+\.md\b", read(page))) - here)
