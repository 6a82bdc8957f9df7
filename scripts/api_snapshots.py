"""Write a snapshot of this version's public API, and provider.yaml: `make api-snapshot`.

A snapshot is a folder of a version, with a file for each kind: names, arguments, stored shapes, codes, columns and
options. Only the folder of this version is written, and only if it stays compatible with what was stored there.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml  # type: ignore[import-untyped]

from airflow_provider_oppo_image import __version__, errors
from airflow_provider_oppo_image.batch.manifest import MANIFEST_FORMATS, NAME_COLUMN, ROW_CODES, URL_COLUMNS
from airflow_provider_oppo_image.batch.push_result import PushResult
from airflow_provider_oppo_image.batch.results import RESULT_FORMATS
from airflow_provider_oppo_image.batch.row_result import COLUMN_NAMES
from airflow_provider_oppo_image.cli import output
from airflow_provider_oppo_image.cli.main import make_parser, parsers
from airflow_provider_oppo_image.connection import CONN_TYPE, DEFAULT_CONN_ID, FIELDS
from airflow_provider_oppo_image.contract import ERROR_CODES
from airflow_provider_oppo_image.get_provider_info import get_provider_info
from airflow_provider_oppo_image.pictures.report import ABSENT_CODES, WARNING_CODES, WRONG_CODES
from scripts import api_samples
from scripts.checkout import ROOT

FOLDER: Final = ROOT / "tests/promises"
PROVIDER: Final = ROOT / "provider.yaml"
_PACKAGE: Final = "airflow_provider_oppo_image"

REQUIRED: Final = "(required)"
"""The default of an argument that has none."""

_MODULES: Final = {
    "batch.push_result": "default_pushes_path",
    "batch.split": "merge_results default_results_path split_manifest",
    "decorators.oppo_image": "oppo_image_upload_task",
    "hooks.oppo_image": "OppoImageHook airflow_errors",
    "links.oppo_image": "ConsoleLink PicturesLink",
    "operators.asset_events": "uploaded_pictures",
    "operators.oppo_image": (
        "OppoImageBatchPushOperator OppoImageBatchUploadOperator OppoImagePrepareOperator OppoImagePushOperator "
        "OppoImageUploadOperator OppoImageWithdrawOperator"
    ),
    "pictures.check": "check_bytes check_file check_picture",
    "artwork.layout": "Layout",
    "artwork.prepare": "prepare",
    "retry_policy": "OppoImageRetryPolicy",
    "sandbox.options": "SandboxOptions",
    "sandbox.server": "SandboxServer",
    "sensors.oppo_image": "OppoImagePushStatusSensor OppoImageSensor",
    "triggers.oppo_image": "OppoImageEventTrigger OppoImagePushStatusTrigger OppoImageTrigger",
}
NAMES: Final = tuple(f"{module}.{name}" for module, names in _MODULES.items() for name in names.split())
"""The names that DAGs, tests and Airflow's database import."""


def collect() -> dict[str, Any]:
    """Return the public API as JSON data, by kind."""
    return dict(json.loads(json.dumps({kind: get() for kind, get in _KINDS.items()})))


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


def _commands() -> dict[str, Any]:
    codes = ("SUCCESS", "WRONG_PICTURE", "USAGE", "RETRY", "REFUSED", "INTERNAL", "INTERRUPTED")
    commands = {
        parser.prog: [option for action in parser._actions for option in action.option_strings]
        for parser in parsers(make_parser())
    }
    return {"exit_codes": {code: getattr(output, code) for code in codes}, "commands": commands}


_KINDS: Final[Mapping[str, Callable[[], Any]]] = {
    "names": lambda: list(NAMES),
    "arguments": _arguments,
    "template_fields": lambda: {
        name: list(value.template_fields) for name, value in _public() if hasattr(value, "template_fields")
    },
    "connection": lambda: {
        "conn_type": CONN_TYPE,
        "conn_id": DEFAULT_CONN_ID,
        "extra": {field.name: field.default for field in FIELDS},
        "choices": {field.name: list(field.choices) for field in FIELDS if field.choices},
    },
    "codes": lambda: {
        "absent": ABSENT_CODES,
        "wrong": WRONG_CODES,
        "warnings": WARNING_CODES,
        "rows": ROW_CODES,
        "faults": errors.FAULTS,
        "service": list(ERROR_CODES),
    },
    "errors": _errors,
    "columns": lambda: {
        "manifest": [NAME_COLUMN, *URL_COLUMNS],
        "manifest_formats": list(MANIFEST_FORMATS),
        "results": COLUMN_NAMES,
        "pushes": [field.name for field in dataclasses.fields(PushResult)],
        "results_formats": RESULT_FORMATS,
    },
    "commands": _commands,
    **{kind: getattr(api_samples, kind) for kind in api_samples.KINDS},
}


def versions(folder: Path = FOLDER) -> list[str]:
    """Return the versions that have a snapshot."""
    return sorted({file.parent.name for file in folder.glob("*/*.json")})


def read(version: str, folder: Path = FOLDER) -> dict[str, Any]:
    """Return the snapshot of a version, by kind; {} if there is none."""
    return {file.stem: json.loads(file.read_text()) for file in sorted((folder / version).glob("*.json"))}


def write(version: str, snapshot: dict[str, Any], folder: Path = FOLDER) -> None:
    """Write the snapshot of a version."""
    (folder / version).mkdir(parents=True, exist_ok=True)
    for kind, value in snapshot.items():
        (folder / version / f"{kind}.json").write_text(json.dumps(value, indent=2) + "\n")


def lost(stored: Any, now: Any, path: str = "") -> Iterator[str]:
    """Yield what is missing or different, a line each. Additions are compatible.

    A required argument may get a default, and the names in a list may change their order.
    """
    if isinstance(stored, dict):
        if not isinstance(now, dict):
            yield f"{path}: is no longer a mapping, but {now!r}"
            return
        for key, value in stored.items():
            inner = f"{path} > {key}" if path else str(key)
            if key in now:
                yield from lost(value, now[key], inner)
            else:
                yield f"{inner}: is gone"
    elif isinstance(stored, list) and isinstance(now, list):
        if all(isinstance(entry, str | int) for entry in stored):
            yield from (f"{path} > {entry}: is gone" for entry in stored if entry not in now)
            return
        if len(now) < len(stored):
            yield f"{path}: had {len(stored)} entries, has {len(now)}"
        for number, (before, after) in enumerate(zip(stored, now, strict=False)):
            yield from lost(before, after, f"{path} > {number}")
    elif stored not in (now, REQUIRED):
        yield f"{path}: was {stored!r}, is {now!r}"


def newly_required(stored: dict[str, Any], now: dict[str, Any]) -> Iterator[str]:
    """Yield the required arguments that did not exist before, a line each."""
    for name, arguments in stored.items():
        for argument, default in now.get(name, {}).items():
            if default == REQUIRED and argument not in arguments:
                yield f"{name} > {argument}: must be given now, and did not exist"


def provider_yaml() -> str:
    """Return the provider's metadata in the form of the providers in Airflow's repository."""
    release = {"state": "ready", "source-date-epoch": 1793491200}  # 2026-11-01
    plain = json.loads(json.dumps(get_provider_info() | release))  # YAML has references to what is there twice
    return "# Made by: make api-snapshot\n" + str(yaml.safe_dump(plain, sort_keys=False, width=110))


def main(version: str = __version__, folder: Path = FOLDER) -> int:
    snapshot = collect()
    if broken := list(lost(read(version, folder), snapshot)):
        print(f"The API is not compatible with the snapshot of {version}, so nothing was written:", *broken, sep="\n  ")
        print(f"Restore what is missing. If {version} was never released, you can remove tests/promises/{version}.")
        return 1
    write(version, snapshot, folder)
    PROVIDER.write_text(provider_yaml())
    print(f"The API snapshot of {version} is in tests/promises/{version}.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
