"""Says what is still to be done before this version is released.

usage: python -m scripts.release_check

Exits with 0 when all is done, and with 1 when something is not.
"""

from __future__ import annotations

import datetime
import re
import subprocess
import sys
import tarfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from packaging.version import InvalidVersion, Version

ROOT: Final = Path(__file__).resolve().parents[1]
PACKAGE: Final = "airflow_provider_oppo_image"

DONE: Final = 0
NOT_DONE: Final = 1

_SECTION: Final = re.compile(r"^## \[(?P<name>[^\]]+)\](?: - (?P<day>\S+))?\n(?P<entries>.*?)(?=^## |\Z)", re.M | re.S)
_TESTED: Final = re.compile(
    r"^\| (?P<airflow>[\d.]+)(?:,[^|]*)? \| (?P<python>[\d.]+) \| [^|]+ \| (?P<failed>\d*) \|", re.MULTILINE
)


@dataclass(frozen=True)
class Item:
    """One thing that a release needs.

    :param name: what it is.
    :param found: what was seen.
    :param to_do: what to do now; "" where it is done.
    """

    name: str
    found: str
    to_do: str = ""

    def __str__(self) -> str:
        return (
            f"{'NOT DONE' if self.to_do else 'done':<8}  {self.name:<13}  {' '.join((self.found, self.to_do)).strip()}"
        )


def check_version(version: str) -> Item:
    """Say whether a version can be released.

    :param version: what `__version__` says.
    """
    to_do = f"Write one such as 0.1.0 into {PACKAGE}/__init__.py."
    try:
        parsed = Version(version)
    except InvalidVersion:
        return Item("version", f"{version!r} is none of PEP 440.", to_do)
    if str(parsed) != version:
        return Item("version", f"{version} is written {parsed} by PEP 440.", to_do)
    if parsed.is_devrelease or parsed.local:
        return Item("version", f"{version} is one of development.", to_do)
    return Item("version", version)


def check_changelog(text: str, version: str, today: datetime.date) -> Item:
    """Say whether the changelog tells of a version.

    :param text: the changelog.
    :param version: the version.
    :param today: the latest day that a release can have.
    """
    sections = {found["name"]: found for found in _SECTION.finditer(text)}
    section, heading = sections.get(version), f"## [{version}] - {today}"
    if section is None:
        return Item(
            "changelog", f"CHANGELOG.md has no section for {version}.", f'Write "{heading}" below "## [Unreleased]".'
        )
    try:
        day = datetime.date.fromisoformat(section["day"] or "")
    except ValueError:
        return Item("changelog", f"The section for {version} has no day.", f'Write "{heading}".')
    if day > today:
        return Item("changelog", f"The section for {version} is of {day}, which is yet to come.", f'Write "{heading}".')
    if not section["entries"].strip():
        return Item("changelog", f"The section for {version} is empty.", "Write what changed.")
    if "Unreleased" in sections and sections["Unreleased"]["entries"].strip():
        return Item("changelog", "Something is still unreleased.", f"Move it into the section for {version}.")
    return Item("changelog", f"{version} of {day}")


def check_compatibility(page: str | None, airflows: Sequence[str]) -> Item:
    """Say whether by the page of compatibility all tests passed on each Airflow that is pinned.

    :param page: docs/compatibility.md; None where there is none.
    :param airflows: the versions of Airflow that the tests run on.
    """
    to_do = "Run make test-matrix, which writes it."
    if page is None:
        return Item("compatibility", "docs/compatibility.md is not there.", to_do)
    rows = [found.groupdict() for found in _TESTED.finditer(page)]
    if missing := sorted({*airflows} - {row["airflow"] for row in rows}, key=Version):
        return Item("compatibility", f"docs/compatibility.md has no row for Airflow {', '.join(missing)}.", to_do)
    if bad := [f"{row['airflow']} with Python {row['python']}" for row in rows if row["failed"] != "0"]:
        return Item("compatibility", f"Tests failed or were not run on Airflow {', '.join(bad)}.", to_do)
    return Item("compatibility", f"all tests passed on Airflow {', '.join(airflows)}")


def check_promises(files: int, version: str) -> Item:
    """Say whether the promises of a version are written down.

    :param files: how many files of promises there are for it.
    :param version: the version.
    """
    folder = f"tests/promises/{version}"
    return Item("promises", f"{folder} holds {files} files.", "" if files else "Run make promises, and commit it.")


def check_tree(changed: Sequence[str]) -> Item:
    """Say whether all is committed.

    :param changed: the files that are not, as git lists them.
    """
    if not changed:
        return Item("tree", "clean")
    more = f" and {len(changed) - 1} more" if len(changed) > 1 else ""
    return Item("tree", f"Not committed: {changed[0]}{more}.", "Commit or remove it.")


def check_build(names: Sequence[str], built_from: int | None, version: str, head: int) -> Item:
    """Say whether this very commit was built, to the end.

    :param names: the names of the files in dist.
    :param built_from: the time of the commit that the source distribution was built from, in seconds since 1970.
    :param version: the version.
    :param head: the time of this commit, likewise.
    """
    wheel = f"{PACKAGE}-{version}"
    # The list of what is in the wheel is the last thing that is made, after the strict check of both files.
    missing = [
        name for name in (f"{wheel}-py3-none-any.whl", f"{wheel}.tar.gz", f"{wheel}.cdx.json") if name not in names
    ]
    if missing:
        return Item("build", f"dist has no {missing[0]}.", "Run make build.")
    if built_from != head:
        return Item("build", "dist was built from another commit.", "Run make build.")
    return Item("build", ", ".join(names))


def check_tag(tagged: str | None, head: str, version: str) -> Item:
    """Say whether the version's tag is on this commit.

    :param tagged: the commit of the tag; None where there is no such tag.
    :param head: this commit.
    :param version: the version.
    """
    tag = f"v{version}"
    if tagged is None:
        return Item("tag", f"There is no tag {tag}.", f'When all else is done: git tag -a {tag} -m "{version}"')
    if tagged != head:
        return Item(
            "tag",
            f"{tag} is on {tagged[:9]}, and this is {head[:9]}.",
            "A tag that was pushed stays: raise the version, or check out the tag.",
        )
    return Item("tag", f"{tag} on {head[:9]}")


def check_all(root: Path, today: datetime.date) -> Iterator[Item]:
    """Look at a checkout, and yield what a release needs.

    :param root: the checkout.
    :param today: the day of the release.
    """
    [version] = re.findall(r'^__version__ = "(.*)"$', (root / PACKAGE / "__init__.py").read_text(), re.MULTILINE)
    page = root / "docs/compatibility.md"
    dist = sorted((root / "dist").glob("*"))
    yield check_version(version)
    yield check_changelog((root / "CHANGELOG.md").read_text(), version, today)
    yield check_compatibility(page.read_text() if page.exists() else None, pinned_airflows(root))
    yield check_promises(len(list((root / "tests/promises" / version).glob("*.json"))), version)
    yield check_tree([line.split(maxsplit=1)[1] for line in _git(root, "status", "--porcelain").splitlines()])
    yield check_build(
        [path.name for path in dist], _built_from(dist), version, int(_git(root, "log", "-1", "--format=%ct"))
    )
    tagged = _git(root, "rev-parse", "--quiet", "--verify", f"refs/tags/v{version}^{{commit}}")
    yield check_tag(tagged or None, _git(root, "rev-parse", "HEAD"), version)


def pinned_airflows(root: Path) -> list[str]:
    """Return the versions of Airflow that the tests run on, lowest first.

    :param root: the checkout.
    """
    pins = "\n".join(file.read_text() for file in (root / "constraints").glob("*.txt"))
    return sorted(set(re.findall(r"^apache-airflow==(\S+)", pins, re.MULTILINE)), key=Version)


def _built_from(dist: Sequence[Path]) -> int | None:
    for path in dist:
        if path.name.endswith(".tar.gz"):
            with tarfile.open(path) as archive:
                # Whatever is in it bears the time of the commit: see scripts/build.sh.
                return max((int(member.mtime) for member in archive), default=None)
    return None


def _git(root: Path, *arguments: str) -> str:
    command = ["git", "-C", str(root), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def main(root: Path = ROOT) -> int:
    """Print what is done and what is not.

    :param root: the checkout.
    :return: `DONE` or `NOT_DONE`.
    """
    items = list(check_all(root, datetime.datetime.now(datetime.UTC).date()))
    print(*items, sep="\n")
    return NOT_DONE if any(item.to_do for item in items) else DONE


if __name__ == "__main__":
    sys.exit(main())
