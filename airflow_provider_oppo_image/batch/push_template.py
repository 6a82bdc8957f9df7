"""Message of a batch of pushes: its texts have ``${column}`` placeholders, which are filled for each row. Pure."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from string import Template
from typing import Any, Final

from airflow_provider_oppo_image.engagelab.push_rules import OPTIONS, object_at, require_message
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.template_values import is_blank


class _ColumnTemplate(Template):
    """A template whose names in braces may have any characters, as the columns of a manifest."""

    braceidpattern = r"[^{}]+"


class MessageTemplate:
    """A push body whose texts may contain ``${column}``; ``$$`` is a dollar sign. Expressions are not supported.

    :param message: the vendor's push body, with `to` and `body`.
    :raises ConfigurationError: if it is not an object, a text has a dollar sign that starts no placeholder, or it has a
        `cid`, which would be the same for all rows.
    """

    def __init__(self, message: object) -> None:
        message = require_message(message)
        if not is_blank(object_at(message, *OPTIONS).get("cid")):
            raise ConfigurationError(
                "The message has a cid. In a batch, each push needs another one: remove it, and each row gets its own."
            )
        self.message = message
        self.columns = frozenset(_columns(message))
        """The columns that the message needs."""
        self.audience_columns = frozenset(_columns(message.get("to")))
        """The columns that `to` needs."""

    def check_columns(self, line: int, row: Mapping[str, Any]) -> None:
        """Raise an error if a row has not all columns of the message.

        :param line: the line of the row, for the error.
        :param row: its columns.
        :raises ConfigurationError: if a column is unknown.
        """
        if unknown := sorted(self.columns - row.keys()):
            names = ", ".join(f"${{{name}}}" for name in unknown)
            raise ConfigurationError(
                f"The message has {names}, and line {line} has no such column, so nothing was pushed. Its columns are "
                f"{', '.join(map(str, row))}. Columns of the manifest need the argument manifest; write $$ for a "
                "dollar sign."
            )

    def fill(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """Return the message of a row.

        :param row: its columns.
        :raises ConfigurationError: if a column in `to` is empty.
        """
        if empty := sorted(name for name in self.audience_columns if is_blank(row[name])):
            raise ConfigurationError(
                f"The column {', '.join(empty)} is empty, and `to` needs it, so this row was not pushed."
            )
        values = {name: _text(row[name]) for name in self.columns}
        filled: dict[str, Any] = _map_texts(self.message, lambda text: _ColumnTemplate(text).substitute(values))
        return filled


def _columns(value: object) -> Iterator[str]:
    for text in _texts(value):
        template = _ColumnTemplate(text)
        if not template.is_valid():
            raise ConfigurationError(
                f"The message has a dollar sign that starts no placeholder, in {text[:_SHOWN_CHARACTERS]!r}. Write "
                "${column} for the value of a column, and $$ for a dollar sign."
            )
        yield from template.get_identifiers()


_SHOWN_CHARACTERS: Final = 80


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping | list | tuple):
        for item in value.values() if isinstance(value, Mapping) else value:
            yield from _texts(item)


def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _map_texts(item, change) for key, item in value.items()}
    return [_map_texts(item, change) for item in value] if isinstance(value, list | tuple) else value


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    return "" if is_blank(value) else json.dumps(value, ensure_ascii=False, default=str)
