"""Which pictures an upload asks for, and what is wrong with the request, before anything is downloaded."""

from __future__ import annotations

import json
from typing import Any

from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.sandbox.answers import RefusedError


def asked_kinds(raw: bytes) -> tuple[PictureKind, ...]:
    """Return the kinds of picture that an upload carries, whatever else is wrong with it.

    :param raw: the body of the request, as it came.
    """
    try:
        return tuple(_given(json.loads(raw)))
    except (ValueError, RecursionError):
        return ()


def read_upload(raw: bytes, *, both_urls: bool) -> dict[PictureKind, str]:
    """Read an upload as the service does.

    :param raw: the body of the request, as it came.
    :param both_urls: whether it may carry both pictures at once.
    :return: the URLs by kind, at least one.
    :raises Refused: for the first thing that is wrong.
    """
    try:
        upload = json.loads(raw)
    except (ValueError, RecursionError):
        raise RefusedError(21003, "The body is not JSON") from None
    if not isinstance(upload, dict):
        raise RefusedError(21003, "The body is not a JSON object")
    urls: dict[PictureKind, str] = {}
    for kind, url in _given(upload).items():
        if not isinstance(url, str):
            raise RefusedError(21003, f"{PICTURE_RULES[kind].url_key} is not a string")
        urls[kind] = url
    keys = [PICTURE_RULES[kind].url_key for kind in PICTURE_KINDS]
    if not urls:
        raise RefusedError(23002, f"Missing parameter! Give {' or '.join(keys)}")
    if len(urls) > 1 and not both_urls:
        raise RefusedError(21003, f"{' and '.join(keys)} cannot be sent together")
    return urls


def _given(upload: Any) -> dict[PictureKind, Any]:
    """Return what an upload gives for each picture; on the vendor's page an empty string stands for none."""
    if not isinstance(upload, dict):
        return {}
    keys = {kind: PICTURE_RULES[kind].url_key for kind in PICTURE_KINDS}
    return {kind: upload[key] for kind, key in keys.items() if upload.get(key, "") != ""}
