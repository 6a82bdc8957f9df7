"""Facts against the contract: what is wrong with a picture, and how to mend it. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from airflow_provider_oppo_image.contract import (
    LEGACY_BIG_SIZE,
    LONG_URL_CHARACTERS,
    PICTURE_FORMATS,
    PICTURE_RULES,
    PictureRule,
)
from airflow_provider_oppo_image.pictures.image_info import WEB_PAGE, ImageInfo
from airflow_provider_oppo_image.pictures.report import Problem

_FORMATS: Final = " or ".join(PICTURE_FORMATS)

_TURNS: Final = (
    "mirrored", "turned by 180 degrees", "mirrored and turned by 180 degrees", "mirrored and turned by 90 degrees",
    "turned by 90 degrees", "mirrored and turned by 270 degrees", "turned by 270 degrees",
)  # fmt: skip


def judge_content(rule: PictureRule, facts: ImageInfo) -> tuple[Problem, ...]:
    """Say what is wrong with a picture, the first to mend first.

    :param rule: what is asked for.
    :param facts: what was found out so far.
    :return: empty when nothing is wrong so far.
    """
    if facts.truncated:
        return tuple(_wrong(rule, facts)) or (TRUNCATED,)
    if facts.format not in PICTURE_FORMATS:
        return (_wrong_format(facts.format),)
    return tuple(_wrong(rule, facts))


def judge_weight(rule: PictureRule, size: int | None) -> tuple[Problem, ...]:
    """Say whether a file is too heavy.

    :param rule: what is asked for.
    :param size: the file's size in bytes; None when all that is known is that it is more than allowed.
    :return: empty when it is not.
    """
    if size is not None and size <= rule.max_bytes:
        return ()
    found = f"more than {rule.max_bytes:,} bytes" if size is None else f"{size:,} bytes"
    problem = Problem("too_heavy", found, f"at most {rule.max_bytes:,} bytes", _lighter(rule))
    return (problem,)


def warnings(rule: PictureRule, size: int | None, url: str) -> tuple[Problem, ...]:
    """Say what the service may accept and a careful person would mend.

    :param rule: what is asked for.
    :param size: the file's size in bytes, where it is known.
    :param url: where the picture is; empty for a file.
    """
    found = []
    if size is not None and rule.recommended_bytes < size <= rule.max_bytes:
        found.append(
            Problem(
                "nearly_too_heavy",
                f"{size:,} bytes",
                f"at most {rule.recommended_bytes:,} bytes, to fit whichever megabyte the service means",
                _lighter(rule),
            )
        )
    if len(url) > LONG_URL_CHARACTERS:
        found.append(
            Problem(
                "long_url",
                f"a URL of {len(url):,} characters",
                f"at most {LONG_URL_CHARACTERS}, the most that OPPO is known to take",
                "If the upload is refused, use a shorter URL.",
            )
        )
    return tuple(found)


def _wrong(rule: PictureRule, facts: ImageInfo) -> Iterator[Problem]:
    if facts.width is not None and (facts.width, facts.height) != (rule.width, rule.height):
        yield _wrong_dimensions(rule, facts)
    if facts.animated:
        yield Problem(
            "animated",
            "an animated PNG",
            "a still picture",
            "A notification does not move, and the first frame is often empty: export one frame.",
        )
    if facts.cmyk:
        yield Problem(
            "cmyk",
            "a JPEG in CMYK, the colours of printing",
            "RGB or grey",
            "Many decoders refuse it, others change its colours: export it in RGB (sRGB).",
        )
    if facts.orientation != 1:
        yield Problem(
            "exif_rotated",
            f"EXIF orientation {facts.orientation}: it is to be shown {_TURNS[facts.orientation - 2]}",
            "a picture that is stored as it is to be shown",
            "Some phones turn it and some do not: turn it in an editor, and export it without metadata.",
        )
    if facts.coding:
        yield Problem(
            "unusual_coding",
            f"a JPEG in {facts.coding}",
            "a baseline or progressive JPEG of 8 bits a colour",
            "Phones cannot decode it: export it as an ordinary JPEG or PNG.",
        )
    if facts.broken:
        yield Problem(
            "broken",
            f"a broken {facts.format}: {facts.broken}",
            "a file that can be decoded",
            "Export it again, and upload it in binary mode.",
        )
    if facts.invisible:
        yield Problem(
            "invisible",
            "a picture of which every pixel is transparent",
            "something to see",
            "Make its layers visible and export it again.",
        )


def _wrong_format(name: str | None) -> Problem:
    found = "content of an unknown format" if name is None else f"content of the format {name}"
    advice = f"Export the picture as {_FORMATS}; a name that ends in .png or .jpg is not enough."
    if name == WEB_PAGE:
        found = f"a {name}"
        advice = "Open the URL in a private window: it is likely a page for signing in, or one that reports an error."
    return Problem("wrong_format", found, f"a {_FORMATS} picture", advice)


def _wrong_dimensions(rule: PictureRule, facts: ImageInfo) -> Problem:
    size = (facts.width, facts.height)
    found = f"{facts.width} x {facts.height} px"
    advice = f"Export it at exactly {rule.width} x {rule.height} px; nothing on the way resizes it."
    if rule.kind == "big" and size == LEGACY_BIG_SIZE:
        found += ", the size that OPPO's big pictures used to have"
        advice = f"Its shape has changed too: lay it out again at {rule.width} x {rule.height} px."
    for other in PICTURE_RULES.values():
        if other.kind != rule.kind and size == (other.width, other.height):
            found += f", the size of a {other.kind} picture"
            advice = "Have the two URLs been exchanged? " + advice
    if facts.orientation > 4 and size == (rule.height, rule.width):
        found += " before its EXIF turns it"
    advice += " Or let `oppo-image prepare` make it."
    return Problem("wrong_dimensions", found, f"{rule.width} x {rule.height} px", advice)


def _lighter(rule: PictureRule) -> str:
    return (
        "Export it as JPEG with a lower quality, or as PNG with fewer colours, "
        f"at most {rule.recommended_bytes:,} bytes."
    )


EMPTY: Final = Problem(
    "empty", "zero bytes", "a picture", "If an upload is on its way, wait for it; otherwise upload the file again."
)
TRUNCATED: Final = Problem(
    "truncated",
    "only the first part of a picture",
    "the whole file",
    "If an upload is on its way, wait for it; otherwise upload the file again.",
)
