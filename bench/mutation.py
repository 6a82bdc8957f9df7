"""Mutation testing: whether the tests notice small faults in the modules that matter most.

Each fault is put by cosmic-ray into a copy of this checkout, and the module's own tests are run there; a fault is
killed when one of them fails. Used by `bench/trust.py`.
"""

from __future__ import annotations

import ast
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = "airflow_provider_oppo_image"
GOAL_PERCENT = 90.0

MORE_TESTS = {
    "contract.py": [
        "tests/docs/test_reference.py",
        "tests/pictures/test_rules.py",
        "tests/engagelab/test_push_body.py",
    ],
    "engagelab/responses.py": ["tests/engagelab/test_protocol.py"],
    "engagelab/messages.py": ["tests/engagelab/test_push_body.py"],
    "engagelab/http.py": ["tests/engagelab/test_client.py"],
}
"""Tests beyond those in a module's mirror, by module: where they use it as its only user does."""

MOST_SECONDS = 120
"""What the tests of one mutant may take; one that makes them take longer is killed."""

_NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv*", ".demo", ".*_cache", ".hypothesis", "__pycache__", "build", "dist"
)


@dataclass(frozen=True)
class Mutant:
    """A fault that was put in.

    :param module: its path below the package, such as "engagelab/client.py".
    :param place: the function or class that holds it; "" for the module itself.
    :param was: the line as it was.
    :param became: the line with the fault.
    :param killed: whether a test failed.
    """

    module: str
    place: str
    was: str
    became: str
    killed: bool


def modules() -> list[str]:
    """Return the modules that are mutated, by their paths below the package."""
    room = sorted((ROOT / PACKAGE / "engagelab").glob("*.py"))
    names = [f"engagelab/{path.name}" for path in room if path.name != "__init__.py"]
    return ["contract.py", *names, "pictures/rules.py"]


def tests_of(module: str) -> list[str]:
    """Return the tests that are run for a module."""
    path = Path(module)
    return [f"tests/{path.parent / f'test_{path.name}'}", *MORE_TESTS.get(module, [])]


def mutate(chosen: list[str]) -> list[Mutant]:
    """Mutate modules, as many side by side as there are processors.

    :param chosen: paths below the package.
    """
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [mutant for mutants in pool.map(_mutate_module, chosen) for mutant in mutants]


def unexplained(survivors: list[Mutant]) -> list[Mutant]:
    """Return the survivors of which `survivors.toml` does not say why."""
    return [mutant for mutant in survivors if why(mutant) is None]


def why(mutant: Mutant) -> str | None:
    """Return why a mutant survives; None where nobody wrote it down."""
    for known in tomllib.loads((ROOT / "bench" / "survivors.toml").read_text()).get("survivor", []):
        if known["module"] == mutant.module and known["was"] == mutant.was and mutant.became in known["became"]:
            return str(known["why"])
    return None


def _mutate_module(module: str) -> list[Mutant]:
    with tempfile.TemporaryDirectory(prefix="oppo-image-mutation-") as place:
        tree = Path(place, "tree")
        shutil.copytree(ROOT, tree, ignore=_NOT_COPIED)
        path = tree / PACKAGE / module
        config, session = Path(place, "config.toml"), Path(place, "session.sqlite")
        test = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "--timeout", "30"]
        # Which example fails is of no interest, and to look for the simplest takes longer than all else.
        test += ["--hypothesis-profile", "no-shrinking"]
        command = shlex.join([*test, *tests_of(module)])
        config.write_text(
            "[cosmic-ray]\n"
            f'module-path = "{path.relative_to(tree)}"\n'
            f"timeout = {MOST_SECONDS}\n"
            "excluded-modules = []\n"
            f"test-command = {json.dumps(command)}\n"
            'distributor.name = "local"\n'
        )
        _cosmic_ray(tree, "baseline", config)  # fails where a test fails without a fault
        _cosmic_ray(tree, "init", config, session)
        _leave_out_what_changes_nothing(path, session)
        _cosmic_ray(tree, "exec", config, session)
        return list(_results(module, session))


def _cosmic_ray(tree: Path, command: str, *files: Path) -> None:
    # CI has hypothesis draw the same examples each time, and remember none from mutant to mutant.
    environment = os.environ | {"PYTHONPATH": str(tree), "CI": "true"}
    program = Path(sys.executable).with_name("cosmic-ray")
    subprocess.run([program, command, *files], cwd=tree, env=environment, check=True)


def _leave_out_what_changes_nothing(path: Path, session: Path) -> None:
    """Drop mutants that change annotations, which nothing evaluates, or only how arguments are passed, or no Python."""
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator
    from cosmic_ray.work_db import WorkDB, use_db
    from cosmic_ray.work_item import WorkerOutcome, WorkResult

    source = path.read_text()
    with use_db(str(session), WorkDB.Mode.open) as work:
        for item in work.work_items:
            [spec] = item.mutations
            operator = get_operator(spec.operator_name)(**spec.operator_args)
            try:
                mutated = mutate_code(source, operator, spec.occurrence)
            except AttributeError:  # cosmic-ray cannot replace an exception whose name has a dot
                mutated = None
            if mutated is None or _meaning(mutated) in (None, _meaning(source)):
                work.set_result(item.job_id, WorkResult(worker_outcome=WorkerOutcome.SKIPPED))


def _meaning(source: str) -> str | None:
    """Return what a module does: without annotations and a signature's ``*``; None where it is no Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arguments):  # whose `*` is a multiplication to cosmic-ray
            node.args = [*node.posonlyargs, *node.args, *node.kwonlyargs]
            node.posonlyargs, node.kwonlyargs = [], []
            node.defaults, node.kw_defaults = [*node.defaults, *filter(None, node.kw_defaults)], []
        elif isinstance(node, ast.arg):
            node.annotation = None
        elif isinstance(node, ast.AnnAssign):
            node.annotation = ast.Constant(None)
    return ast.dump(tree)


def _results(module: str, session: Path) -> Iterator[Mutant]:
    from cosmic_ray.work_db import WorkDB, use_db
    from cosmic_ray.work_item import WorkerOutcome

    with use_db(str(session), WorkDB.Mode.open) as work:
        for item, result in work.completed_work_items:
            if result.worker_outcome is not WorkerOutcome.SKIPPED:
                was, became = (_changed(result.diff or "", sign) for sign in "-+")
                yield Mutant(module, item.mutations[0].definition_name or "", was, became, result.is_killed)


def _changed(diff: str, sign: str) -> str:
    """Return the lines that a difference takes away or puts in."""
    lines = [line[1:] for line in diff.splitlines() if line.startswith(sign) and not line.startswith(sign * 3)]
    return " ".join(" ".join(lines).split())
