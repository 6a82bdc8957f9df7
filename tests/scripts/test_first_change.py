"""The measurement of a first change, on a repository that is small: what it does, not how long it takes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts/first_change.sh"

MAKEFILE = """\
test:
	@test -z "$$A_SETTING_OF_MINE" && test -z "$$(ls -A "$$HOME")"
	@tail -n 1 airflow_provider_oppo_image/net/redaction.py | grep -q hostname
	@grep -q host_of tests/test_first_change.py
	@pwd > {place}
"""


def repository(folder: Path, makefile: str) -> Path:
    """Make a repository with a Makefile and with what the first change changes."""
    for name, text in {
        "airflow_provider_oppo_image/net/redaction.py": "",
        "tests/__init__.py": "\n",
        "Makefile": makefile,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    somebody = ["-c", "user.name=Somebody", "-c", "user.email=somebody@example.com"]
    for arguments in (["init", "--quiet"], ["add", "."], [*somebody, "commit", "--quiet", "--message", "All"]):
        subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True)
    return folder


def measure(clone: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "A_SETTING_OF_MINE": "1"}
    return subprocess.run([SCRIPT, clone], env=environment, capture_output=True, text=True, check=False)


def test_a_first_change_is_made_in_a_clone_that_knows_nothing_of_this_machine(tmp_path: Path) -> None:
    place = tmp_path / "place"
    done = measure(repository(tmp_path / "repository", MAKEFILE.format(place=place)))
    assert done.returncode == 0, done.stderr
    assert re.match(r"From the clone to green: 0 min \d+ s, \d{4}-\d\d-\d\d\.\nMachine: \d+ x ", done.stdout)
    assert not Path(place.read_text().strip()).exists(), "the clone is left behind"


def test_what_is_not_green_has_no_figure(tmp_path: Path) -> None:
    done = measure(repository(tmp_path, "test:\n\t@false\n"))
    assert done.returncode != 0
    assert done.stdout == ""


def test_the_change_passes_the_checks_of_style(tmp_path: Path) -> None:
    pytest.importorskip("ruff", reason="the programs of the checks are in the extra dev")
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    urls = "airflow_provider_oppo_image/net/redaction.py"
    for mark, path, before in (("CHANGE", urls, (ROOT / urls).read_text()), ("TEST", "tests/test_first_change.py", "")):
        found = re.search(rf"<<'{mark}'\n(.*?)^{mark}$", SCRIPT.read_text(), re.S | re.M)
        assert found
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(before + found[1])
    for command in (["check"], ["format", "--check"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--no-cache", "."]
        done = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout
