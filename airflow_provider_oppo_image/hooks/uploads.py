"""Uploads of a task's pictures: their URLs, concurrent uploads and the outcome."""

from __future__ import annotations

import datetime
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, TypeVar

from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError
from airflow_provider_oppo_image.template_values import is_blank

if TYPE_CHECKING:
    from airflow_provider_oppo_image.engagelab.client import EngageLabClient
    from airflow_provider_oppo_image.net.urls import PictureUrl

T = TypeVar("T")
U = TypeVar("U")

NO_PICTURE: Final = (
    "Neither big_picture_url nor small_picture_url holds a URL. Give at least one. If they come from a template, check "
    "the rendered values of the task."
)

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UploadOutcome:
    """The outcome of concurrent uploads.

    :param ids: the picture ids, by kind.
    :param errors: the errors, by kind.
    :param uploaded_at: the time before the first request, in ISO 8601 with the offset.
    """

    ids: Mapping[PictureKind, str]
    errors: Mapping[PictureKind, OppoImageError]
    uploaded_at: str

    def to_dict(self) -> dict[str, str | None]:
        """Return the result by the names of a push's arguments."""
        return upload_result(self.ids, self.uploaded_at)

    @property
    def most_severe(self) -> OppoImageError | None:
        """The most severe error: permanent before transient, account before other errors. None if no upload failed."""
        errors = self.errors.values()
        return min(errors, key=lambda error: (not error.permanent, error.scope != "account"), default=None)

    def raise_for_errors(self) -> None:
        """Raise the most severe error, if there is one, and log the other."""
        most_severe = self.most_severe
        if most_severe is None:
            return
        for error in self.errors.values():
            if error is not most_severe:
                log.error("%s", error)
        raise most_severe


def parse_picture_urls(big_picture_url: str | None, small_picture_url: str | None) -> dict[PictureKind, PictureUrl]:
    """Return the URLs of the requested pictures, by kind.

    :param big_picture_url: the big picture's URL; None, "" or a template's rendered None for no picture.
    :param small_picture_url: the small picture's URL, likewise.
    :raises ConfigurationError: if neither is given, one is not a valid picture URL, or both are the same.
    """
    from airflow_provider_oppo_image.net.urls import PictureUrl
    from airflow_provider_oppo_image.pictures.rules import SAME_URL, judge_url

    given = dict(zip(PICTURE_KINDS, (big_picture_url, small_picture_url), strict=True))
    pictures = {kind: PictureUrl.parse(url) for kind, url in given.items() if not is_blank(url)}
    if not pictures:
        raise ConfigurationError(NO_PICTURE)
    for kind, url in pictures.items():
        # Only the check refuses private addresses: the service resolves the host from another network.
        if problem := judge_url(url, allow_private_addresses=True):
            raise ConfigurationError(f"The {kind} picture's URL is not valid: {problem}")
    if len(set(pictures.values())) < len(pictures):
        raise ConfigurationError(SAME_URL)
    return pictures


def picture_ids(ids: Mapping[PictureKind, str]) -> dict[str, str | None]:
    """Return picture ids by the names of a push's arguments, with None for a missing id.

    :param ids: picture ids by kind.
    """
    return {PICTURE_RULES[kind].id_key: ids.get(kind) for kind in PICTURE_KINDS}


def upload_result(ids: Mapping[PictureKind, str], uploaded_at: str | None) -> dict[str, str | None]:
    """Return the result of an upload by the names of a push's arguments.

    :param ids: picture ids by kind.
    :param uploaded_at: the time of the upload, in ISO 8601 with the offset; it is None in the result without an id.
    """
    return {**picture_ids(ids), "uploaded_at": uploaded_at if ids else None}


def upload_each(client: EngageLabClient, pictures: Mapping[PictureKind, str | PictureUrl]) -> UploadOutcome:
    """Upload several pictures concurrently, one request each, without a check.

    :param client: the client of the service.
    :param pictures: URLs by kind.
    """
    from airflow_provider_oppo_image.net.urls import PictureUrl

    def attempt(kind: PictureKind, url: str | PictureUrl) -> str | OppoImageError:
        url = PictureUrl.parse(url)
        try:
            picture_id = client.upload(kind, url)
        except OppoImageError as error:
            return error
        log.info("Uploaded the %s picture %s with the id %s", kind, url, picture_id)
        return picture_id

    uploaded_at = datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")
    outcomes = run_concurrently(attempt, pictures)
    return UploadOutcome(
        ids={kind: outcome for kind, outcome in outcomes.items() if isinstance(outcome, str)},
        errors={kind: outcome for kind, outcome in outcomes.items() if isinstance(outcome, OppoImageError)},
        uploaded_at=uploaded_at,
    )


def run_concurrently(call: Callable[[PictureKind, U], T], pictures: Mapping[PictureKind, U]) -> dict[PictureKind, T]:
    """Call a function for each picture, each in its own thread.

    :param call: takes a picture's kind and URL.
    :param pictures: URLs by kind.
    :return: the results, by kind.
    """
    with ThreadPoolExecutor(max_workers=len(PICTURE_KINDS)) as pool:
        return dict(zip(pictures, pool.map(call, pictures.keys(), pictures.values()), strict=True))
