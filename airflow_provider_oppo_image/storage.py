"""Paths of local files and of Airflow's object storage: open, atomic write, presigned URLs and error translation."""

from __future__ import annotations

import contextlib
import glob
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final, TypeAlias
from urllib.parse import unquote, urlsplit

from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError, StorageError
from airflow_provider_oppo_image.net.redaction import redact_queries, without_query

if TYPE_CHECKING:
    from airflow.sdk import ObjectStoragePath
    from upath import UPath

StoragePath: TypeAlias = Any
"""A `pathlib.Path` or an Airflow `ObjectStoragePath`, which has the same methods."""

_TEMP_SUFFIX: Final = ".part"


AnyPath: TypeAlias = "str | os.PathLike[str] | ObjectStoragePath | UPath"
"""What users give as a path."""


def resolve(path: AnyPath) -> StoragePath:
    """Return the path object of a local path or a URL.

    :param path: a local path, or a URL such as ``s3://connection@bucket/key`` of Airflow's object storage, as text or
        as a path object.
    :raises ConfigurationError: if no installed provider supports the scheme.
    :raises StorageError: if the Airflow connection of the URL is not usable.
    """
    text = path_text(path)
    scheme, _, _ = text.partition("://")
    if scheme == text:
        return Path(text)
    if scheme == "file":
        # A local path can be written atomically.
        return Path(unquote(urlsplit(text).path))
    try:
        from airflow.sdk import ObjectStoragePath
    except ImportError:  # Airflow 2
        from airflow.io.path import ObjectStoragePath  # type: ignore[import-not-found,no-redef]

    with storage_errors(f"Connecting to {scheme}://"):
        try:
            storage_path = ObjectStoragePath(text)
            _ = storage_path.fs
        except (ValueError, ImportError) as error:
            raise ConfigurationError(
                f"No installed provider supports {scheme}:// ({redact_queries(str(error))}). Install one, such as "
                "apache-airflow-providers-amazon[s3fs] for s3://, or give a local path."
            ) from without_query(error)
        return storage_path


def path_text(path: AnyPath) -> str:
    """Return the text of a path: the path of a `pathlib.Path`, the URL of an `ObjectStoragePath` or a `UPath`.

    :param path: the path; blanks and line breaks around text are removed.
    """
    return str(path).strip()


def is_same_file(one: StoragePath, other: StoragePath) -> bool:
    """Return whether two paths lead to the same file.

    Objects with the same key in buckets with the same name are considered the same, whatever their connections.

    :param one: the path of an existing file.
    :param other: a path that may not exist.
    """
    if is_local(one) and is_local(other):
        return bool(one == other or (other.exists() and one.samefile(other)))
    if is_local(one) or is_local(other):
        return False
    return bool((one.protocol, one.path) == (other.protocol, other.path))


def presign_url(path: StoragePath, seconds: int) -> str:
    """Return a URL that gives everybody access to a file for a limited time.

    :param path: the file, which need not exist yet.
    :param seconds: validity of the URL.
    :raises ConfigurationError: if the storage does not support presigned URLs.
    :raises StorageError: if the storage fails.
    """
    with storage_errors(f"Presigning a URL of {path}"):
        if not is_local(path):
            with contextlib.suppress(NotImplementedError):
                return str(path.fs.sign(path.path, expiration=seconds))
    raise ConfigurationError(f"The storage of {path} does not support presigned URLs. Give the file's public URL.")


@contextlib.contextmanager
def storage_errors(action: str) -> Iterator[None]:
    """Translate exceptions of the storage into errors of this package, without the query of any URL.

    :param action: what is done with which path, such as "Reading s3://bucket/key".
    :raises ConfigurationError: if the path does not exist, or access is denied.
    :raises StorageError: for other exceptions.
    """
    failure: OppoImageError
    cause: Exception
    try:
        yield
        return
    except OppoImageError:
        raise
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        failure = ConfigurationError(f"{action} failed: {_reason(error)}. Check the path and its permissions.")
        cause = error
    except Exception as error:  # noqa: BLE001 - each storage has its own exceptions
        failure = StorageError(f"{action} failed: {_reason(error)}. Try again; if it happens again, check the storage.")
        cause = error
    # Not raised in the except block, where Python would add the storage's error, with its URLs, as the context.
    raise failure from without_query(cause)


def _reason(error: BaseException) -> str:
    reason = getattr(error, "strerror", None) or f"{type(error).__name__}: {error}".strip(": ").rstrip(". ")
    return redact_queries(str(reason))


def is_local(path: StoragePath) -> bool:
    """Return whether a path, as `resolve` returned it, is on this machine."""
    # On Airflow 2, an ObjectStoragePath is a Path too.
    return isinstance(path, type(Path()))


@contextlib.contextmanager
def open_read(path: StoragePath) -> Iterator[IO[bytes]]:
    """Open a file for reading, with support for reading lines up to a maximum length."""
    with path.open("rb") as file:
        # Files of object storage do not support a maximum length.
        yield file if is_local(path) else io.BufferedReader(file)


def remove_temp_files(folder: StoragePath, prefix: str = "") -> None:
    """Remove the temporary files that killed writers of local files left behind.

    Call it only if no other process writes these files.

    :param folder: the folder of the files.
    :param prefix: the start of their names; "" for all files.
    """
    if is_local(folder):
        for left in folder.glob(f"{glob.escape(prefix)}*{_TEMP_SUFFIX}"):
            left.unlink(missing_ok=True)


def reserve_space(path: StoragePath, size: int) -> None:
    """Raise an error unless a local file of a size can be written; the file is removed again.

    :param path: the path of the file, beside which a temporary file is written.
    :param size: bytes.
    :raises OSError: if the disk is full, read-only or has a quota.
    """
    if is_local(path):
        with _temp_file(path) as (file, _):
            if size and hasattr(os, "posix_fallocate"):
                os.posix_fallocate(file.fileno(), 0, size)


@contextlib.contextmanager
def _temp_file(path: StoragePath) -> Iterator[tuple[IO[bytes], StoragePath]]:
    """Open a temporary file beside a local path, and remove it at the end if it is still there."""
    temp_path = path.with_name(f"{path.name}.{os.getpid()}{_TEMP_SUFFIX}")
    try:
        with temp_path.open("wb") as file:
            yield file, temp_path
    finally:
        temp_path.unlink(missing_ok=True)


@contextlib.contextmanager
def atomic_write(path: StoragePath) -> Iterator[IO[bytes]]:
    """Open a file for writing that appears at its path only when the block ends without an error.

    A local file is written beside its path and renamed. An object is written to a local file and uploaded, because
    object storage would store an incomplete object when its file is closed after an error.
    """
    if not is_local(path):
        # Some storages derive the content type from the suffix of the local file.
        with tempfile.NamedTemporaryFile(suffix=path.suffix) as file:
            yield file.file
            file.flush()
            path.fs.put_file(file.name, path.path)
        return
    with _temp_file(path) as (file, temp_path):
        yield file
        file.flush()
        os.fsync(file.fileno())
        temp_path.replace(path)
