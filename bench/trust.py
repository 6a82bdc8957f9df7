"""Run the trust tests with more of everything, then the mutation tests, and write bench/TRUST.md.

Mutation tests are of the most important modules, with cosmic-ray. Each mutant runs the module's tests in a copy of this
checkout, and is killed if one of them fails.

usage: python -m bench.trust [--only attacks|fuzz|mutants] [--fuzz N] [--kills N] [--pictures N]

`--only` runs one part and keeps the other part of the file; `fuzz` runs the malformed pictures alone.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import dropwhile, takewhile
from pathlib import Path
from typing import NamedTuple

from bench.report import circumstances
from scripts import markdown
from scripts.checkout import ROOT, copy_checkout

REPORT = ROOT / "bench" / "TRUST.md"
TITLE = """# Attacks on the provider, and their results

`make bench-trust` writes this file. The reasons why a mutant survives are in `bench/survivors.toml`.
"""
ATTACKS, MUTANTS = ("Attacks", "Mutation tests")
PACKAGES = ("apache-airflow", "pillow", "requests", "urllib3", "hypothesis", "pytest", "cosmic-ray")

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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("attacks", "fuzz", "mutants"), help="run one part")
    parser.add_argument("--fuzz", type=int, default=100_000, help="number of malformed pictures")
    parser.add_argument("--kills", type=int, default=50, help="number of kills of each kind")
    parser.add_argument("--pictures", type=int, default=13_000, help="number of damaged pictures")
    options = parser.parse_args()
    failed = False
    if options.only != "mutants":
        tests = "tests/trust/test_fuzz.py" if options.only == "fuzz" else "tests/trust"
        amounts = ("--fuzz", str(options.fuzz), "--kills", str(options.kills), "--pictures", str(options.pictures))
        amounts += ("--rows=20000", "--histories=1000000")
        failed |= attack([tests, *amounts])
    if options.only in (None, "mutants"):
        failed |= mutate_all()
    return int(failed)


def attack(arguments: list[str]) -> bool:
    """Run the trust tests and report their table; return whether a test failed."""
    start = time.monotonic()
    lines = []
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as tests:
        for line in tests.stdout or ():
            print(line, end="", flush=True)
            lines.append(line.rstrip())
    table = list(dropwhile(lambda line: "how many succeeded =" not in line, lines))[1:]
    shown = [*(line for line in lines if line.startswith("trust: ")), ""]  # has the seed of the kills
    shown += [*takewhile(lambda line: not line.startswith("="), table), "", *(line.strip("= ") for line in lines[-1:])]
    markdown.replace_section(
        REPORT,
        TITLE,
        ATTACKS,
        [circumstances(start, PACKAGES), "", "```console", f"$ pytest {' '.join(arguments)}", *shown, "```"],
    )
    return tests.returncode != 0


def mutate_all() -> bool:
    """Run and report the mutation tests; return whether too many mutants survived, or one without a reason."""
    start = time.monotonic()
    mutants = mutate(modules())
    survivors = [mutant for mutant in mutants if not mutant.killed]
    of_module = {name: [mutant for mutant in mutants if mutant.module == name] for name in modules()} | {"all": mutants}
    rows = markdown.table(
        ("module", "mutants", "killed", "survived", "killed, %"),
        [(name, *_counts(some)) for name, some in of_module.items()],
        right=range(1, 5),
    )
    rows += ["", "### Survivors", ""]
    rows += markdown.table(("module", "was", "became", "why"), sorted(set(map(_survivor, survivors))))
    markdown.replace_section(REPORT, TITLE, MUTANTS, [circumstances(start, PACKAGES), "", *rows])
    print("\n".join(rows))
    killed = 100 - 100 * len(survivors) / len(mutants)
    return killed < GOAL_PERCENT or any(why(mutant) is None for mutant in survivors)


def _counts(mutants: list[Mutant]) -> tuple[str, ...]:
    killed = sum(mutant.killed for mutant in mutants)
    return str(len(mutants)), str(killed), str(len(mutants) - killed), f"{100 * killed / len(mutants):.1f}"


def _survivor(mutant: Mutant) -> tuple[str, ...]:
    return mutant.module, f"`{mutant.was}`", f"`{mutant.became}`", why(mutant) or "**no reason is written down**"


if __name__ == "__main__":
    sys.exit(main())
