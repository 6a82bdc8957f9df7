"""Mutation tests of the most important modules, with cosmic-ray; used by `bench/trust.py`.

Each mutant runs the module's tests in a copy of this checkout, and is killed if one of them fails.
"""

from __future__ import annotations

import ast
import json
import os
import shlex
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from scripts.checkout import ROOT, copy_checkout

PACKAGE = "airflow_provider_oppo_image"
GOAL_PERCENT = 90.0

MORE_TESTS = {
    "contract.py": [
        "tests/docs/test_reference.py",
        "tests/pictures/test_rules.py",
        "tests/engagelab/test_push_body.py",
    ],
    "engagelab/responses.py": ["tests/engagelab/test_messages.py"],
    "engagelab/messages.py": ["tests/engagelab/test_push_body.py"],
    "engagelab/http.py": ["tests/engagelab/test_client.py"],
}
"""Tests of a module that are not in its own test file."""

TIMEOUT_S = 120
"""The time limit of a mutant's tests; a mutant that exceeds it is killed."""


class Mutant(NamedTuple):
    """A changed line of a module, whose path is below the package; `killed` says whether a test failed."""

    module: str
    was: str
    became: str
    killed: bool


def modules() -> list[str]:
    """Return the paths of the mutated modules, below the package."""
    files = sorted((ROOT / PACKAGE / "engagelab").glob("*.py"))
    names = [f"engagelab/{path.name}" for path in files if path.name != "__init__.py"]
    return ["contract.py", *names, "pictures/rules.py"]


def mutate(chosen: list[str]) -> list[Mutant]:
    """Mutate modules, as many at the same time as there are processors."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return [mutant for mutants in pool.map(_mutate_module, chosen) for mutant in mutants]


def why(mutant: Mutant) -> str | None:
    """Return the reason why a mutant survives; None if none is written down."""
    for known in tomllib.loads((ROOT / "bench" / "survivors.toml").read_text()).get("survivor", []):
        if known["module"] == mutant.module and known["was"] == mutant.was and mutant.became in known["became"]:
            return str(known["why"])
    return None


def _mutate_module(module: str) -> list[Mutant]:
    with tempfile.TemporaryDirectory(prefix="oppo-image-mutation-") as folder:
        tree = Path(folder, "tree")
        copy_checkout(tree)
        config, session = Path(folder, "config.toml"), Path(folder, "session.sqlite")
        # Shrinking a failing example would take longer than everything else.
        options = "-x -q -p no:cacheprovider --timeout 30 --hypothesis-profile no-shrinking"
        tests = [f"tests/{Path(module).with_name(f'test_{Path(module).name}')}", *MORE_TESTS.get(module, [])]
        values = {
            "module-path": f"{PACKAGE}/{module}",
            "timeout": TIMEOUT_S,
            "excluded-modules": [],
            "test-command": f"{shlex.quote(sys.executable)} -m pytest {options} {' '.join(tests)}",
            "distributor.name": "local",
        }
        lines = (f"{name} = {json.dumps(value)}\n" for name, value in values.items())
        config.write_text("[cosmic-ray]\n" + "".join(lines))
        _cosmic_ray(tree, "baseline", config)  # fails if a test fails without a mutation
        _cosmic_ray(tree, "init", config, session)
        _skip_equivalent(tree / PACKAGE / module, session)
        _cosmic_ray(tree, "exec", config, session)
        return list(_results(module, session))


def _cosmic_ray(tree: Path, command: str, *files: Path) -> None:
    # With CI set, hypothesis always draws the same examples and stores none. Two mutants of one second and of one size
    # would share a compiled module.
    environment = os.environ | {"PYTHONPATH": str(tree), "CI": "true", "PYTHONDONTWRITEBYTECODE": "1"}
    program = Path(sys.executable).with_name("cosmic-ray")
    subprocess.run([program, command, *files], cwd=tree, env=environment, check=True)


def _skip_equivalent(path: Path, session: Path) -> None:
    """Skip mutants that only change annotations or how arguments are passed, or that are not valid Python."""
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
            if mutated is None or _normalised(mutated) in (None, _normalised(source)):
                work.set_result(item.job_id, WorkResult(worker_outcome=WorkerOutcome.SKIPPED))


def _normalised(source: str) -> str | None:
    """Return the syntax tree without annotations and without ``*`` in signatures; None if it is not valid Python."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            node.returns = None
        elif isinstance(node, ast.arguments):  # cosmic-ray takes its `*` for a multiplication
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
        for _, result in work.completed_work_items:
            if result.worker_outcome is not WorkerOutcome.SKIPPED:
                was, became = (_changed(result.diff or "", sign) for sign in "-+")
                yield Mutant(module, was, became, result.is_killed)


def _changed(diff: str, sign: str) -> str:
    """Return the removed or the added lines of a diff."""
    lines = [line[1:] for line in diff.splitlines() if line.startswith(sign) and not line.startswith(sign * 3)]
    return " ".join(" ".join(lines).split())
