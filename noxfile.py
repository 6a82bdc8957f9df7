"""Nox sessions: the tests on each Airflow and Python version, and every target of the Makefile.

A session of the matrix installs the built wheel into a new environment. It runs the tests in a copy of the checkout
without the package, so that only the installed package can be imported. `make test-matrix` runs all of them.
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
from scripts.versions import ENVIRONMENTS, Environment, report_path  # noqa: E402

nox.needs_version = ">=2025.2.9"
nox.options.default_venv_backend = "uv"
nox.options.sessions = ["test"]

PACKAGE = "airflow_provider_oppo_image"
IMPORT_CHECK = f"import {PACKAGE} as package; assert 'site-packages' in package.__file__, package.__file__"
# Suites that start complete Airflows, workers or a browser, and suites of files that are not in the wheel.
EXCLUDED = ("bench", "browser", "celery", "scripts", "site", "system", "trust", "whole_airflow")

# pyenv adds only the selected versions to PATH.
pyenvs = sorted(str(folder) for folder in Path.home().glob(".pyenv/versions/3.1[123].*/bin"))
os.environ["PATH"] = os.pathsep.join([*pyenvs, os.environ["PATH"]])


def test_from_wheel(session: nox.Session, environment: Environment) -> None:
    """Test the wheel on one Airflow and one Python; arguments after `--` replace the list of all tests."""
    built, copy = ROOT / "build" / "matrix" / "wheel", ROOT / "build" / "matrix" / "checkout"
    session.run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", built, external=True, silent=True)
    [wheel] = built.glob("*.whl")
    options = ("--quiet", "--system-certs", "--constraint", environment.constraints)
    session.install(*options, f"{wheel}[sandbox]", *environment.providers, "--group", "test")
    session.run("uv", "pip", "check", "--quiet")

    copy_checkout(copy, without=PACKAGE)
    session.chdir(copy)
    session.run("python", "-c", IMPORT_CHECK, silent=True)
    everything = ["tests", *(f"--ignore=tests/{name}" for name in EXCLUDED)]
    report = [] if session.posargs else [f"--junitxml={report_path(environment.session, str(session.python))}"]
    options = ["--numprocesses=2", "--dist=loadfile"]
    session.run("python", "-m", "pytest", *options, *(session.posargs or everything), *report)


def add_session(environment: Environment) -> None:
    """Add a session for each Python of an environment."""

    @nox.session(name=environment.session, python=list(environment.pythons), tags=["matrix"], download_python="never")
    def run(session: nox.Session) -> None:
        test_from_wheel(session, environment)


def add_target(target: str) -> None:
    """Add a session for a target of the Makefile."""

    @nox.session(name=target, venv_backend="none")
    def run(session: nox.Session) -> None:
        session.run("make", target, *session.posargs, external=True)


for environment in ENVIRONMENTS:
    add_session(environment)
for target in re.findall(r"^([a-z0-9.-]+):.*## ", (ROOT / "Makefile").read_text(), re.MULTILINE):
    if target not in {environment.session for environment in ENVIRONMENTS}:
        add_target(target)
