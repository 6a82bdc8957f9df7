"""A row of a manifest: a name and its pictures, or what is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias, get_args

from airflow_provider_oppo_image.contract import KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.missing import is_missing
from airflow_provider_oppo_image.pictures.url_rules import SAME_URL, url_problem

RowCode: TypeAlias = Literal[
    "row_columns",
    "row_duplicate_name",
    "row_encoding",
    "row_missing_name",
    "row_name",
    "row_no_url",
    "row_same_url",
    "row_syntax",
    "row_too_long",
    "row_url",
]

ROW_CODES: tuple[RowCode, ...] = get_args(RowCode)

NAME: Final = "name"

URL_KEYS: Final = tuple(PICTURE_RULES[kind].url_key for kind in KINDS)

MAX_NAME: Final = 250
"""The longest name, in characters, inclusive: ours, as long as Airflow's own ids may be."""


@dataclass(frozen=True)
class RowProblem:
    """What is wrong with a row.

    :param code: a stable name.
    :param words: what was found, and what to do now.
    """

    code: RowCode
    words: str


@dataclass(frozen=True)
class Row:
    """A row that was read.

    :param line: where it stands, from 1: its line in a manifest, its place in a list.
    :param name: what the caller calls it; "" where it has none.
    :param pictures: its pictures' URLs by kind; empty where something is wrong.
    :param problem: what is wrong; None for nothing.
    """

    line: int
    name: str
    pictures: Mapping[PictureKind, str] = field(default_factory=dict)
    problem: RowProblem | None = None


def read_row(line: int, entry: Mapping[str, Any]) -> Row:
    """Make a row of a manifest's entry.

    :param line: where it stands, from 1.
    :param entry: ``name``, and ``big_picture_url``, ``small_picture_url`` or both; other keys mean nothing here.
    """
    name = "" if is_missing(entry.get(NAME)) else str(entry[NAME]).strip()
    urls = {kind: entry.get(PICTURE_RULES[kind].url_key) for kind in KINDS}
    given = {kind: url.strip() if isinstance(url, str) else url for kind, url in urls.items() if not is_missing(url)}
    if problem := _name_problem(name) or _url_problem(given):
        return Row(line, name[:MAX_NAME] if name.isprintable() else "", problem=problem)
    return Row(line, name, {kind: str(url) for kind, url in given.items()})


def _name_problem(name: str) -> RowProblem | None:
    if not name:
        return RowProblem("row_missing_name", "The row has no name. Give each row one of its own.")
    if len(name) > MAX_NAME or not name.isprintable():
        # A byte order mark in the middle of a file, say, where two were put together.
        return RowProblem(
            "row_name",
            f"The name has {len(name)} characters, or some that cannot be printed, such as a byte order mark. Give "
            f"printable ones, {MAX_NAME} at most.",
        )
    return None


def _url_problem(given: Mapping[PictureKind, Any]) -> RowProblem | None:
    if not given:
        return RowProblem("row_no_url", f"The row has no URL. Give {' or '.join(URL_KEYS)}, or leave the row out.")
    for kind, url in given.items():
        # Whether a private address may be asked is the check's matter; the service asks from elsewhere.
        if problem := url_problem(url, allow_private_addresses=True):
            return RowProblem("row_url", f"{PICTURE_RULES[kind].url_key}: {problem}")
    if len(set(given.values())) < len(given):
        return RowProblem("row_same_url", SAME_URL)
    return None
