"""Preparation of a picture from an artwork file to a picture file, local or in object storage."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Final
from urllib.parse import quote

from airflow_provider_oppo_image.artwork.encode import PictureFormat
from airflow_provider_oppo_image.artwork.layout import Layout
from airflow_provider_oppo_image.artwork.load import MAX_BYTES
from airflow_provider_oppo_image.artwork.prepare import prepare
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError, PictureAbsentError
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.pictures.report import PictureReport, Problem
from airflow_provider_oppo_image.pictures.rules import judge_url
from airflow_provider_oppo_image.storage import (
    AnyPath,
    StoragePath,
    atomic_write,
    is_same_file,
    open_read,
    path_text,
    presign_url,
    resolve,
    storage_errors,
)

PRESIGNED_URL_TTL_S: Final = 86_400
"""Lifetime of a presigned URL in seconds. Our own limit: a day of retries. Object storage allows a week."""

_NAME: Final = "{name}"
_FORMATS: Final[dict[str, PictureFormat]] = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
_OTHER_SUFFIXES: Final = (
    ".avif", ".bmp", ".gif", ".heic", ".heif", ".jfif", ".jp2", ".jpe", ".jxl", ".pdf", ".psd", ".svg", ".tif", ".tiff",
    ".webp",
)  # fmt: skip
_SUFFIXES: Final = {"PNG": ".png", "JPEG": ".jpg"}


@dataclass(frozen=True)
class PreparedFile:
    """A prepared picture in its file.

    :param path: the path or the URL of the file.
    :param report: the report of its check.
    :param notes: sentences for a person.
    :param url: the public URL; None if it was not requested.
    """

    path: str
    report: PictureReport
    notes: tuple[str, ...] = ()
    url: PictureUrl | None = None


def prepare_file(
    kind: PictureKind,
    source: AnyPath,
    destination: AnyPath,
    layout: Layout,
    *,
    publish: bool = False,
    public_url: str | None = None,
) -> PreparedFile:
    """Make a picture from an artwork file, and write it atomically.

    :param kind: "big" or "small".
    :param source: the artwork: a path, or a URL of Airflow's object storage.
    :param destination: the picture's file, likewise. The suffix .png or .jpg sets the format; to any other name, the
        suffix of the made format is added. The suffix of another image format, such as .webp, is refused.
    :param layout: the layout of the artwork.
    :param publish: return the public URL; without one, nothing is written.
    :param public_url: the public URL, in which ``{name}`` stands for the file's name. None lets the object storage
        presign a URL, valid for a day.
    :raises ConfigurationError: if a path is not usable, both are the same file, or there is no public URL.
    :raises PictureAbsentError: if the artwork does not exist yet.
    :raises PictureWrongError: if the artwork cannot be made into a picture.
    :raises StorageError: if the storage fails.
    """
    original, target = resolve(source), resolve(destination)
    if not target.name or path_text(destination).endswith("/"):
        raise ConfigurationError(f"The destination {destination} has no file name. Give the picture's complete path.")
    suffix = PurePosixPath(target.name).suffix.lower()
    if suffix in _OTHER_SUFFIXES:
        raise ConfigurationError(
            f"The destination {destination} ends in {suffix}, but a picture is a PNG or a JPEG. Give a name that ends "
            "in .png or .jpg, or one without a suffix."
        )
    only = _FORMATS.get(suffix)
    prepared = prepare(kind, _read(kind, original), layout, only=only, display_name=str(original))
    if not only:
        target = target.with_name(target.name + _SUFFIXES[str(prepared.report.format)])
    with storage_errors(f"Writing {target}"):
        if is_same_file(original, target):
            raise ConfigurationError(
                f"The picture would overwrite its artwork {target} which is needed to make the picture again. Give "
                "another destination."
            )
        url = _find_public_url(target, public_url) if publish else None
        with atomic_write(target) as file:
            file.write(prepared.body)
    return PreparedFile(str(target), dataclasses.replace(prepared.report, url=str(target)), prepared.notes, url)


def _read(kind: PictureKind, original: StoragePath) -> bytes:
    with storage_errors(f"Reading {original}"):
        try:
            with open_read(original) as file:
                return file.read(MAX_BYTES + 1)
        except FileNotFoundError as error:
            problem = Problem("not_found", "no such file", "artwork", "Check the path, or wait for the file.")
            report = PictureReport(kind, str(original), "absent", (problem,))
            raise PictureAbsentError(str(report), reports=[report.to_dict()]) from error


def _find_public_url(path: StoragePath, public_url: str | None) -> PictureUrl:
    url = PictureUrl.parse(
        presign_url(path, PRESIGNED_URL_TTL_S)
        if public_url is None
        else public_url.replace(_NAME, quote(path.name, safe=""))
    )
    if problem := judge_url(url, allow_private_addresses=True):
        raise ConfigurationError(f"The public URL for {path} is not valid: {problem}")
    return url
