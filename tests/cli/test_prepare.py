from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image

from airflow_provider_oppo_image.cli.main import main
from airflow_provider_oppo_image.pictures.check import check_file
from tests.cli.support import Start, imported, write
from tests.support import artwork
from tests.support.object_store import ObjectStore


@pytest.fixture
def art(tmp_path: Path) -> str:
    return write(tmp_path / "art.png", artwork.png(1968, 900))


def test_artwork_becomes_a_picture(art: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    destination = tmp_path / "big.jpg"
    assert main(["prepare", art, "--kind", "big", "-o", str(destination)]) == 0
    size = destination.stat().st_size
    assert capsys.readouterr() == (f"big picture {destination} is ready (984 x 369 px, JPEG, {size:,} bytes)\n", "")
    assert check_file("big", destination).state == "ready"
    assert main(["check", "--big", str(destination)]) == 0


def test_options_reach_the_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    art = write(tmp_path / "art.png", artwork.encode(Image.new("RGB", (60, 120), "red"), "PNG"))
    options = ["--fit", "contain", "--focus", "0,1", "--background", "#00ff00", "--enlarge"]
    assert main(["prepare", art, "--kind", "small", "-o", str(tmp_path / "small"), *options]) == 0
    assert "warning: The artwork has 60 x 120 px and was enlarged 1.20 times" in capsys.readouterr().err
    with Image.open(tmp_path / "small.png") as made:
        assert (made.getpixel((5, 72)), made.getpixel((140, 72))) == ((255, 0, 0), (0, 255, 0))


def test_a_program_is_told_where_it_is_and_what(art: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", art, "--kind", "big", "-o", str(tmp_path / "big"), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["destination"], told["notes"]) == (str(tmp_path / "big.png"), [])
    assert (told["report"]["state"], told["report"]["url"]) == ("ready", told["destination"])


@pytest.mark.parametrize(
    ("source", "more", "code", "words"),
    [
        ("art.png", ["--background", "nice"], 2, "background must be a colour"),
        ("art.png", ["-o", "art.png"], 2, "would overwrite its artwork"),
        ("art.png", ["-o", "nowhere/big.png"], 2, "Writing nowhere/big.png: No such file or directory"),
        ("art.png", ["-o", "nfs5://server/big.png"], 2, "Nothing here reaches nfs5://"),
        ("tiny.png", [], 1, "wrong_dimensions: artwork of 40 x 40 px, which is too small"),
        ("text.png", [], 1, "wrong_format: content in the format text"),
        ("later.png", [], 3, "later.png is absent"),
    ],
)
def test_the_exit_code_says_whose_fault_it_is(
    source: str,
    more: list[str],
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
    assert main(["prepare", source, "--kind", "big", "-o", "big.png", *more]) == code
    assert words in capsys.readouterr().err
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    "arguments",
    [
        ["art.png", "-o", "big.png"],
        ["art.png", "--kind", "big"],
        ["art.png", "--kind", "big", "-o", ""],
        ["", "--kind", "big", "-o", "big.png"],
        ["art.png", "--kind", "big", "-o", "big.png", "--fit", "fill"],
        *(
            ["art.png", "--kind", "big", "-o", "b.png", "--focus", focus]
            for focus in ("1", "0,2", "a,b", "0,0,0", "nan,0")
        ),
    ],
)
def test_arguments_that_are_none_are_refused(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["prepare", *arguments])
    assert end.value.code == 2
    assert "usage: oppo-image prepare" in capsys.readouterr().err


def test_both_places_may_be_objects(store: ObjectStore, capsys: pytest.CaptureFixture[str]) -> None:
    store.put("bucket/art.png", artwork.png(1968, 900))
    assert main(["prepare", "s3://stub@bucket/art.png", "--kind", "big", "-o", "s3://stub@bucket/big.png"]) == 0
    assert sorted(store.objects) == ["bucket/art.png", "bucket/big.png"]


def test_files_need_no_airflow(art: str, tmp_path: Path, start: Start) -> None:
    process = start("prepare", art, "--kind", "big", "-o", str(tmp_path / "big"), python=["-X", "importtime"])
    _, stderr = process.communicate()
    assert process.returncode == 0
    packages = imported(stderr)
    assert "PIL" in packages
    assert packages.isdisjoint({"airflow", "fastapi", "uvicorn"})
