"""Print what is left to do before this version is released, and nothing else.

usage: python -m scripts.release_check

Exits with 0 if nothing is left to do, and with 1 otherwise.
"""

from __future__ import annotations

import contextlib
import datetime
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from packaging.version import InvalidVersion, Version

from scripts.checkout import ROOT

PACKAGE: Final = "airflow_provider_oppo_image"
DONE: Final = 0
NOT_DONE: Final = 1

_SECTION: Final = re.compile(r"^## \[(?P<name>[^\]]+)\](?: - (?P<day>\S+))?\n(?P<entries>.*?)(?=^## |\Z)", re.M | re.S)
_TESTED: Final = re.compile(
    r"^\| (?P<airflow>[\d.]+)(?:,[^|]*)? \| (?P<python>[\d.]+) \| [^|]+ \| (?P<failed>\d*) \|", re.MULTILINE
)


class Item(NamedTuple):
    """One requirement of a release: what was found, and what to do ("" if it is done)."""

    name: str
    found: str
    to_do: str = ""

    def __str__(self) -> str:
        return f"{self.name:<13}  {f'{self.found} {self.to_do}'.strip()}"


def check_version(version: str) -> Item:
    with contextlib.suppress(InvalidVersion):
        parsed = Version(version)
        if str(parsed) == version and not parsed.is_devrelease and not parsed.local:
            return Item("version", version)
    found = f"{version} is not a released version in the normal form of PEP 440."
    return Item("version", found, f"Write a version such as 0.1.0 into {PACKAGE}/__init__.py.")


def check_changelog(text: str, version: str, today: datetime.date) -> Item:
    sections = {found["name"]: found for found in _SECTION.finditer(text)}
    section, heading = sections.get(version), f'Write "## [{version}] - {today}"'
    if section is None:
        to_do = f'{heading} below "## [Unreleased]".'
        return Item("changelog", f"CHANGELOG.md has no section for {version}.", to_do)
    try:
        day = datetime.date.fromisoformat(section["day"] or "")
    except ValueError:
        return Item("changelog", f"The section for {version} has no date.", f"{heading}.")
    if day > today:
        return Item("changelog", f"The date of {version}, {day}, is in the future.", f"{heading}.")
    if not section["entries"].strip():
        return Item("changelog", f"The section for {version} is empty.", "Write what changed.")
    if "Unreleased" in sections and sections["Unreleased"]["entries"].strip():
        return Item("changelog", "The section Unreleased is not empty.", f"Move it into the section for {version}.")
    return Item("changelog", f"{version} of {day}")


def check_compatibility(page: str | None, airflows: Sequence[str]) -> Item:
    """Check that all tests passed on each pinned Airflow, by docs/compatibility.md."""
    to_do = "Run make test-matrix, which writes it."
    if page is None:
        return Item("compatibility", "docs/compatibility.md is missing.", to_do)
    rows = [found.groupdict() for found in _TESTED.finditer(page)]
    if missing := sorted({*airflows} - {row["airflow"] for row in rows}, key=Version):
        return Item("compatibility", f"docs/compatibility.md has no row for Airflow {', '.join(missing)}.", to_do)
    if bad := [f"{row['airflow']} with Python {row['python']}" for row in rows if row["failed"] != "0"]:
        return Item("compatibility", f"Tests failed or did not run on Airflow {', '.join(bad)}.", to_do)
    return Item("compatibility", f"all tests passed on Airflow {', '.join(airflows)}")


def check_urls(pyproject: str) -> Item:
    [repository] = re.findall(r'^repository = "(.*)"$', pyproject, re.MULTILINE)
    to_do = (
        "Create the repository, and the site that DOCS_URL in errors.py names; then write its URL into pyproject.toml."
    )
    return Item("urls", repository, to_do if "/OWNER/" in repository else "")


def check_build(names: Sequence[str], built_from: int | None, version: str, head: int) -> Item:
    """Check that dist is complete, and built from this commit.

    :param built_from: the time of the commit in the source distribution, in seconds since 1970.
    :param head: the time of this commit.
    """
    # The notes are made last, after the other files were checked.
    wanted = [*(f"{PACKAGE}-{version}{end}" for end in ("-py3-none-any.whl", ".tar.gz", ".cdx.json")), "notes.md"]
    if missing := [name for name in wanted if name not in names]:
        return Item("build", f"dist has no {missing[0]}.", "Run make build.")
    if built_from != head:
        return Item("build", "dist was built from another commit.", "Run make build.")
    return Item("build", ", ".join(names))


def check_tag(tagged: str, head: str, version: str) -> Item:
    """Check that the version's tag is on this commit; `tagged` is the tag's commit, "" without a tag."""
    tag, to_do = f"v{version}", "A pushed tag must not move: raise the version, or check out the tag."
    if tagged == head:
        return Item("tag", f"{tag} on {head[:9]}")
    if tagged:
        return Item("tag", f"{tag} is on {tagged[:9]}, and this is {head[:9]}.", to_do)
    to_do = f'When everything else is done: git tag -a {tag} -m "{version}"'
    return Item("tag", f"The tag {tag} does not exist.", to_do)


def check_all(root: Path, today: datetime.date) -> Iterator[Item]:
    """Yield all requirements of a release of the checkout at `root`."""
    [version] = re.findall(r'^__version__ = "(.*)"$', (root / PACKAGE / "__init__.py").read_text(), re.MULTILINE)
    page, dist = root / "docs/compatibility.md", sorted((root / "dist").glob("*"))
    head_time, head = _git(root, "log", "-1", "--format=%ct %H").split()
    yield check_version(version)
    yield check_changelog((root / "CHANGELOG.md").read_text(), version, today)
    yield check_compatibility(page.read_text() if page.exists() else None, pinned_airflows(root))
    files = len(list((root / "tests/promises" / version).glob("*.json")))
    to_do = "" if files else "Run make api-snapshot, and commit it."
    yield Item("api-snapshot", f"tests/promises/{version} has {files} files.", to_do)
    yield check_urls((root / "pyproject.toml").read_text())
    changed = ", ".join(line.split(maxsplit=1)[1] for line in _git(root, "status", "--porcelain").splitlines())
    yield Item("tree", f"Not committed: {changed}.", "Commit or remove it.") if changed else Item("tree", "clean")
    yield check_build([path.name for path in dist], _built_from(dist), version, int(head_time))
    yield check_tag(_git(root, "rev-parse", "--quiet", "--verify", f"refs/tags/v{version}^{{commit}}"), head, version)


def pinned_airflows(root: Path) -> list[str]:
    """Return the versions of Airflow that the tests run on, lowest first."""
    pins = "\n".join(file.read_text() for file in (root / "constraints").glob("*.txt"))
    return sorted(set(re.findall(r"^apache-airflow==(\S+)", pins, re.MULTILINE)), key=Version)


def _built_from(dist: Sequence[Path]) -> int | None:
    for path in dist:
        if path.name.endswith(".tar.gz"):
            with tarfile.open(path) as archive:
                # scripts/build.sh gives every member the time of the commit.
                return max((int(member.mtime) for member in archive), default=None)
    return None


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def main(root: Path = ROOT) -> int:
    items = list(check_all(root, datetime.datetime.now(datetime.UTC).date()))
    left = [item for item in items if item.to_do]
    print(*map(str, left) if left else ["Nothing is left to do."], sep="\n")
    return NOT_DONE if left else DONE


if __name__ == "__main__":
    sys.exit(main())
