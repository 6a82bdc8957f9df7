"""`make size`: the figures, their limits, and the modules that take part in an operation."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from airflow_provider_oppo_image.contract import PICTURE_RULES
from airflow_provider_oppo_image.errors import ConfigurationError, docs_url_for
from scripts import size
from scripts.modules_used import modules_used

CHAIN = {"p.a": {"p.b"}, "p.b": {"p.c"}, "p.c": set()}


def test_longest_chain() -> None:
    assert size.longest_chain(CHAIN) == ["p.a", "p.b", "p.c"]


def test_import_graph_has_runtime_imports_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, source in {
        "__init__": "",
        "lazy": "def run():\n    from sized import low\n",
        "typed": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from sized import low\n",
        "low/__init__": "from sized.low import inner\n",
        "low/inner": "import sized\n",
    }.items():
        (tmp_path / "sized/low").mkdir(parents=True, exist_ok=True)
        (tmp_path / "sized" / f"{name}.py").write_text(source)
    monkeypatch.syspath_prepend(tmp_path)
    assert size.import_graph("sized") == {"sized.lazy": {"sized.low"}, "sized.typed": set(), "sized.low": set()}


@pytest.mark.parametrize(("value", "code"), [(2, 0), (3, 1)])
def test_main_fails_above_a_limit(
    value: int, code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(size, "figures", lambda: [size.Figure("modules", value, 2)])
    assert size.main() == code
    assert ("ABOVE THE LIMIT" in capsys.readouterr().out) is bool(code)


def test_modules_used_counts_functions_of_every_thread() -> None:
    def run() -> None:
        thread = threading.Thread(target=docs_url_for, args=(ConfigurationError("no"),))
        thread.start()
        thread.join()

    assert modules_used(run) == ["errors.py"]
    assert modules_used(lambda: PICTURE_RULES["big"]) == []
