"""Artwork from one place, mended, to another: what the operator and the command do."""

from __future__ import annotations

import dataclasses
import os
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
from airflow_provider_oppo_image.net.picture_url import PictureUrl
from airflow_provider_oppo_image.pictures.report import PictureReport, Problem
from airflow_provider_oppo_image.pictures.rules import judge_url
from airflow_provider_oppo_image.storage import (
    StoragePath,
    atomic_write,
    is_same_file,
    open_read,
    presign_url,
    resolve,
    storage_errors,
)

PRESIGNED_URL_TTL_S: Final = 86_400
"""For how long a signed URL is good, in seconds: ours, a day of retries; the storages allow a week."""

_NAME: Final = "{name}"
_FORMATS: Final[dict[str, PictureFormat]] = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG"}
_ENDINGS: Final = {"PNG": ".png", "JPEG": ".jpg"}


@dataclass(frozen=True)
class PreparedFile:
    """A picture that is in its place.

    :param place: the path or URL of its file.
    :param report: what the check says about it.
    :param notes: what a careful person would look at, a sentence each.
    :param url: where the public finds it; None where nobody asked.
    """

    place: str
    report: PictureReport
    notes: tuple[str, ...] = ()
    url: PictureUrl | None = None


def prepare_file(
    kind: PictureKind,
    source: str | os.PathLike[str],
    destination: str | os.PathLike[str],
    layout: Layout,
    *,
    publish: bool = False,
    public_url: str | None = None,
) -> PreparedFile:
    """Make a picture of artwork, and write it whole or not at all.

    :param kind: "big" or "small".
    :param source: the artwork: a path, or a URL that Airflow's object storage knows.
    :param destination: where the picture goes, likewise. A name that ends in .png or .jpg says the format; any other
        gets the ending of what was made.
    :param layout: how the artwork is laid out.
    :param publish: find out where the public finds it, and write nothing where nobody knows.
    :param public_url: where the public finds it; ``{name}`` in it stands for the file's name. None has the storage
        sign a URL, good for a day.
    :raises ConfigurationError: if a place cannot be used, is the artwork's own, or is not public.
    :raises PictureAbsentError: if there is no artwork yet.
    :raises PictureWrongError: if no picture can be made of it.
    :raises StorageError: if a storage fails.
    """
    original, target = resolve(source), resolve(destination)
    if not target.name or os.fspath(destination).endswith("/"):
        raise ConfigurationError(f"The destination {destination} names no file. Give the new picture's whole name.")
    only = _FORMATS.get(PurePosixPath(target.name).suffix.lower())
    prepared = prepare(kind, _read(kind, original), layout, only=only, shown=str(original))
    if not only:
        target = target.with_name(target.name + _ENDINGS[str(prepared.report.format)])
    with storage_errors(f"Writing {target}"):
        if is_same_file(original, target):
            raise ConfigurationError(
                f"The picture would take the place of its artwork, {target}. Give another destination: the artwork is "
                "needed when the picture has to be made again."
            )
        url = _url_of(target, public_url) if publish else None
        with atomic_write(target) as file:
            file.write(prepared.body)
    return PreparedFile(str(target), dataclasses.replace(prepared.report, url=str(target)), prepared.notes, url)


def _read(kind: PictureKind, original: StoragePath) -> bytes:
    with storage_errors(f"Reading {original}"):
        try:
            with open_read(original) as file:
                return file.read(MAX_BYTES + 1)
        except FileNotFoundError as error:
            problem = Problem("not_found", "no such file", "artwork", "Check the path; if it is still to come, wait.")
            report = PictureReport(kind, str(original), "absent", problems=(problem,))
            raise PictureAbsentError(str(report), reports=[report.to_dict()]) from error


def _url_of(place: StoragePath, public_url: str | None) -> PictureUrl:
    url = PictureUrl.parse(
        presign_url(place, PRESIGNED_URL_TTL_S)
        if public_url is None
        else public_url.replace(_NAME, quote(place.name, safe=""))
    )
    if problem := judge_url(url, allow_private_addresses=True):
        raise ConfigurationError(f"The public URL for {place} is not valid: {problem}")
    return url
