"""Rules for pictures: the problems of a picture, with advice. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from airflow_provider_oppo_image.contract import (
    LEGACY_BIG_SIZE,
    LONG_URL_CHARACTERS,
    PICTURE_FORMATS,
    PICTURE_RULES,
    PictureRule,
)
from airflow_provider_oppo_image.net import urls
from airflow_provider_oppo_image.net.redaction import NOT_A_URL
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.pictures.image_info import BASE64, WEB_PAGE, ImageInfo
from airflow_provider_oppo_image.pictures.report import Problem

_FORMATS: Final = " or ".join(PICTURE_FORMATS)

_ORIENTATIONS: Final = (
    "mirrored", "rotated by 180 degrees", "mirrored and rotated by 180 degrees", "mirrored and rotated by 90 degrees",
    "rotated by 90 degrees", "mirrored and rotated by 270 degrees", "rotated by 270 degrees",
)  # fmt: skip


SAME_URL: Final = "Both pictures have the same URL, but a picture cannot be both big and small. Give each its own URL."
"""The message for two pictures that are needed together."""

BAD_URL: Final = Problem(
    "bad_url",
    "a URL that cannot be requested",
    "a URL such as https://cdn.example.com/big.png with http or https",
    "Give the complete URL of the picture, as a browser shows it. For a file, run `oppo-image prepare` with a bucket "
    "as the destination, and give the public or presigned URL.",
)
"""The problem with a URL that only the parsers of a library refuse."""

ADDRESS_REFUSED: Final = Problem(
    "address_refused",
    urls.ADDRESS_REFUSED,
    "a host on the public internet, by its name",
    "Put the picture on a public host. For a private host, the administrator of Airflow can set "
    "`allow_private_addresses` in the connection; cloud metadata addresses stay refused.",
)
"""The problem with a URL whose host is at an address that is not allowed."""


def judge_url(url: PictureUrl, *, allow_private_addresses: bool = False) -> Problem | None:
    """Return the problem with a picture's URL.

    :param url: the parsed URL.
    :param allow_private_addresses: accept loopback and private addresses.
    :return: None if its host may be contacted.
    """
    if url.error is None:
        return ADDRESS_REFUSED if url.is_private and not allow_private_addresses else None
    if url.error.code == "address_refused":
        return ADDRESS_REFUSED
    if url.error.code == "credentials_in_url":
        advice = "Remove them, change the password, and use signed URLs instead."
        return Problem("credentials_in_url", url.error.found, "a URL without them", advice)
    return replace(BAD_URL, found=url.error.found)


def judge_content(rule: PictureRule, info: ImageInfo) -> tuple[Problem, ...]:
    """Return the problems of a picture's content, the most important first.

    :param rule: the rule for this kind of picture.
    :param info: the known part of the metadata.
    """
    if info.truncated:
        return tuple(_problems(rule, info)) or (TRUNCATED,)
    if info.format not in PICTURE_FORMATS:
        return (_wrong_format(info.format),)
    return tuple(_problems(rule, info))


def judge_weight(rule: PictureRule, size: int | None) -> tuple[Problem, ...]:
    """Return the problem of a file above the size limit.

    :param rule: the rule for this kind of picture.
    :param size: the size of the file in bytes; None if only known to be above the limit.
    """
    if size is not None and size <= rule.max_bytes:
        return ()
    found = f"more than {rule.max_bytes:,} bytes" if size is None else f"{size:,} bytes"
    return (Problem("too_heavy", found, f"at most {rule.max_bytes:,} bytes", _make_smaller(rule)),)


def warnings(rule: PictureRule, size: int | None, url: PictureUrl | None = None) -> tuple[Problem, ...]:
    """Return the problems that the service may accept.

    :param rule: the rule for this kind of picture.
    :param size: the size of the file in bytes; None if unknown.
    :param url: the picture's URL; None for a file.
    """
    found = []
    if size is not None and rule.recommended_bytes < size <= rule.max_bytes:
        found.append(
            Problem(
                "nearly_too_heavy",
                f"{size:,} bytes",
                f"at most {rule.recommended_bytes:,} bytes, which is within both readings of the documented limit",
                _make_smaller(rule),
            )
        )
    length = len(url.full) if url and url.redacted != NOT_A_URL else 0
    if length > LONG_URL_CHARACTERS:
        found.append(
            Problem(
                "long_url",
                f"a URL of {length:,} characters",
                f"at most {LONG_URL_CHARACTERS}, the longest URL that OPPO is known to accept",
                "If the upload is refused, use a shorter URL.",
            )
        )
    return tuple(found)


def _problems(rule: PictureRule, info: ImageInfo) -> Iterator[Problem]:
    if info.width is not None and (info.width, info.height) != (rule.width, rule.height):
        yield _wrong_dimensions(rule, info)
    if info.animated:
        yield Problem(
            "animated",
            "an animated PNG",
            "a still picture",
            "Export a single frame. A notification shows no animation, and the first frame is often empty.",
        )
    if info.cmyk:
        yield Problem(
            "cmyk",
            "a JPEG in CMYK, the colour model for printing",
            "RGB or greyscale",
            "Export it in RGB (sRGB). Many decoders refuse CMYK, others change its colors.",
        )
    if info.orientation != 1:
        yield Problem(
            "exif_rotated",
            f"EXIF orientation {info.orientation}: to be shown {_ORIENTATIONS[info.orientation - 2]}",
            "a picture that is stored upright",
            "Rotate it in an editor, and export it without metadata. Only some phones apply the EXIF orientation.",
        )
    if info.coding:
        yield Problem(
            "unusual_coding",
            f"a JPEG with {info.coding}",
            "a baseline or progressive JPEG with 8 bits per channel",
            "Export it as an ordinary JPEG or PNG. Phones cannot decode this one.",
        )
    if info.broken:
        found, advice = f"a damaged {info.format}: {info.broken}", "Export it again, and upload it in binary mode."
        yield Problem("broken", found, "a file that can be decoded", advice)
    if info.invisible:
        advice = "Make its layers visible and export it again."
        yield Problem("invisible", "a picture with only transparent pixels", "visible content", advice)


def _wrong_format(name: str | None) -> Problem:
    found = "content in an unknown format" if name is None else f"content in the format {name}"
    advice = f"Export the picture as {_FORMATS}. To rename a file to .png or .jpg does not change its format."
    if name == WEB_PAGE:
        found = f"a {name}"
        advice = "Open the URL in a private window. It probably shows a login page or an error page."
    elif name == BASE64:
        found, advice = "a picture encoded as Base64 text", "Decode it, and upload the binary file to the host."
    return Problem("wrong_format", found, f"a {_FORMATS} picture", advice)


def _wrong_dimensions(rule: PictureRule, info: ImageInfo) -> Problem:
    size = (info.width, info.height)
    found = f"{info.width} x {info.height} px"
    advice = f"Export it at exactly {rule.width} x {rule.height} px. Neither EngageLab nor OPPO resizes it."
    if rule.kind == "big" and size == LEGACY_BIG_SIZE:
        found += ", the former size of OPPO's big pictures"
        advice = f"Its aspect ratio has changed too: make a new layout of {rule.width} x {rule.height} px."
    for other in PICTURE_RULES.values():
        if other.kind != rule.kind and size == (other.width, other.height):
            found += f", the size of a {other.kind} picture"
            advice = "Check whether the two URLs are exchanged. " + advice
    if info.orientation > 4 and size == (rule.height, rule.width):
        found += " before the rotation in its EXIF"
    advice += " Or use `oppo-image prepare`."
    return Problem("wrong_dimensions", found, f"{rule.width} x {rule.height} px", advice)


def _make_smaller(rule: PictureRule) -> str:
    return (
        "Export it as JPEG with a lower quality, or as PNG with fewer colours, "
        f"at most {rule.recommended_bytes:,} bytes."
    )


_INCOMPLETE: Final = "If it is still being uploaded, wait. Otherwise upload the file again."

EMPTY: Final = Problem("empty", "zero bytes", "a picture", _INCOMPLETE)
TRUNCATED: Final = Problem("truncated", "only the first part of a picture", "the complete file", _INCOMPLETE)
