from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from airflow_provider_oppo_image.errors import ConfigurationError, StorageError
from airflow_provider_oppo_image.storage import (
    StoragePath,
    atomic_write,
    is_same_file,
    open_read,
    presign_url,
    resolve,
    storage_errors,
)
from tests.support.object_store import ObjectStore, attach

CONTENT = b"first\nsecond\n" + b"x" * 200_000


def write(place: StoragePath, content: bytes) -> None:
    with atomic_write(place) as file:
        file.write(content)


@pytest.mark.parametrize(
    ("path", "local"),
    [
        ("/data/night.csv", "/data/night.csv"),
        ("night.csv", "night.csv"),
        ("file:///data/night%20run.csv", "/data/night run.csv"),
        (Path("/data/night.csv"), "/data/night.csv"),
    ],
)
def test_a_local_path_is_one(path: str | Path, local: str) -> None:
    assert resolve(path) == Path(local)


def test_a_url_is_what_airflow_s_object_storage_makes_of_it(store: ObjectStore) -> None:
    place = resolve("s3://stub@bucket/nights/1.csv")
    assert str(place) == "s3://stub@bucket/nights/1.csv"
    assert place.fs is store


def test_a_scheme_that_nothing_installed_reaches_is_a_matter_of_configuration() -> None:
    with pytest.raises(ConfigurationError, match=r"Nothing here reaches nfs5://.*Install the Airflow provider"):
        resolve("nfs5://server/night.csv?secret=1")


def test_a_connection_that_cannot_be_used_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        from airflow.sdk import ObjectStoragePath
    except ImportError:  # Airflow 2
        from airflow.io.path import ObjectStoragePath

    class Broken:
        def __get__(self, *_: object) -> None:
            raise LookupError("The conn_id `nobody` isn't defined")

    monkeypatch.setattr(ObjectStoragePath, "fs", Broken())
    with pytest.raises(StorageError, match=r"Reaching s3://: LookupError: The conn_id `nobody` isn't defined"):
        resolve("s3://nobody@bucket/night.csv")


def test_what_is_written_is_read(at: Callable[[str], StoragePath]) -> None:
    write(at("a.txt"), CONTENT)
    with open_read(at("a.txt")) as file:
        assert (file.readline(3), file.readline(100), file.readline(), file.read(2), file.readline(10**6)) == (
            b"fir",
            b"st\n",
            b"second\n",
            b"xx",
            b"x" * 199_998,
        )


def write_half(place: StoragePath, end: BaseException) -> None:
    """Write, look whether it is there, and end before it is whole."""
    with atomic_write(place) as file:
        file.write(CONTENT)
        file.flush()
        assert not place.exists() or place.read_bytes() == b"old"
        raise end


@pytest.mark.parametrize("end", [ValueError(), KeyboardInterrupt()])
def test_a_file_is_there_when_it_is_whole_and_not_before(at: Callable[[str], StoragePath], end: BaseException) -> None:
    with pytest.raises(type(end)):
        write_half(at("a.txt"), end)
    assert not at("a.txt").exists()
    write(at("a.txt"), b"old")
    with pytest.raises(type(end)):
        write_half(at("a.txt"), end)
    assert at("a.txt").read_bytes() == b"old"
    write(at("a.txt"), b"new")
    assert at("a.txt").read_bytes() == b"new"


def test_who_reads_a_file_that_is_written_anew_reads_the_old_one_to_its_end(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", CONTENT)
    with open_read(tmp_path / "a.txt") as file:
        assert file.readline() == b"first\n"
        write(tmp_path / "a.txt", b"new")
        assert file.read() == CONTENT.removeprefix(b"first\n")


def test_nothing_is_left_beside_a_file_that_was_not_finished(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="enough"):
        write_half(tmp_path / "a.txt", ValueError("enough"))
    assert list(tmp_path.iterdir()) == []


def test_a_store_can_tell_the_kind_of_content_by_a_name(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(store, "put_file", lambda local, _: seen.append(Path(local).suffix))
    write(resolve("s3://stub@bucket/big.jpg"), b"1")
    assert seen == [".jpg"]


@pytest.mark.parametrize("path", ["missing.csv", ".", "file.txt/night.csv"])
def test_a_place_that_is_not_there_is_a_matter_of_configuration(tmp_path: Path, path: str) -> None:
    (tmp_path / "file.txt").touch()
    with (
        pytest.raises(ConfigurationError, match=r"Reading it: .* directory.*\. Check the path"),
        storage_errors("Reading it"),
        open_read(tmp_path / path),
    ):
        pass


def test_an_object_that_is_not_there_is_a_matter_of_configuration(store: ObjectStore) -> None:
    with pytest.raises(ConfigurationError, match="Reading it"), storage_errors("Reading it"):
        resolve("s3://stub@bucket/missing.csv").read_bytes()


def test_what_else_a_storage_raises_may_pass(store: ObjectStore) -> None:
    store.fail_at = 1
    place = resolve("s3://stub@bucket/a")
    words = r"Writing: ConnectionError: Please reduce your request rate\."
    with pytest.raises(StorageError, match=words) as raised, storage_errors("Writing"):
        write(place, b"")
    assert not raised.value.permanent


def test_our_own_errors_and_what_ends_a_task_pass_a_storage_as_they_are() -> None:
    for error in (ConfigurationError("mine"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as raised, storage_errors("Reading it"):
            raise error
        assert raised.value is error


def test_stores_are_told_apart_by_their_connections(store: ObjectStore) -> None:
    other = ObjectStore()
    attach(other, "other")
    write(resolve("s3://other@bucket/folder/a"), b"1")
    folder = resolve("s3://other@bucket/folder")
    assert ([place.read_bytes() for place in folder.iterdir()], store.objects) == ([b"1"], {})


def test_a_place_is_itself_and_no_other(at: Callable[[str], StoragePath]) -> None:
    write(at("a"), b"1")
    assert is_same_file(at("a"), at("a"))
    assert not is_same_file(at("a"), at("b"))


def test_a_local_place_is_known_by_a_link_and_by_a_way_around(tmp_path: Path) -> None:
    write(tmp_path / "a", b"1")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert is_same_file(tmp_path / "a", tmp_path / "b")
    assert is_same_file(tmp_path / "a", tmp_path / ".." / tmp_path.name / "a")


def test_an_object_is_known_by_whichever_connection_leads_there(store: ObjectStore) -> None:
    attach(ObjectStore(), "other")
    assert is_same_file(resolve("s3://stub@bucket/a"), resolve("s3://other@bucket/a"))
    assert not is_same_file(resolve("s3://stub@bucket/a"), resolve("/bucket/a"))


def test_a_storage_that_signs_is_asked_for_a_url(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "sign", lambda path, expiration: f"https://example.com/{path}?{expiration}")
    assert presign_url(resolve("s3://stub@bucket/a"), 60) == "https://example.com/bucket/a?60"


def test_a_storage_that_cannot_sign_is_a_matter_of_configuration(at: Callable[[str], StoragePath]) -> None:
    with pytest.raises(ConfigurationError, match="signs no URLs"):
        presign_url(at("a"), 60)


def test_a_signature_that_fails_may_pass(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise ConnectionError("no token")

    monkeypatch.setattr(store, "sign", fail)
    with pytest.raises(StorageError, match="Signing a URL of s3://stub@bucket/a: ConnectionError: no token"):
        presign_url(resolve("s3://stub@bucket/a"), 60)
