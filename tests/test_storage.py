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


def write(path: StoragePath, content: bytes) -> None:
    with atomic_write(path) as file:
        file.write(content)


@pytest.mark.parametrize(
    ("path", "local"),
    [("/data/batch.csv", "/data/batch.csv"), ("batch.csv", "batch.csv"),
     ("file:///data/big%20batch.csv", "/data/big batch.csv"), (Path("/data/batch.csv"), "/data/batch.csv")],
)  # fmt: skip
def test_resolve_returns_local_path(path: str | Path, local: str) -> None:
    assert resolve(path) == Path(local)


def test_resolve_returns_object_storage_path(store: ObjectStore) -> None:
    path = resolve("s3://stub@bucket/batches/1.csv")
    assert str(path) == "s3://stub@bucket/batches/1.csv"
    assert path.fs is store


def test_resolve_refuses_unsupported_scheme() -> None:
    with pytest.raises(ConfigurationError, match=r"nfs5://.*Install"):
        resolve("nfs5://server/batch.csv?secret=1")


def test_resolve_reports_unusable_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    try:
        from airflow.sdk import ObjectStoragePath
    except ImportError:  # Airflow 2
        from airflow.io.path import ObjectStoragePath

    class Broken:
        def __get__(self, *_: object) -> None:
            raise LookupError("The conn_id `nobody` isn't defined")

    monkeypatch.setattr(ObjectStoragePath, "fs", Broken())
    with pytest.raises(StorageError, match=r"s3:// failed: LookupError: The conn_id `nobody` isn't defined"):
        resolve("s3://nobody@bucket/batch.csv")


def test_written_file_can_be_read(at: Callable[[str], StoragePath]) -> None:
    write(at("a.txt"), CONTENT)
    with open_read(at("a.txt")) as file:
        assert (file.readline(3), file.readline(100), file.readline(), file.read(2), file.readline(10**6)) == (
            b"fir",
            b"st\n",
            b"second\n",
            b"xx",
            b"x" * 199_998,
        )


def write_part(path: StoragePath, error: BaseException) -> None:
    """Write, check that the file is not there yet, and raise an error."""
    with atomic_write(path) as file:
        file.write(CONTENT)
        file.flush()
        assert not path.exists() or path.read_bytes() == b"old"
        raise error


@pytest.mark.parametrize("error", [ValueError(), KeyboardInterrupt()])
def test_atomic_write_creates_only_complete_files(at: Callable[[str], StoragePath], error: BaseException) -> None:
    with pytest.raises(type(error)):
        write_part(at("a.txt"), error)
    assert not at("a.txt").exists()
    write(at("a.txt"), b"old")
    with pytest.raises(type(error)):
        write_part(at("a.txt"), error)
    assert at("a.txt").read_bytes() == b"old"
    write(at("a.txt"), b"new")
    assert at("a.txt").read_bytes() == b"new"


def test_open_file_keeps_old_content(tmp_path: Path) -> None:
    write(tmp_path / "a.txt", CONTENT)
    with open_read(tmp_path / "a.txt") as file:
        assert file.readline() == b"first\n"
        write(tmp_path / "a.txt", b"new")
        assert file.read() == CONTENT.removeprefix(b"first\n")


def test_atomic_write_removes_temporary_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="enough"):
        write_part(tmp_path / "a.txt", ValueError("enough"))
    assert list(tmp_path.iterdir()) == []


def test_atomic_write_uploads_with_suffix(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(store, "put_file", lambda local, _: seen.append(Path(local).suffix))
    write(resolve("s3://stub@bucket/big.jpg"), b"1")
    assert seen == [".jpg"]


@pytest.mark.parametrize("path", ["missing.csv", ".", "file.txt/batch.csv"])
def test_missing_file_is_configuration_error(tmp_path: Path, path: str) -> None:
    (tmp_path / "file.txt").touch()
    with (
        pytest.raises(ConfigurationError, match=r"Reading it failed: .* directory.*\. Check the path"),
        storage_errors("Reading it"),
        open_read(tmp_path / path),
    ):
        pass


def test_missing_object_is_configuration_error(store: ObjectStore) -> None:
    with pytest.raises(ConfigurationError, match="Reading it"), storage_errors("Reading it"):
        resolve("s3://stub@bucket/missing.csv").read_bytes()


def test_other_exception_is_transient_storage_error(store: ObjectStore) -> None:
    store.fail_at = 1
    path = resolve("s3://stub@bucket/a")
    with pytest.raises(StorageError, match="Writing failed: ConnectionError: ") as raised, storage_errors("Writing"):
        write(path, b"")
    assert not raised.value.permanent


def test_storage_errors_show_no_query_of_a_url() -> None:
    signed = "https://bucket.example.com/key?X-Amz-Signature=hush"
    for error in (ValueError(f"403 for {signed}"), PermissionError(13, "Permission denied", signed)):
        with pytest.raises((StorageError, ConfigurationError)) as raised, storage_errors("Reading it"):
            raise error
        assert "hush" not in str(raised.value)
        assert (raised.value.__cause__, raised.value.__suppress_context__) == (None, True)


def test_own_errors_are_not_translated() -> None:
    for error in (ConfigurationError("mine"), KeyboardInterrupt()):
        with pytest.raises(type(error)) as raised, storage_errors("Reading it"):
            raise error
        assert raised.value is error


def test_connections_have_separate_stores(store: ObjectStore) -> None:
    other = ObjectStore()
    attach(other, "other")
    write(resolve("s3://other@bucket/folder/a"), b"1")
    folder = resolve("s3://other@bucket/folder")
    assert ([path.read_bytes() for path in folder.iterdir()], store.objects) == ([b"1"], {})


def test_is_same_file_compares_paths(at: Callable[[str], StoragePath]) -> None:
    write(at("a"), b"1")
    assert is_same_file(at("a"), at("a"))
    assert not is_same_file(at("a"), at("b"))


def test_is_same_file_follows_links(tmp_path: Path) -> None:
    write(tmp_path / "a", b"1")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert is_same_file(tmp_path / "a", tmp_path / "b")
    assert is_same_file(tmp_path / "a", tmp_path / ".." / tmp_path.name / "a")


def test_is_same_file_ignores_connections(store: ObjectStore) -> None:
    attach(ObjectStore(), "other")
    assert is_same_file(resolve("s3://stub@bucket/a"), resolve("s3://other@bucket/a"))
    assert not is_same_file(resolve("s3://stub@bucket/a"), resolve("/bucket/a"))


def test_presign_url_returns_storage_url(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "sign", lambda path, expiration: f"https://example.com/{path}?{expiration}")
    assert presign_url(resolve("s3://stub@bucket/a"), 60) == "https://example.com/bucket/a?60"


def test_presign_url_refuses_unsupported_storage(at: Callable[[str], StoragePath]) -> None:
    with pytest.raises(ConfigurationError, match="does not support presigned URLs"):
        presign_url(at("a"), 60)


def test_presign_url_reports_storage_error(store: ObjectStore, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> str:
        raise ConnectionError("no token")

    monkeypatch.setattr(store, "sign", fail)
    with pytest.raises(StorageError, match="s3://stub@bucket/a failed: ConnectionError: no token"):
        presign_url(resolve("s3://stub@bucket/a"), 60)
