"""The list of what is left to do before a release."""

from __future__ import annotations

import datetime
import os
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts.release_check import (
    DONE,
    NOT_DONE,
    check_build,
    check_changelog,
    check_compatibility,
    check_urls,
    check_version,
    main,
)

TODAY = datetime.date(2026, 11, 28)
UNRELEASED = "# Changelog\n\n## [Unreleased]\n\n"
SECTION = "## [1.2.0] - 2026-11-27\n\n- A thing.\n"
BUILT = ["airflow_provider_oppo_image-1.2.0-py3-none-any.whl", "airflow_provider_oppo_image-1.2.0.tar.gz"]
LIST = "airflow_provider_oppo_image-1.2.0.cdx.json"


def table(*airflows: str, counts: str = "9 | 0") -> str:
    return "".join(f"| {airflow} | 3.12 | {counts} | 3 | `constraints/some.txt` |\n" for airflow in airflows)


@pytest.mark.parametrize("version", ["one", "1.0-rc1", "1.0.dev3", "1.0+local"])
def test_check_version_rejects(version: str) -> None:
    item = check_version(version)
    assert version in item.found
    assert item.to_do


@pytest.mark.parametrize(
    ("text", "found", "to_do"),
    [
        (UNRELEASED, "CHANGELOG.md has no section for 1.2.0.", 'Write "## [1.2.0] - 2026-11-28"'),
        (SECTION.replace("1.2.0", "1.2.01"), "CHANGELOG.md has no section for 1.2.0.", "Write"),
        (SECTION.replace(" - 2026-11-27", ""), "The section for 1.2.0 has no date.", "Write"),
        (SECTION.replace("2026-11-27", "Unreleased"), "The section for 1.2.0 has no date.", "Write"),
        (SECTION.replace("2026-11-27", "2026-11-29"), "2026-11-29, is in the future", "Write"),
        (SECTION.replace("- A thing.\n", ""), "The section for 1.2.0 is empty.", "Write what changed."),
        (UNRELEASED + "- Late.\n\n" + SECTION, "Unreleased is not empty", "Move it into the section for 1.2.0."),
    ],
)
def test_check_changelog_rejects(text: str, found: str, to_do: str) -> None:
    item = check_changelog(text, "1.2.0", TODAY)
    assert found in item.found
    assert to_do in item.to_do


@pytest.mark.parametrize(
    ("page", "found"),
    [
        (None, "docs/compatibility.md is missing."),
        (table("2.11.2"), "docs/compatibility.md has no row for Airflow 3.3.2."),
        (table("2.11.2", "3.3.20"), "docs/compatibility.md has no row for Airflow 3.3.2."),
        (
            table("2.11.2, lowest dependencies", "3.3.2", counts="9 | 1"),
            "Tests failed or did not run on Airflow 2.11.2 with Python 3.12, 3.3.2 with Python 3.12.",
        ),
        (
            table("2.11.2") + table("3.3.2", counts="not run | "),
            "Tests failed or did not run on Airflow 3.3.2 with Python 3.12.",
        ),
    ],
)
def test_check_compatibility_rejects(page: str | None, found: str) -> None:
    item = check_compatibility(page, ["2.11.2", "3.3.2"])
    assert item.found == found
    assert item.to_do == "Run make test-matrix, which writes it."


@pytest.mark.parametrize(
    ("names", "built_from", "found"),
    [
        ([], None, f"dist has no {BUILT[0]}."),
        (BUILT, 5, f"dist has no {LIST}."),
        ([name.replace("1.2.0", "1.1.0") for name in [*BUILT, LIST]], 5, f"dist has no {BUILT[0]}."),
        ([*BUILT, LIST], 5, "dist has no notes.md."),
        ([*BUILT, LIST, "notes.md"], 4, "dist was built from another commit."),
    ],
)
def test_check_build_rejects(names: list[str], built_from: int | None, found: str) -> None:
    item = check_build(names, built_from, "1.2.0", head=5)
    assert item.found == found
    assert item.to_do == "Run make build."


def test_check_urls_rejects_the_placeholder() -> None:
    item = check_urls('[tool]\nrepository = "https://github.com/OWNER/provider"\n')
    assert "write its URL into pyproject.toml" in item.to_do


@pytest.fixture
def git(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Git in a new repository that is ready for a release, except for the build and the tag."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "Somebody")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "somebody@example.com")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    for path, text in {
        "airflow_provider_oppo_image/__init__.py": '"""A package."""\n\n__version__ = "1.2.0"\n',
        "CHANGELOG.md": UNRELEASED + SECTION.replace("2026-11-27", "2026-01-01"),
        "constraints/airflow-3.3.txt": "apache-airflow==3.3.2\napache-airflow-core==3.3.2\n",
        "docs/compatibility.md": table("3.3.2"),
        "tests/promises/1.2.0/names.json": "[]\n",
        ".gitignore": "dist/\n",
        "README.md": "A package.\n",
        "pyproject.toml": 'repository = "https://example.com/provider"\n',
    }.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(text)

    def run(*arguments: str) -> None:
        subprocess.run(["git", *arguments], cwd=tmp_path, check=True, capture_output=True)

    run("init", "--quiet")
    run("add", ".")
    run("commit", "--quiet", "--message", "A release")
    return run


def build(checkout: Path) -> None:
    """Create dist as `make build` does, with the commit's time in the source distribution."""
    git_log = ["git", "log", "-1", "--format=%ct"]
    made = subprocess.run(git_log, cwd=checkout, check=True, capture_output=True, text=True).stdout
    dist = checkout / "dist"
    dist.mkdir()
    for name in (*BUILT, LIST, "notes.md"):
        (dist / name).touch()

    def with_commit_time(member: tarfile.TarInfo) -> tarfile.TarInfo:
        member.mtime = int(made)
        return member

    with tarfile.open(dist / BUILT[1], "w:gz") as archive:
        archive.add(checkout / "README.md", filter=with_commit_time)


def printed(checkout: Path, capsys: pytest.CaptureFixture[str]) -> tuple[int, dict[str, str]]:
    """Return the exit code, and what is left to do by its item's name."""
    code = main(checkout)
    return code, dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())


def test_main_from_checkout_to_tag(
    tmp_path: Path, git: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    code, items = printed(tmp_path, capsys)
    assert code == NOT_DONE
    assert items == {
        "build": f"dist has no {BUILT[0]}. Run make build.",
        "tag": 'The tag v1.2.0 does not exist. When everything else is done: git tag -a v1.2.0 -m "1.2.0"',
    }

    build(tmp_path)
    git("tag", "-a", "v1.2.0", "-m", "1.2.0")
    assert (main(tmp_path), capsys.readouterr().out) == (DONE, "Nothing is left to do.\n")


def test_main_notices_changes_after_the_tag(
    tmp_path: Path, git: Callable[..., None], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    build(tmp_path)
    git("tag", "-a", "v1.2.0", "-m", "1.2.0")
    (tmp_path / "README.md").write_text("Another one.\n")
    _, items = printed(tmp_path, capsys)
    assert items == {"tree": "Not committed: README.md. Commit or remove it."}

    monkeypatch.setenv("GIT_COMMITTER_DATE", "2031-01-01T00:00:00Z")
    git("commit", "--all", "--quiet", "--message", "One more thing")
    code, items = printed(tmp_path, capsys)
    assert code == NOT_DONE
    assert items["build"] == "dist was built from another commit. Run make build."
    assert items["tag"].startswith("v1.2.0 is on ")
