from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.pictures.check import check_file
from tests.cli.conftest import Start, imported_packages, write
from tests.support import artwork
from tests.support.object_store import ObjectStore


@pytest.fixture
def art(tmp_path: Path) -> str:
    return write(tmp_path / "art.png", artwork.png(1968, 900))


def test_prepare_prints_the_report(art: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    destination = tmp_path / "big.jpg"
    assert main(["prepare", art, "--kind", "big", "-o", str(destination)]) == 0
    size = destination.stat().st_size
    assert capsys.readouterr() == (f"big picture {destination} is ready (984 x 369 px, JPEG, {size:,} bytes)\n", "")
    assert check_file("big", destination).state == "ready"


def test_options_change_the_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    art = write(tmp_path / "art.png", artwork.encode(Image.new("RGB", (60, 120), "red"), "PNG"))
    options = ["--fit", "contain", "--focus", "0,1", "--background", "#00ff00", "--enlarge"]
    assert main(["prepare", art, "--kind", "small", "-o", str(tmp_path / "small"), *options]) == 0
    assert capsys.readouterr().err.startswith("warning: ")
    with Image.open(tmp_path / "small.png") as made:
        assert (made.getpixel((5, 72)), made.getpixel((140, 72))) == ((255, 0, 0), (0, 255, 0))


def test_json_has_destination_and_report(art: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", art, "--kind", "big", "-o", str(tmp_path / "big"), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert (data["destination"], data["notes"]) == (str(tmp_path / "big.png"), [])
    assert (data["report"]["state"], data["report"]["url"]) == ("ready", data["destination"])


@pytest.mark.parametrize(
    ("source", "options", "code", "words"),
    [
        ("art.png", ["--background", "nice"], 2, "background must be a colour"),
        ("art.png", ["-o", "art.png"], 2, "art.png"),
        ("art.png", ["-o", "nowhere/big.png"], 2, "No such file or directory"),
        ("art.png", ["-o", "nfs5://server/big.png"], 2, "nfs5://"),
        ("tiny.png", [], 1, "wrong_dimensions"),
        ("text.png", [], 1, "wrong_format"),
        ("later.png", [], 3, "later.png is absent"),
    ],
)
def test_errors_write_nothing(
    source: str,
    options: list[str],
    code: int,
    words: str,
    art: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "tiny.png", artwork.png(40, 40))
    write(tmp_path / "text.png", b"to be drawn")
    before = sorted(tmp_path.iterdir())
    assert main(["prepare", source, "--kind", "big", "-o", "big.png", *options]) == code
    assert words in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


def test_object_storage(store: ObjectStore) -> None:
    store.put("bucket/art.png", artwork.png(1968, 900))
    assert main(["prepare", "s3://stub@bucket/art.png", "--kind", "big", "-o", "s3://stub@bucket/big.png"]) == 0
    assert sorted(store.objects) == ["bucket/art.png", "bucket/big.png"]


def test_prepare_of_a_file_does_not_import_airflow(art: str, tmp_path: Path, start: Start) -> None:
    process = start("prepare", art, "--kind", "big", "-o", str(tmp_path / "big"), python=["-X", "importtime"])
    _, stderr = process.communicate()
    assert process.returncode == 0
    packages = imported_packages(stderr)
    assert "PIL" in packages
    assert packages.isdisjoint({"airflow", "fastapi", "uvicorn"})
