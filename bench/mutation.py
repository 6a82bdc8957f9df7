"""Mutation tests of one module, with cosmic-ray's operators: `python -m bench.mutation MODULE TEST...`.

Changes the module at one place after another, in the checkout that is the working directory, and runs the tests on each
mutant. Each run is a process that is forked after the libraries were imported, because a new process spends most of its
time on that. Prints a JSON line for each mutant: the changed line before and after, and whether a test failed.
"""

from __future__ import annotations

import ast
import difflib
import importlib
import json
import multiprocessing
import os
import sys
from collections.abc import Iterator
from importlib.util import cache_from_source
from itertools import count
from pathlib import Path
from typing import Final

TIMEOUT_S: Final = 120
"""The time limit of a mutant's tests; a mutant that exceeds it is killed."""

LIBRARIES: Final = ("pytest", "hypothesis", "requests_mock", "urllib3", "numpy", "PIL.Image", "simplejpeg")

# Shrinking a failing example would take longer than everything else.
OPTIONS: Final = ("-x", "-q", "-p", "no:cacheprovider", "--timeout=30", "--hypothesis-profile=no-shrinking")


def mutants(source: str) -> Iterator[str]:
    """Yield the mutants of a module's source, without those that are equivalent or not valid Python.

    Equivalent are those that only change annotations or how arguments are passed.
    """
    from cosmic_ray.mutating import mutate_code
    from cosmic_ray.plugins import get_operator, operator_names

    for name in operator_names():
        if (operator := get_operator(name)).arguments():
            continue
        for occurrence in count():
            try:
                mutated = mutate_code(source, operator(), occurrence)
            except AttributeError:  # cosmic-ray cannot replace an exception whose name has a dot
                continue
            if mutated is None:
                break
            if _normalised(mutated) not in (None, _normalised(source)):
                yield mutated


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


def changed_line(source: str, mutated: str) -> tuple[str, str]:
    """Return the lines that differ, before and after, each joined to one line."""
    diff = list(difflib.unified_diff(source.splitlines(), mutated.splitlines(), n=0, lineterm=""))[2:]
    was, became = ([line[1:] for line in diff if line.startswith(sign)] for sign in "-+")
    return " ".join(" ".join(was).split()), " ".join(" ".join(became).split())


def _run_tests(tests: list[str]) -> None:
    import pytest

    output = os.open(os.devnull, os.O_WRONLY)
    os.dup2(output, 1)
    os.dup2(output, 2)
    os._exit(int(pytest.main([*OPTIONS, *tests])))


def tests_fail(tests: list[str]) -> bool:
    """Run the tests in a forked process, and return whether one failed or the time limit was exceeded."""
    process = multiprocessing.get_context("fork").Process(target=_run_tests, args=(tests,))
    process.start()
    process.join(TIMEOUT_S)
    process.kill()
    process.join()
    return process.exitcode != 0


def main(module: str, *tests: str) -> None:
    """Print the mutants of a module.

    :raises RuntimeError: if a test fails without a mutation.
    """
    for library in LIBRARIES:
        importlib.import_module(library)
    path = Path(module)
    source = path.read_text()
    if tests_fail(list(tests)):
        raise RuntimeError(f"A test of {module} fails without a mutation.")
    for mutated in mutants(source):
        path.write_text(mutated)
        # Python takes two mutants of one second and of one size for the same file.
        Path(cache_from_source(str(path.resolve()))).unlink(missing_ok=True)
        was, became = changed_line(source, mutated)
        print(json.dumps([was, became, tests_fail(list(tests))]), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
