"""Where manifests and results lie: local files, and whatever Airflow's object storage reaches."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, TypeAlias
from urllib.parse import unquote, urlsplit

from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError, StorageError

Place: TypeAlias = Any
"""A `pathlib.Path`, or an Airflow `ObjectStoragePath`, which is used in the same way."""

_HALF: Final = ".part"


def place_of(path: str | os.PathLike[str]) -> Place:
    """Return the place that a path names.

    :param path: a local path, or a URL such as ``s3://connection@bucket/key`` that Airflow's object storage knows.
    :raises ConfigurationError: if nothing is installed that reaches it.
    """
    text = os.fspath(path)
    scheme, _, _ = text.partition("://")
    if scheme == text:
        return Path(text)
    if scheme == "file":
        # As a path, it can be put in place whole.
        return Path(unquote(urlsplit(text).path))
    from airflow.providers.common.compat.sdk import ObjectStoragePath

    try:
        place = ObjectStoragePath(text)
        _ = place.fs
    except (ValueError, ImportError) as error:
        raise ConfigurationError(
            f"Nothing here reaches {scheme}:// ({error}). Install the Airflow provider for it, such as "
            "apache-airflow-providers-amazon[s3fs] for s3://, or give a local path."
        ) from error
    return place


@contextlib.contextmanager
def storage(what: str) -> Iterator[None]:
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


@contextlib.contextmanager
def writing(place: Place) -> Iterator[IO[bytes]]:
    """Write a file that is there when it is whole, and not before.

    An object appears when it is closed; a local file is written beside its place and then moved there.

    :param place: where to.
    """
    if not isinstance(place, Path):
        with place.open("wb") as file:
            yield file
        return
    half = place.with_name(f"{place.name}.{os.getpid()}{_HALF}")
    try:
        with half.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        half.replace(place)
    finally:
        half.unlink(missing_ok=True)
