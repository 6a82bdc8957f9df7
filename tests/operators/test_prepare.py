from __future__ import annotations

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from airflow_provider_oppo_image.airflow_compat import AirflowFailException
from airflow_provider_oppo_image.artwork.files import PRESIGNED_URL_TTL_S
from airflow_provider_oppo_image.errors import ConfigurationError, PictureAbsentError, PictureWrongError, StorageError
from airflow_provider_oppo_image.operators.oppo_image import OppoImagePrepareOperator
from airflow_provider_oppo_image.pictures.check import check_bytes
from airflow_provider_oppo_image.storage import StoragePath, resolve
from tests.support import artwork
from tests.support.dags import run_source
from tests.support.object_store import ObjectStore
from tests.support.tasks import make_context

CDN = "https://cdn.example.com/spring/{name}"
ART = artwork.png(1968, 900)


def make(source: object, destination: object, **arguments: Any) -> str:
    given = {"kind": "big", "public_url": CDN, **arguments}
    operator = OppoImagePrepareOperator(task_id="task", source=str(source), destination=str(destination), **given)
    return operator.execute(make_context())


@pytest.fixture
def art(at: Callable[[str], StoragePath]) -> StoragePath:
    """Artwork, on each kind of storage."""
    path = at("art.png")
    path.write_bytes(ART)
    return path


def names(path: StoragePath) -> list[str]:
    return sorted(entry.name for entry in path.parent.iterdir())


def is_ready(path: StoragePath, kind: Any = "big") -> bool:
    report = check_bytes(kind, path.read_bytes(), "")
    return (report.state, report.warnings) == ("ready", ())


def test_returns_the_public_url(
    art: StoragePath, at: Callable[[str], StoragePath], task_log: Callable[[], str]
) -> None:
    assert make(art, at("big")) == "https://cdn.example.com/spring/big.png"
    assert is_ready(at("big.png"))
    assert art.read_bytes() == ART
    assert names(art) == ["art.png", "big.png"]
    assert "big.png is ready (984 x 369 px, PNG" in task_log()


@pytest.mark.parametrize(
    ("name", "made", "form"),
    [
        ("big.jpg", "big.jpg", "JPEG"),
        ("big.JPEG", "big.JPEG", "JPEG"),
        ("big.png", "big.png", "PNG"),
        ("spring.2026", "spring.2026.png", "PNG"),
        ("big.webp", "big.webp.png", "PNG"),
        ("a b", "a b.png", "PNG"),
    ],
)
def test_extension_sets_the_format_or_is_added(name: str, made: str, form: str, tmp_path: Path) -> None:
    (tmp_path / "art").write_bytes(ART)
    url = make(tmp_path / "art", tmp_path / name)
    assert url == CDN.replace("{name}", made.replace(" ", "%20"))
    with Image.open(tmp_path / made) as image:
        assert image.format == form


def test_layout_arguments_are_applied(tmp_path: Path, task_log: Callable[[], str]) -> None:
    image = Image.new("RGB", (60, 120), "red")
    image.paste("blue", (0, 60, 60, 120))
    (tmp_path / "art.png").write_bytes(artwork.encode(image, "PNG"))
    make(
        tmp_path / "art.png",
        tmp_path / "small.png",
        kind="small",
        fit="contain",
        focus=[1, 0.5],
        background="lime",
        enlarge=True,
    )
    with Image.open(tmp_path / "small.png") as made:
        assert [made.getpixel(at) for at in ((5, 72), (140, 5), (140, 140))] == [(0, 255, 0), (255, 0, 0), (0, 0, 255)]
    assert "was enlarged 1.20 times" in task_log()


def test_retry_makes_the_same_picture(art: StoragePath, at: Callable[[str], StoragePath]) -> None:
    make(art, at("big.png"))
    first = at("big.png").read_bytes()
    make(art, at("big.png"))
    assert at("big.png").read_bytes() == first


def test_public_url_is_presigned_by_default(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def sign(path: str, expiration: int = 100) -> str:
        return f"https://signed.example.com/{path}?for={expiration}"

    monkeypatch.setattr(store, "sign", sign, raising=False)
    store.put("bucket/art.png", ART)
    url = make("s3://stub@bucket/art.png", "s3://stub@bucket/out/big.png", public_url=None)
    assert url == f"https://signed.example.com/bucket/out/big.png?for={PRESIGNED_URL_TTL_S}"
    assert is_ready(resolve("s3://stub@bucket/out/big.png"))


def test_storage_without_presigning_is_refused(art: StoragePath, at: Callable[[str], StoragePath]) -> None:
    with pytest.raises(AirflowFailException, match="public URL"):
        make(art, at("big.png"), public_url=None)
    assert names(art) == ["art.png"]


@pytest.mark.parametrize("url", ["ftp://cdn.example.com/{name}", "cdn.example.com/{name}", "https://u:p@example.com/a"])
def test_invalid_public_url_is_refused(url: str, art: StoragePath, at: Callable[[str], StoragePath]) -> None:
    with pytest.raises(AirflowFailException, match="public URL"):
        make(art, at("big.png"), public_url=url)
    assert names(art) == ["art.png"]


def test_destination_must_not_be_the_artwork(art: StoragePath, at: Callable[[str], StoragePath]) -> None:
    for destination in (art, at("art")):
        with pytest.raises(AirflowFailException, match="artwork"):
            make(art, destination)
    assert (art.read_bytes(), names(art)) == (ART, ["art.png"])


def test_destination_must_not_be_an_alias_of_the_artwork(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    art = tmp_path / "art.png"
    art.write_bytes(ART)
    (tmp_path / "soft.png").symlink_to(art)
    os.link(art, tmp_path / "hard.png")
    for name in ("art.png", "./art.png", f"../{tmp_path.name}/art.png", f"file://{art}", "soft.png", "hard.png"):
        with pytest.raises(AirflowFailException, match="artwork"):
            make(art, name)
    assert art.read_bytes() == ART


def test_absent_artwork_is_transient(art: StoragePath, at: Callable[[str], StoragePath]) -> None:
    with pytest.raises(PictureAbsentError, match=r"later\.png is absent: .*not_found\.html$") as raised:
        make(at("later.png"), at("big.png"))
    assert not raised.value.permanent


def test_invalid_artwork_is_permanent(art: StoragePath, at: Callable[[str], StoragePath]) -> None:
    at("text.png").write_bytes(b"to be drawn")
    with pytest.raises(AirflowFailException, match="wrong_format") as raised:
        make(at("text.png"), at("big.png"))
    assert isinstance(raised.value.__cause__, PictureWrongError)
    assert names(art) == ["art.png", "text.png"]


def test_storage_error_is_transient_and_leaves_nothing(store: ObjectStore) -> None:
    store.put("bucket/art.png", ART)
    store.fail_at = 1
    with pytest.raises(StorageError, match="reduce your request rate"):
        make("s3://stub@bucket/art.png", "s3://stub@bucket/big.png")
    assert list(store.objects) == ["bucket/art.png"]


def test_full_disk_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "art.png").write_bytes(ART)
    (tmp_path / "big.png").write_bytes(b"the one before")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match=r"Writing .*No space left"):
        make(tmp_path / "art.png", tmp_path / "big.png")
    assert (tmp_path / "big.png").read_bytes() == b"the one before"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["art.png", "big.png"]


@pytest.mark.parametrize("destination", ["s3://stub@bucket", "folder/"])
def test_destination_without_file_name_is_refused(destination: str, tmp_path: Path, store: ObjectStore) -> None:
    (tmp_path / "art.png").write_bytes(ART)
    with pytest.raises(AirflowFailException, match="file"):
        make(tmp_path / "art.png", destination)


@pytest.mark.parametrize("field", ["source", "destination", "public_url"])
def test_blank_rendered_value_is_refused(field: str) -> None:
    with pytest.raises(AirflowFailException, match=f"{field} is empty"):
        make(**{"source": "art.png", "destination": "big.png", field: "None"})


@pytest.mark.parametrize(("argument", "words"), [({"kind": "huge"}, "not 'huge'"), ({"fit": "fill"}, "not 'fill'")])
def test_invalid_arguments_are_refused_in_init(argument: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        OppoImagePrepareOperator(**{"task_id": "t", "source": "a", "destination": "b", "kind": "big", **argument})


@pytest.mark.parametrize("argument", [{"focus": (2, 0)}, {"background": "nice"}])
def test_invalid_rendered_layout_is_permanent(argument: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "art.png").write_bytes(ART)
    with pytest.raises(AirflowFailException, match=r"focus must be|background must be"):
        make(tmp_path / "art.png", tmp_path / "big.png", **argument)


@pytest.mark.usefixtures("airflow_db")
def test_dag_run_renders_and_maps(tmp_path: Path) -> None:
    for name in ("spring", "summer"):
        (tmp_path / f"{name}.png").write_bytes(artwork.png(1000, 700, turn=name == "summer"))
    source = f"""
    from airflow_provider_oppo_image.operators.oppo_image import OppoImagePrepareOperator

    with DAG(NAME, schedule=None, start_date=START, params={{"folder": {str(tmp_path)!r}, "colour": "red"}}) as dag:
        one = OppoImagePrepareOperator(
            task_id="one", kind="small", source="{{{{ params.folder }}}}/spring.png", fit="contain",
            destination="{{{{ params.folder }}}}/{{{{ task.task_id }}}}.png", background="{{{{ params.colour }}}}",
            public_url="https://cdn.example.com/{{{{ dag.dag_id }}}}/{{name}}",
        )
        many = OppoImagePrepareOperator.partial(
            task_id="many", kind="big", public_url="https://cdn.example.com/{{name}}"
        ).expand_kwargs([
            {{"source": "{tmp_path}/spring.png", "destination": "{tmp_path}/spring_big.jpg"}},
            {{"source": "{tmp_path}/summer.png", "destination": "{tmp_path}/summer_big", "focus": [0.5, 0]}},
        ])
    """
    dag_run = run_source("prepare", source)
    assert dag_run.state == "success"
    assert dag_run.returned["one", -1] == "https://cdn.example.com/prepare/one.png"
    assert dag_run.returned["many", 0] == "https://cdn.example.com/spring_big.jpg"
    assert dag_run.returned["many", 1] == "https://cdn.example.com/summer_big.png"
    assert is_ready(tmp_path / "one.png", "small")
    assert all(is_ready(tmp_path / name) for name in ("spring_big.jpg", "summer_big.png"))
    with Image.open(io.BytesIO((tmp_path / "one.png").read_bytes())) as image:
        assert image.getpixel((2, 2)) == (255, 0, 0)
