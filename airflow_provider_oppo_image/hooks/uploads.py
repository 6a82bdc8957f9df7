"""Pictures that are uploaded together: which are asked for, and what became of each."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError
from airflow_provider_oppo_image.template_values import is_blank

if TYPE_CHECKING:
    from airflow_provider_oppo_image.net.picture_url import PictureUrl

T = TypeVar("T")
U = TypeVar("U")

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class UploadOutcome:
    """What became of pictures that were uploaded side by side.

    :param ids: the picture ids, by kind.
    :param errors: what went wrong, by kind.
    """

    ids: Mapping[PictureKind, str]
    errors: Mapping[PictureKind, OppoImageError]

    @property
    def worst(self) -> OppoImageError | None:
        """The error that matters most: one that no retry mends before one that it may; None where nothing failed."""
        errors = self.errors.values()
        return min(errors, key=lambda error: (not error.permanent, error.scope != "account"), default=None)

    def raise_for_errors(self) -> None:
        """Raise the error that matters most, if there is one; where there is another, it goes to the log."""
        worst = self.worst
        if worst is None:
            return
        for error in self.errors.values():
            if error is not worst:
                log.error("%s", error)
        raise worst


def parse_picture_urls(big_picture_url: str | None, small_picture_url: str | None) -> dict[PictureKind, PictureUrl]:
    """Return the pictures that are asked for, by kind.

    :param big_picture_url: the big picture's URL; None and "" mean none, and so does what a template makes of None.
    :param small_picture_url: the small picture's URL, likewise.
    :raises ConfigurationError: if neither is given, one has not the shape of a picture's URL, or both are the same.
    """
    from airflow_provider_oppo_image.net.picture_url import PictureUrl
    from airflow_provider_oppo_image.pictures.rules import SAME_URL, judge_url

    given = dict(zip(PICTURE_KINDS, (big_picture_url, small_picture_url), strict=True))
    pictures = {kind: PictureUrl.parse(url) for kind, url in given.items() if not is_blank(url)}
    if not pictures:
        raise ConfigurationError(
            "Neither big_picture_url nor small_picture_url holds a URL. Give at least one; if they come from a "
            "template, look at the rendered values of this task."
        )
    for kind, url in pictures.items():
        # Whether a private address may be asked is the check's matter; the service asks from elsewhere.
        if problem := judge_url(url, allow_private_addresses=True):
            raise ConfigurationError(f"The {kind} picture's URL is not one: {problem}")
    if len(set(pictures.values())) < len(pictures):
        raise ConfigurationError(SAME_URL)
    return pictures


def picture_ids(ids: Mapping[PictureKind, str]) -> dict[str, str | None]:
    """Return picture ids under the names that a push takes, None for each that there is not.

    :param ids: picture ids by kind.
    """
    return {PICTURE_RULES[kind].id_key: ids.get(kind) for kind in PICTURE_KINDS}


def run_concurrently(call: Callable[[PictureKind, U], T], pictures: Mapping[PictureKind, U]) -> dict[PictureKind, T]:
    """Call something for each picture, in a thread each.

    :param call: takes a picture's kind and URL.
    :param pictures: URLs by kind.
    :return: what the calls returned, by kind.
    """
    with ThreadPoolExecutor(max_workers=len(PICTURE_KINDS)) as pool:
        return dict(zip(pictures, pool.map(call, pictures.keys(), pictures.values()), strict=True))
