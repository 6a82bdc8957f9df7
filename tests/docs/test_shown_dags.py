"""DAGs that the pages, the examples and the snippets show are safe to copy."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.docs.pages import ROOT, blocks

SCHEDULED = {
    "example_dags/nightly_campaigns.py": "many-campaigns.md",
    "tests/docs/snippets/evening_push.py": "time-zones-and-schedules.md",
    "example_dags/push_on_uploaded.py": "schedule-on-uploaded-pictures.md",
}
"""Files that may have a schedule, with their pages, which are about schedules."""

BEFORE = {"tests/docs/snippets/coming_from_http.py", "tests/docs/snippets/coming_from_sdk.py"}
"""DAGs to migrate from. They push without this package, so they have no `validate_only`."""

AIRFLOW_3_ONLY = {
    "example_dags/alert_when_late.py",
    "example_dags/approve_before_push.py",
    "tests/docs/snippets/retry_policy.py",
    "tests/docs/snippets/watch_pictures.py",
}
"""Files that use what Airflow 2 does not have."""

PUSHES = re.compile(r"OppoImagePushOperator(\.partial)?\(|\.push\b|v4/push")


@dataclass(frozen=True)
class Source:
    """Python code that is shown.

    :param place: the page and the line, or the file.
    :param file: the file that a page's block is a copy of; the page where it is no copy.
    :param text: the code.
    """

    place: str
    file: str
    text: str


def sources() -> Iterator[Source]:
    """Yield the Python blocks of all pages, the examples and the snippets."""
    for block in blocks("python"):
        copied = re.match(r"snippet: (\S+)", block.comment)
        yield Source(block.place, copied[1] if copied else block.place.rpartition(":")[0], block.text)
    for folder in ("example_dags", "tests/docs/snippets"):
        for path in sorted((ROOT / folder).glob("*.py")):
            file = path.relative_to(ROOT).as_posix()
            yield Source(file, file, path.read_text())


def faults(source: Source) -> Iterator[str]:
    """Yield the rules that a source breaks."""
    tree = ast.parse(source.text)
    if source.file not in AIRFLOW_3_ONLY:
        yield from import_faults(tree)
    if not PUSHES.search(source.text):
        return
    dags, pushes = calls(tree, "DAG", "dag"), calls(tree, "OppoImagePushOperator", "OppoImagePushOperator.partial")
    for given in dags:
        if given.get("schedule") != "None" and source.file not in SCHEDULED:
            yield "a DAG must have schedule=None, unless its page is about schedules"
        if given.get("catchup") != "False":
            yield "a DAG must have catchup=False"
    if not all(only_validates(given.get("validate_only"), tree) for given in pushes):
        yield "a push must have validate_only=True, or a parameter `send` that is False by default"
    if dags and not pushes and source.file not in BEFORE:
        yield "a DAG must push with OppoImagePushOperator, which has validate_only"


def calls(tree: ast.Module, *names: str) -> list[dict[str | None, str]]:
    """Return the keyword arguments of the calls of these names; none for a decorator without a call."""
    called = [
        {keyword.arg: ast.unparse(keyword.value) for keyword in node.keywords}
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func) in names
    ]
    decorators = [
        decorator for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) for decorator in node.decorator_list
    ]
    return called + [{} for decorator in decorators if ast.unparse(decorator) in names]


def import_faults(tree: ast.Module) -> Iterator[str]:
    """Yield which imports fail on some Airflow."""
    with_fallback = {
        line
        for node in ast.walk(tree)
        if isinstance(node, ast.Try) and any("ImportError" in ast.unparse(caught) for caught in node.handlers)
        for line in node.body
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            if module.startswith("airflow.providers.common.compat"):
                yield f"an import must not be from {module}"
            if re.match(r"airflow\.sdk\b", module) and node not in with_fallback:
                yield f"an import from {module} must have an `except ImportError` for Airflow 2.11"


def only_validates(given: str | None, tree: ast.Module) -> bool:
    """Return whether a push with this `validate_only` is not sent by default."""
    sends = [
        ast.unparse(value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Dict)
        for key, value in zip(node.keys, node.values, strict=True)
        if key and ast.unparse(key) == "'send'"
    ]
    unsent = any(re.match(r"False$|Param\(False\b", send) for send in sends)
    return given == "True" or (given == "'{{ not params.send }}'" and unsent)


SOURCES = list(sources())


@pytest.mark.parametrize("source", SOURCES, ids=lambda source: source.place)
def test_shown_dag_is_safe_to_copy(source: Source) -> None:
    found = list(faults(source))
    assert not found, f"{source.place}: {'; '.join(found)}"


WITHOUT_DAG = {
    *("command-line", "read-the-logs", "sandbox", "secrets-backends"),
    *("try-it-in-airflow", "upgrade"),
    "test-your-dags",  # it begins with a test of an example DAG
}
"""Guides that are not about a DAG."""


@pytest.mark.parametrize("page", sorted((ROOT / "docs/how-to").glob("*.md")), ids=lambda page: page.stem)
def test_guide_starts_with_whole_dag(page: Path) -> None:
    if page.stem not in WITHOUT_DAG:
        first = next(source for source in SOURCES if source.place.startswith(f"docs/how-to/{page.name}:"))
        assert calls(ast.parse(first.text), "DAG", "dag")
        assert first.file.startswith(("example_dags/", "tests/docs/snippets/"))


def test_shown_dags_include_pushing_dags() -> None:
    pushing = {source.place.partition(":")[0] for source in SOURCES if PUSHES.search(source.text)}
    pages = {"docs/coming-from.md", "docs/how-to/push.md", "docs/zh/how-to/push.md", "README.md", "README.zh-CN.md"}
    assert pushing > {*pages, *BEFORE, *SCHEDULED}


GOOD = """
from airflow import DAG
with DAG("spring", schedule=None, catchup=False, params={"send": False}):
    OppoImagePushOperator(task_id="push", validate_only="{{ not params.send }}")
"""


@pytest.mark.parametrize(
    ("good", "bad", "fault"),
    [
        ("schedule=None", "schedule='@daily'", "schedule=None"),
        ("schedule=None, ", "", "schedule=None"),
        ("catchup=False", "catchup=True", "catchup=False"),
        ("catchup=False, ", "", "catchup=False"),
        (', validate_only="{{ not params.send }}"', "", "validate_only"),
        ('validate_only="{{ not params.send }}"', "validate_only=False", "validate_only"),
        ('"send": False', '"send": True', "validate_only"),
        ("OppoImagePushOperator(task_id", "OppoImageHook().push(message", "OppoImagePushOperator"),
        ("from airflow import DAG", "from airflow.sdk import DAG", "ImportError"),
        ("from airflow import DAG", "from airflow.providers.common.compat.sdk import DAG", "common.compat"),
    ],
)
def test_shown_dag_check_finds_broken_rule(good: str, bad: str, fault: str) -> None:
    assert not list(faults(Source("page", "page", GOOD)))
    assert good in GOOD
    [found] = faults(Source("page", "page", GOOD.replace(good, bad)))
    assert fault in found
