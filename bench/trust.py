"""The long attack: every trust test with more of everything, then mutation testing; writes bench/TRUST.md.

usage: python -m bench.trust [--only attacks|fuzz|mutants] [--fuzz N] [--kills N] [--pictures N]

`--only` measures one part again and leaves the other as it stands in the file; `fuzz` makes the attacks' part of the
changed pictures alone.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import dropwhile, takewhile

from bench.mutation import GOAL_PERCENT, ROOT, Mutant, modules, mutate, why
from bench.report import circumstances

REPORT = ROOT / "bench" / "TRUST.md"
TITLE = """# What was tried against the provider, and what got through

Written by `make bench-trust`. Nothing in it was typed by hand but why a fault survives, which stands in
`bench/survivors.toml`.
"""
ATTACKS, MUTANTS = HEADINGS = ("Attacks", "Faults that the tests notice")
NAMED = ("apache-airflow", "pillow", "requests", "urllib3", "hypothesis", "pytest", "cosmic-ray")


def main() -> int:
    """Attack, and write down what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=("attacks", "fuzz", "mutants"), help="measure one part again")
    parser.add_argument("--fuzz", type=int, default=100_000, help="how many changed pictures")
    parser.add_argument("--kills", type=int, default=50, help="how many kills of each kind")
    parser.add_argument("--pictures", type=int, default=13_000, help="how many damaged pictures")
    options = parser.parse_args()
    failed = False
    if options.only != "mutants":
        tests = "tests/trust/test_fuzz.py" if options.only == "fuzz" else "tests/trust"
        amounts = ("--fuzz", str(options.fuzz), "--kills", str(options.kills), "--pictures", str(options.pictures))
        failed |= attack([tests, *amounts])
    if options.only in (None, "mutants"):
        failed |= mutate_all()
    return int(failed)


def attack(arguments: list[str]) -> bool:
    """Run the trust tests, and report their table.

    :param arguments: pytest's.
    :return: whether a test failed.
    """
    start = time.monotonic()
    command = [sys.executable, "-m", "pytest", *arguments]
    lines = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as tests:
        for line in tests.stdout or ():
            print(line, end="", flush=True)
            lines.append(line.rstrip())
    table = list(dropwhile(lambda line: "what got through =" not in line, lines))[1:]
    shown = [*(line for line in lines if line.startswith("trust: ")), ""]  # how to have the same kills again
    shown += [*takewhile(lambda line: not line.startswith("="), table), "", *(line.strip("= ") for line in lines[-1:])]
    write(ATTACKS, [circumstances(start, NAMED), "", "```console", f"$ pytest {' '.join(arguments)}", *shown, "```"])
    return tests.returncode != 0


def mutate_all() -> bool:
    """Run the mutation tests, and report them.

    :return: whether too few faults were noticed, or one was not and nobody says why.
    """
    start = time.monotonic()
    mutants = mutate(modules())
    survivors = [mutant for mutant in mutants if not mutant.killed]
    rows = ["| module | faults | noticed | not noticed | noticed, % |", "| --- | ---: | ---: | ---: | ---: |"]
    rows += [row(module, [mutant for mutant in mutants if mutant.module == module]) for module in modules()]
    rows += [
        row("all", mutants),
        "",
        "### Not noticed",
        "",
        "| module | was | became | why |",
        "| --- | --- | --- | --- |",
    ]
    rows += sorted(set(map(survivor_row, survivors)))
    write(MUTANTS, [circumstances(start, NAMED), "", *rows])
    print("\n".join(rows))
    return share(mutants) < GOAL_PERCENT or any(why(mutant) is None for mutant in survivors)


def row(name: str, mutants: list[Mutant]) -> str:
    """Return a row of the table of faults."""
    killed = sum(mutant.killed for mutant in mutants)
    return f"| {name} | {len(mutants)} | {killed} | {len(mutants) - killed} | {share(mutants):.1f} |"


def share(mutants: list[Mutant]) -> float:
    """Return how many of the faults were noticed, in percent."""
    return 100 * sum(mutant.killed for mutant in mutants) / len(mutants)


def survivor_row(mutant: Mutant) -> str:
    """Return a row of the table of faults that were not noticed."""
    cells = (mutant.module, f"`{mutant.was}`", f"`{mutant.became}`", why(mutant) or "**nobody has said why**")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def write(heading: str, lines: list[str]) -> None:
    """Write a part of the report, and leave the other one as it is."""
    parts = dict(read()) | {heading: "\n".join(lines)}
    text = [TITLE, *(f"## {name}\n\n{parts[name]}\n" for name in HEADINGS if name in parts)]
    REPORT.write_text("\n".join(text))


def read() -> Iterator[tuple[str, str]]:
    """Yield the report's parts by heading."""
    old = REPORT.read_text() if REPORT.exists() else ""
    for part in old.split("\n## ")[1:]:
        heading, _, text = part.partition("\n")
        yield heading, text.strip()


if __name__ == "__main__":
    sys.exit(main())
