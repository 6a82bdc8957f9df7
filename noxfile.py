"""The sessions of nox: the tests on each Airflow and Python, and the other targets of the Makefile under their names.

A session of the matrix installs the built wheel into a clean environment, and runs the tests in a copy of the checkout
that has no package in it, so that only the installed one can be imported. `make test-matrix` runs all of them.
"""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import nox

ROOT = Path(__file__).parent
sys.path.insert(0, str(ROOT))

from scripts.checkout import copy_checkout  # noqa: E402
from scripts.versions import LINES, Line, report_of  # noqa: E402

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.sessions = ["test"]

PACKAGE = "airflow_provider_oppo_image"
PROOF = f"import {PACKAGE} as package; assert 'site-packages' in package.__file__, package.__file__"
# What starts whole Airflows, workers or a browser, or is about what the wheel does not hold.
ELSEWHERE = ("bench", "browser", "celery", "scripts", "site", "system", "trust", "whole_airflow")

# pyenv shows on PATH only those that somebody chose.
pyenvs = sorted(str(folder) for folder in Path.home().glob(".pyenv/versions/3.1[123].*/bin"))
os.environ["PATH"] = os.pathsep.join([*pyenvs, os.environ["PATH"]])


def test_from_wheel(session: nox.Session, line: Line) -> None:
    """Test the wheel on one Airflow and one Python; pytest takes the arguments after `--` in place of all tests."""
    built, copy = ROOT / "build" / "matrix" / "wheel", ROOT / "build" / "matrix" / "checkout"
    session.run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built, external=True, silent=True)
    [wheel] = built.glob("*.whl")
    session.install("--quiet", "--system-certs", "--constraint", line.constraints, f"{wheel}[test]")
    session.run("uv", "pip", "check", "--quiet")

    copy_checkout(copy, without=PACKAGE)
    session.chdir(copy)
    session.run("python", "-c", PROOF, silent=True)
    everything = ["tests", *(f"--ignore=tests/{name}" for name in ELSEWHERE)]
    report = [] if session.posargs else [f"--junitxml={report_of(line.session, str(session.python))}"]
    parallel = ["--numprocesses=2", "--dist=loadfile"]
    session.run("python", "-m", "pytest", *parallel, *(session.posargs or everything), *report)


def add_session(line: Line) -> None:
    """Offer a line of the matrix as a session for each of its Pythons."""

    @nox.session(name=line.session, python=list(line.pythons), tags=["matrix"], download_python="never")
    def run(session: nox.Session) -> None:
        test_from_wheel(session, line)


def add_target(target: str) -> None:
    """Offer a target of the Makefile as a session."""

    @nox.session(name=target, venv_backend="none")
    def run(session: nox.Session) -> None:
        session.run("make", target, *session.posargs, external=True)


for line in LINES:
    add_session(line)
for target in re.findall(r"^([a-z0-9.-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE):
    if target not in {line.session for line in LINES}:
        add_target(target)
