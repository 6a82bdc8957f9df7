"""The imported decorator has types: a type checker knows the function's arguments, and that it returns a mapping."""

from __future__ import annotations

import re
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from airflow_provider_oppo_image.airflow_compat import HAS_PAGES

ROOT = Path(__file__).parents[2]

DAG_FILE = """
from airflow_provider_oppo_image.decorators.oppo_image import oppo_image_upload_task

@oppo_image_upload_task
def bare(campaign: str, version: int = 1) -> dict[str, str]:
    return {"big_picture_url": campaign}

@oppo_image_upload_task(check=False, retries=3)
def with_arguments(campaign: str) -> dict[str, str | None]:
    return {"big_picture_url": campaign}

reveal_type(bare)
reveal_type(with_arguments)
reveal_type(bare("spring", version=2))
reveal_type(bare.partial(version=2).expand(campaign=["spring"]))
bare(7)
bare()

@oppo_image_upload_task
def returns_text() -> str:
    return "https://cdn.example.com/big.png"
"""


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What mypy says of the DAG file, from here, where `make types` may have left a cache."""
    pytest.importorskip("mypy")
    file = tmp_path_factory.mktemp("types") / "dag.py"
    file.write_text(textwrap.dedent(DAG_FILE))
    done = subprocess.run([sys.executable, "-m", "mypy", str(file)], cwd=ROOT, capture_output=True, text=True)
    return re.sub(r"(\w+\.)+(\w+)", r"\2", done.stdout)


@pytest.mark.timeout(300)
def test_a_type_checker_knows_the_decorated_function(said: str) -> None:
    revealed = re.findall(r'Revealed type is "(.*)"', said)
    assert revealed[:2] == ["UploadTask[[campaign: str, version: int =]]", "UploadTask[[campaign: str]]"]
    # What is common to both Airflows has no types where Airflow 2 is installed.
    assert revealed[2:] == ["XComArg" if HAS_PAGES else "Any"] * 2


def test_a_type_checker_tells_wrong_arguments_and_a_wrong_return(said: str) -> None:
    errors = re.findall(r"error: (.*)", said)
    assert len(errors) == 3
    assert 'Argument 1 to "__call__" of "UploadTask" has incompatible type "int"; expected "str"' in errors[0]
    assert 'Missing positional argument "campaign"' in errors[1]
    assert 'incompatible type "Callable[[], str]"; expected "Callable[[], Mapping[str, object]]"' in errors[2]
