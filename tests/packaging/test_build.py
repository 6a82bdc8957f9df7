"""The wheel and the source distribution: reproducible and complete."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from airflow_provider_oppo_image import __version__
from scripts.checkout import ROOT, copy_checkout

pytest.importorskip("hatchling", reason="the packaging tools are in the group packaging")
pytestmark = pytest.mark.timeout(180)

PACKAGE = "airflow_provider_oppo_image"
NAME = f"{PACKAGE}-{__version__}"
AN_EPOCH = "1700000000"


def build(target: str, checkout: Path) -> Path:
    command = [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", "out"]
    environment = {**os.environ, "SOURCE_DATE_EPOCH": AN_EPOCH}
    subprocess.run(command, cwd=checkout, check=True, capture_output=True, env=environment)
    [built] = (checkout / "out").glob({"wheel": "*.whl", "sdist": "*.tar.gz"}[target])
    return built


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("git") or not (ROOT / ".git").exists():
        pytest.skip("git lists the files of the project")
    made = tmp_path_factory.mktemp("checkout")
    copy_checkout(made)
    return made


@pytest.fixture(scope="module")
def wheel(checkout: Path) -> Path:
    return build("wheel", checkout)


@pytest.fixture(scope="module")
def sdist(checkout: Path) -> Path:
    return build("sdist", checkout)


@pytest.fixture(scope="module")
def shipped(wheel: Path) -> Iterator[set[str]]:
    with zipfile.ZipFile(wheel) as archive:
        yield set(archive.namelist())


def test_build_is_reproducible(checkout: Path, wheel: Path, sdist: Path, tmp_path: Path) -> None:
    """The same commit at another path, with other times and file modes."""
    another = tmp_path / "far" / "away"
    shutil.copytree(checkout, another, ignore=shutil.ignore_patterns("out"))
    for path in another.rglob("*.py"):
        path.chmod(0o600)
        os.utime(path, (1_500_000_000, 1_500_000_000))
    assert build("wheel", another).read_bytes() == wheel.read_bytes()
    assert build("sdist", another).read_bytes() == sdist.read_bytes()


def test_sdist_builds_the_same_wheel(wheel: Path, sdist: Path, tmp_path: Path) -> None:
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    assert build("wheel", tmp_path / NAME).read_bytes() == wheel.read_bytes()


def test_wheel_has_only_the_package(shipped: set[str]) -> None:
    assert {name.split("/")[0] for name in shipped} == {PACKAGE, f"{NAME}.dist-info"}
    assert not [name for name in shipped if "__pycache__" in name or "/tests/" in name]


def test_wheel_has_the_complete_package(shipped: set[str], checkout: Path) -> None:
    ours = {str(path.relative_to(checkout)) for path in (checkout / PACKAGE).rglob("*") if path.is_file()}
    assert ours <= shipped
    for needed in (
        "py.typed",
        "sandbox/page.html",
        "plugins/templates/base.html",
        "plugins/static/page.css",
        "plugins/translations/zh.py",
    ):
        assert f"{PACKAGE}/{needed}" in shipped


def test_wheel_has_example_dags(shipped: set[str], checkout: Path) -> None:
    examples = {f"{PACKAGE}/example_dags/{path.name}" for path in (checkout / "example_dags").glob("*.py")}
    assert examples
    assert examples <= shipped


def test_license_is_included(shipped: set[str], sdist: Path) -> None:
    assert f"{NAME}.dist-info/licenses/LICENSE" in shipped
    with tarfile.open(sdist) as archive:
        assert f"{NAME}/LICENSE" in archive.getnames()


@pytest.mark.parametrize("tool", [("twine", "check", "--strict"), ("check_wheel_contents",)])
def test_tool_accepts_the_wheel(tool: tuple[str, ...], wheel: Path) -> None:
    pytest.importorskip(tool[0])
    checked = subprocess.run([sys.executable, "-m", *tool, str(wheel)], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_description_has_absolute_links_to_existing_files(wheel: Path, checkout: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        described = archive.read(f"{NAME}.dist-info/METADATA").decode()
    [source] = re.findall(r"^Project-URL: Source, (.*)$", described, re.MULTILINE)
    links = re.findall(r"(!?)\[[^\]]*\]\(([^)]*)\)", described)
    assert {bool(image) for image, _ in links} == {True, False}
    for image, url in links:
        assert url.startswith("https://"), url
        if path := url.removeprefix(f"{source}/{'raw' if image else 'blob'}/v{__version__}/"):
            assert path == url or (checkout / path.partition("#")[0]).exists(), url


def test_metadata_has_extras_for_users_only(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        described = archive.read(f"{NAME}.dist-info/METADATA").decode()
    extras = set(re.findall(r"^Provides-Extra: (.*)$", described, re.MULTILINE))
    assert extras == {"amazon", "google", "microsoft-azure", "openlineage", "sandbox"}
