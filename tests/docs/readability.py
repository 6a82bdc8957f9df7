"""Lengths of the sentences of the documentation: `python -m tests.docs.readability [GROUP or PAGE]`."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Final

import airflow_provider_oppo_image
from scripts.markdown import BLOCK
from tests.docs.pages import ROOT

MEDIAN: Final = 16
LONGEST: Final = 35

GROUPS: Final = {
    "front": ["README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md", "docs/README.md"],
    "guides": ["docs/how-to/*.md"],
    "look it up": ["docs/[a-z]*.md", "docs/reference/*.md"],
    "errors": ["docs/errors/*.md"],
    "decisions": ["docs/decisions/*.md"],
    "benchmarks": ["bench/*.md"],
    "docstrings": ["airflow_provider_oppo_image/**/*.py"],
}
"""The English pages, and the docstrings that the reference shows, by group."""

_CODE = re.compile(r"(`+).+?\1")
_ABBREVIATIONS = re.compile(r"(?i)\b(e\.g|i\.e|etc|vs|approx)\.")
_MARKS = re.compile(r"!?\[((?:[^\]\\]|\\.)*)\]\([^)\s]*\)|<[^>\n]+>")
_ITEM = re.compile(r"^\s*(?:[-*+]|\d+\.)\s+|^> ?", re.MULTILINE)


def sentences(text: str) -> Iterator[str]:
    """Yield the sentences of a page, without code blocks, tables, headings, targets of links and lists of versions."""
    text = re.sub(r"<!--.*?-->", "", BLOCK.sub("\n\n", text), flags=re.DOTALL)
    text = re.sub(r"^(?:#+ .*|\|.*\||\d{4}-\d\d-\d\d;.*)$", "\n", text, flags=re.MULTILINE)
    for paragraph in re.split(r"\n\s*\n|\0", _ITEM.sub("\0", text)):
        line = _CODE.sub("code", " ".join(paragraph.replace("**", "").split()))
        line = _ABBREVIATIONS.sub(r"\1", _MARKS.sub(lambda link: link[1] or "", line))
        yield from (part for part in re.split(r"(?<=[.!?])[)\"']*\s+", line) if re.search(r"\w", part))


def docstrings(source: str) -> str:
    """Return the docstrings of a module's public names, with their fields as paragraphs."""
    public = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    nodes = [node for node in ast.walk(ast.parse(source)) if isinstance(node, public)]
    texts = [ast.get_docstring(node) or "" for node in nodes if not getattr(node, "name", "").startswith("_")]
    texts = [re.sub(r"^(?: {2,}|[│├└]).*$", "", text, flags=re.MULTILINE) if "::" in text else text for text in texts]
    return re.sub(r"^:\w+(?: \w+)?:", "\n", re.sub(r"``", "`", "\n\n".join(texts)), flags=re.MULTILINE)


def words(sentence: str) -> int:
    """Return how many words a sentence has."""
    return len([word for word in sentence.split() if re.search(r"\w", word)])


def pages(group: str) -> Iterator[tuple[Path, list[str]]]:
    """Yield the files of a group with their sentences."""
    for pattern in GROUPS[group]:
        # The package is not in the checkout where its wheel is tested.
        root = Path(str(airflow_provider_oppo_image.__file__)).parents[1] if pattern.endswith(".py") else ROOT
        for path in sorted(root.glob(pattern)):
            if path.name == "README.md" and path.parent == ROOT / "docs" and group != "front":
                continue
            text = path.read_text()
            yield path, list(sentences(docstrings(text) if path.suffix == ".py" else text))


def main(wanted: list[str]) -> int:
    """Print each group's figures, and each sentence that is too long; return the exit code."""
    print(f"{'group':14} {'pages':>5} {'sentences':>9} {'median':>6} {'longest':>7} {'above ' + str(LONGEST):>8}")
    failed = False
    for group in GROUPS:
        found = [(path, one) for path, each in pages(group) for one in each]
        lengths = [words(one) for _, one in found]
        long = [one for one in lengths if one > LONGEST]
        failed |= bool(long) or median(lengths) > MEDIAN
        print(
            f"{group:14} {len({path for path, _ in found}):5} {len(lengths):9} {median(lengths):6g}"
            f" {max(lengths):7} {len(long):8}"
        )
    for group in GROUPS:
        for path, each in pages(group):
            name = path.relative_to(ROOT).as_posix()
            if any(word in (group, name) for word in wanted):
                print(*(f"{name}: {words(one)} words: {one}" for one in each if words(one) > LONGEST), sep="\n")
    return failed


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
