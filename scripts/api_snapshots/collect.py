"""The public API, collected from the code: names, arguments, stored shapes, codes, columns and options."""

from __future__ import annotations

import argparse
import importlib
import inspect
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from airflow_provider_oppo_image import errors
from airflow_provider_oppo_image.batch.manifest import MANIFEST_FORMATS, NAME_COLUMN, ROW_CODES, URL_COLUMNS
from airflow_provider_oppo_image.batch.results import RESULT_FORMATS
from airflow_provider_oppo_image.batch.row_result import COLUMN_NAMES
from airflow_provider_oppo_image.cli import output
from airflow_provider_oppo_image.cli.main import make_parser, parsers
from airflow_provider_oppo_image.connection import CONN_TYPE, DEFAULT_CONN_ID, FIELDS
from airflow_provider_oppo_image.contract import ERROR_CODES
from airflow_provider_oppo_image.errors import FAULTS
from airflow_provider_oppo_image.pictures.report import ABSENT_CODES, WARNING_CODES, WRONG_CODES
from scripts.api_snapshots import samples

_PACKAGE: Final = "airflow_provider_oppo_image"

REQUIRED: Final = "(required)"
"""The default of an argument that has none."""

NAMES: Final = (
    "batch.split.merge_results",
    "batch.split.default_results_path",
    "batch.split.split_manifest",
    "decorators.oppo_image.oppo_image_upload_task",
    "hooks.oppo_image.OppoImageHook",
    "hooks.oppo_image.airflow_errors",
    "links.oppo_image.ConsoleLink",
    "links.oppo_image.PicturesLink",
    "operators.asset_events.uploaded_pictures",
    "operators.oppo_image.OppoImageBatchUploadOperator",
    "operators.oppo_image.OppoImagePrepareOperator",
    "operators.oppo_image.OppoImagePushOperator",
    "operators.oppo_image.OppoImageUploadOperator",
    "operators.oppo_image.OppoImageWithdrawOperator",
    "pictures.check.check_bytes",
    "pictures.check.check_file",
    "pictures.check.check_picture",
    "artwork.layout.Layout",
    "artwork.prepare.prepare",
    "retry_policy.OppoImageRetryPolicy",
    "sandbox.options.SandboxOptions",
    "sandbox.server.SandboxServer",
    "sensors.oppo_image.OppoImagePushStatusSensor",
    "sensors.oppo_image.OppoImageSensor",
    "triggers.oppo_image.OppoImageEventTrigger",
    "triggers.oppo_image.OppoImagePushStatusTrigger",
    "triggers.oppo_image.OppoImageTrigger",
)
"""The names that DAGs, tests and Airflow's database import."""


def collect() -> dict[str, Any]:
    """Return the public API as JSON data, by kind."""
    snapshot: dict[str, Any] = json.loads(json.dumps({kind: get() for kind, get in _KINDS.items()}))
    return snapshot


def _public() -> Iterator[tuple[str, Any]]:
    for name in NAMES:
        module, _, attribute = name.rpartition(".")
        yield name, getattr(importlib.import_module(f"{_PACKAGE}.{module}"), attribute)


def _arguments() -> dict[str, dict[str, Any]]:
    found = {}
    for name, value in _public():
        found[name] = _arguments_of(value.__init__ if inspect.isclass(value) else value)
        if name.endswith("Hook"):
            ours = [vars(base).items() for base in value.__mro__ if base.__module__.startswith(_PACKAGE)]
            methods = {method: call for base in ours for method, call in base if inspect.isfunction(call)}
            found |= {f"{name}.{method}": _arguments_of(methods[method]) for method in methods if method[0] != "_"}
    return found


def _arguments_of(call: Callable[..., Any]) -> dict[str, Any]:
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = [one for one in inspect.signature(call).parameters.values() if one.kind not in variable]
    return {one.name: _default(one.default) for one in parameters if one.name != "self"}


def _default(value: Any) -> Any:
    if value is inspect.Parameter.empty:
        return REQUIRED
    return value if isinstance(value, None | bool | int | float | str | tuple) else repr(value)


def _template_fields() -> dict[str, list[str]]:
    return {name: list(value.template_fields) for name, value in _public() if hasattr(value, "template_fields")}


def _connection() -> dict[str, Any]:
    keys = {field.name: field.default for field in FIELDS}
    choices = {field.name: list(field.choices) for field in FIELDS if field.choices}
    return {"conn_type": CONN_TYPE, "conn_id": DEFAULT_CONN_ID, "extra": keys, "choices": choices}


def _codes() -> dict[str, Any]:
    pictures = {"absent": ABSENT_CODES, "wrong": WRONG_CODES, "warnings": WARNING_CODES}
    return {**pictures, "rows": ROW_CODES, "faults": FAULTS, "service": list(ERROR_CODES)}


def _errors() -> dict[str, Any]:
    base = errors.OppoImageError
    classes = [cls for cls in vars(errors).values() if inspect.isclass(cls) and issubclass(cls, base)]
    return {
        cls.__name__: {
            "is": [one.__name__ for one in cls.__mro__ if one in classes],
            "attributes": sorted(vars(cls("message"))),
            "default_permanent": cls.default_permanent,
            "exit_code": output.exit_code(cls("message")),
        }
        for cls in classes
    }


def _columns() -> dict[str, Any]:
    return {
        "manifest": [NAME_COLUMN, *URL_COLUMNS],
        "manifest_formats": list(MANIFEST_FORMATS),
        "results": COLUMN_NAMES,
        "results_formats": RESULT_FORMATS,
    }


def _commands() -> dict[str, Any]:
    codes = ("SUCCESS", "WRONG_PICTURE", "USAGE", "RETRY", "REFUSED", "INTERNAL", "INTERRUPTED")
    return {
        "exit_codes": {code: getattr(output, code) for code in codes},
        "commands": {parser.prog: _options(parser) for parser in parsers(make_parser())},
    }


def _options(parser: argparse.ArgumentParser) -> list[str]:
    return [option for action in parser._actions for option in action.option_strings]


_KINDS: Final[Mapping[str, Callable[[], Any]]] = {
    "names": lambda: list(NAMES),
    "arguments": _arguments,
    "template_fields": _template_fields,
    "connection": _connection,
    "codes": _codes,
    "errors": _errors,
    "columns": _columns,
    "commands": _commands,
    "triggers": samples.triggers,
    "xcoms": samples.xcoms,
    "records": samples.records,
    "asset_events": samples.asset_events,
    "task_state": samples.task_state,
    "files": samples.files,
}
