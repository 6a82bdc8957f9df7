"""Where files lie: on this machine, and wherever Airflow's object storage reaches."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, TypeAlias
from urllib.parse import unquote, urlsplit

from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError, StorageError

StoragePath: TypeAlias = Any
"""A `pathlib.Path`, or an Airflow `ObjectStoragePath`, which is used in the same way."""

_TEMP_SUFFIX: Final = ".part"


def resolve(path: str | os.PathLike[str]) -> StoragePath:
    """Return the place that a path names.

    :param path: a local path, or a URL such as ``s3://connection@bucket/key`` that Airflow's object storage knows.
    :raises ConfigurationError: if nothing is installed that reaches it.
    :raises StorageError: if its connection cannot be used.
    """
    text = os.fspath(path)
    scheme, _, _ = text.partition("://")
    if scheme == text:
        return Path(text)
    if scheme == "file":
        # As a path, it can be put in place whole.
        return Path(unquote(urlsplit(text).path))
    try:
        from airflow.sdk import ObjectStoragePath
    except ImportError:  # Airflow 2
        from airflow.io.path import ObjectStoragePath  # type: ignore[import-not-found,no-redef]

    with storage_errors(f"Reaching {scheme}://"):
        try:
            place = ObjectStoragePath(text)
            _ = place.fs
        except (ValueError, ImportError) as error:
            raise ConfigurationError(
                f"Nothing here reaches {scheme}:// ({error}). Install the Airflow provider for it, such as "
                "apache-airflow-providers-amazon[s3fs] for s3://, or give a local path."
            ) from error
        return place


def is_same_file(one: StoragePath, other: StoragePath) -> bool:
    """Tell whether two places are one, by whatever names.

    Objects of one name in buckets of one name are taken for one, whichever connections lead there.

    :param one: a place where something is.
    :param other: a place where something may be.
    """
    if is_local(one) and is_local(other):
        return bool(one == other or (other.exists() and one.samefile(other)))
    if is_local(one) or is_local(other):
        return False
    return bool((one.protocol, one.path) == (other.protocol, other.path))


def presign_url(place: StoragePath, seconds: int) -> str:
    """Return a URL by which anybody can read a file for a time.

    :param place: the file, which need not be there yet.
    :param seconds: for how long.
    :raises ConfigurationError: if whatever stores it signs no URLs.
    :raises StorageError: if it fails to.
    """
    with storage_errors(f"Signing a URL of {place}"):
        if not is_local(place):
            with contextlib.suppress(NotImplementedError):
                return str(place.fs.sign(place.path, expiration=seconds))
    raise ConfigurationError(f"What stores {place} signs no URLs. Say where the public finds it: give its public URL.")


@contextlib.contextmanager
def storage_errors(what: str) -> Iterator[None]:
    """Make one of our errors of whatever storage raises.

    :param what: what is done to which place, such as "reading s3://bucket/key".
    :raises ConfigurationError: if the place is not there, or may not be used.
    :raises StorageError: for all else.
    """
    try:
        yield
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError, PermissionError) as error:
        raise ConfigurationError(
            f"{what}: {_words(error)}. Check the path, and the permissions of whoever runs this."
        ) from error
    except OppoImageError:
        raise
    except Exception as error:
        # Each storage has errors of its own.
        raise StorageError(f"{what}: {_words(error)}. Run it again; if it stays so, look at the storage.") from error


def _words(error: BaseException) -> str:
    return getattr(error, "strerror", None) or f"{type(error).__name__}: {error}".strip(": ")


def is_local(place: StoragePath) -> bool:
    """Tell whether a place is on this machine.

    :param place: what `resolve` returned.
    """
    # On Airflow 2, an ObjectStoragePath is a Path as well.
    return isinstance(place, type(Path()))


@contextlib.contextmanager
def open_read(place: StoragePath) -> Iterator[IO[bytes]]:
    """Read a file.

    :param place: where from.
    """
    with place.open("rb") as file:
        # What object storage opens reads lines of any length only.
        yield file if is_local(place) else io.BufferedReader(file)


@contextlib.contextmanager
def atomic_write(place: StoragePath) -> Iterator[IO[bytes]]:
    """Write a file that is there when it is whole, and not before.

    What object storage opens would be there when it is closed, whatever made that happen. So an object is written here
    and then brought there, and a local file is written beside its place and then moved there.

    :param place: where to.
    """
    if not is_local(place):
        # By the local name's ending some storages tell what kind of content they are to say it is.
        with tempfile.NamedTemporaryFile(suffix=place.suffix) as whole:
            yield whole.file
            whole.flush()
            place.fs.put_file(whole.name, place.path)
        return
    half = place.with_name(f"{place.name}.{os.getpid()}{_TEMP_SUFFIX}")
    try:
        with half.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        half.replace(place)
    finally:
        half.unlink(missing_ok=True)
