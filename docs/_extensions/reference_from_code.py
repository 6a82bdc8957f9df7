"""The parts of the reference that no docstring holds: the commands, and the connection's fields."""

from __future__ import annotations

import argparse
import json
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from airflow_provider_oppo_image.cli.main import make_parser, parsers
from airflow_provider_oppo_image.connection import FIELDS, Field, Value


def setup(app: Sphinx) -> dict[str, Any]:
    """Give the pages the directives."""
    app.add_directive("command-line", CommandLine)
    app.add_directive("connection-fields", ConnectionFields)
    return {"parallel_read_safe": True}


class CommandLine(SphinxDirective):
    """A section for each command, with its help as a terminal shows it."""

    def run(self) -> list[nodes.Node]:
        """Return the sections."""
        return [_section(parser) for parser in parsers(make_parser())]


class ConnectionFields(SphinxDirective):
    """The fields of the connection's extra, as the form names and explains them."""

    def run(self) -> list[nodes.Node]:
        """Return a list of definitions."""
        return [nodes.definition_list("", *map(_definition, FIELDS))]


def _section(parser: argparse.ArgumentParser) -> nodes.Node:
    section = nodes.section(ids=[nodes.make_id(parser.prog)])
    section += nodes.title("", "", nodes.literal("", parser.prog))
    text = parser.format_help().replace("\n\n" + (parser.epilog or "\n"), "")
    section += nodes.literal_block(text, text, language="text")
    return section


def _definition(field: Field) -> nodes.Node:
    term = nodes.term("", "", nodes.literal("", field.name))
    paragraph = nodes.paragraph("", f"{field.label}. {field.description} ")
    for what, values in (("One of", field.choices), ("Default:", _written(field.default))):
        if values:
            paragraph += nodes.Text(f" {what} ")
            paragraph += [part for value in values for part in (nodes.literal("", value), nodes.Text(", "))][:-1]
            paragraph += nodes.Text(".")
    return nodes.definition_list_item("", term, nodes.definition("", paragraph))


def _written(default: Value) -> list[str]:
    """Return a default as people write it into the extra; nothing for an empty text."""
    return [default if isinstance(default, str) else json.dumps(default).removesuffix(".0")] if default != "" else []
