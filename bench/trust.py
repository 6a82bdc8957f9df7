"""Run the trust tests with more of everything, then the mutation tests, and write bench/TRUST.md.

Mutation tests are of the most important modules, with cosmic-ray. Each mutant runs the module's tests in a copy of this
checkout, and is killed if one of them fails.

usage: python -m bench.trust [--only attacks|fuzz|mutants] [--fuzz N] [--kills N] [--pictures N]

`--only` runs one part and keeps the other part of the file; `fuzz` runs the malformed pictures alone.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import tomllib
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
        tests = [f"tests/{Path(module).with_name(f'test_{Path(module).name}')}", *MORE_TESTS.get(module, [])]
        # With CI set, hypothesis always draws the same examples and stores none.
        environment = os.environ | {"PYTHONPATH": str(tree), "CI": "true", "TMPDIR": folder}
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        command = [sys.executable, "-m", "bench.mutation", f"{PACKAGE}/{module}", *tests]
        run = subprocess.run(command, cwd=tree, env=environment, check=True, stdout=subprocess.PIPE, text=True)
        return [Mutant(module, *json.loads(line)) for line in run.stdout.splitlines()]


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
