"""Preparation of a picture that passes the check from artwork.

::

    >>> prepared = prepare("big", Path("art.tif").read_bytes(), Layout(focus=(0.5, 0.2)))
    >>> prepared.report.state
    'ready'

Pure: the same artwork and layout result in the same bytes, as long as the version of Pillow is the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from PIL import Image, ImageColor

from airflow_provider_oppo_image.artwork.encode import PictureFormat, encode
from airflow_provider_oppo_image.artwork.layout import Layout, Placement, Size, compute_placement
from airflow_provider_oppo_image.artwork.load import UnusableArtworkError, is_srgb, read_artwork
from airflow_provider_oppo_image.artwork.resample import resample
from airflow_provider_oppo_image.contract import PictureKind, PictureRule
from airflow_provider_oppo_image.errors import ConfigurationError, PictureError, PictureWrongError
from airflow_provider_oppo_image.pictures.check import check_bytes, rule_for
from airflow_provider_oppo_image.pictures.report import PictureReport, Problem, error_for, state_of

_Colour: TypeAlias = tuple[int, int, int, int]
"""Red, green, blue and opacity, 0 to 255."""

_OPAQUE: Final = 255
_STRIP_ROWS: Final = 256


@dataclass(frozen=True)
class Prepared:
    """A prepared picture.

    :param body: the bytes of its file.
    :param report: the report of its check, with the artwork's display name as URL.
    :param notes: sentences for a person.
    """

    body: bytes
    report: PictureReport
    notes: tuple[str, ...] = ()


def prepare(
    kind: PictureKind,
    artwork: bytes,
    layout: Layout | None = None,
    *,
    only: PictureFormat | None = None,
    limit: int | None = None,
    display_name: str = "artwork",
) -> Prepared:
    """Make a picture from artwork. Artwork that is a picture already is returned byte for byte.

    :param kind: "big" or "small".
    :param artwork: the file of any image that Pillow reads.
    :param layout: the layout; None fills the picture around the artwork's center.
    :param only: the format; None makes a PNG if one fits without loss, else a JPEG.
    :param limit: maximum size in bytes, inclusive, if it is lower than the recommended size.
    :param display_name: the name of the artwork in reports and errors.
    :raises ConfigurationError: if the kind or the layout is not valid, or the format cannot have the background.
    :raises PictureAbsentError: if the file is empty.
    :raises PictureWrongError: if the artwork cannot be made into a picture; the error has a report with the reason.
    """
    rule, layout = rule_for(kind), layout or Layout()
    background = _parse_colour(layout.background)
    if only == "JPEG" and background[3] < _OPAQUE:
        raise ConfigurationError(
            f"A JPEG cannot have the background {layout.background!r}, because it has no transparency. Give an opaque "
            "background, or a destination that ends in .png."
        )
    max_bytes = min(rule.recommended_bytes, limit or rule.recommended_bytes)
    try:
        art = read_artwork(artwork)
        if art.image.mode == "RGB" or not background[3]:
            report = check_bytes(kind, artwork, display_name)
            if _is_finished(report, artwork, max_bytes, only):
                return Prepared(artwork, report, art.notes)
        placement = compute_placement(art.image.size, (rule.width, rule.height), layout)
        notes = (*art.notes, *_judge_size(art.image.size, placement, rule, layout))
        body = encode(_draw(art.image, placement, rule, background), max_bytes, only)
        if body is None:
            raise UnusableArtworkError(_does_not_fit(max_bytes), art.image.size)
    except UnusableArtworkError as unusable:
        problems, (width, height) = (unusable.problem,), unusable.size or (None, None)
        report = PictureReport(kind, display_name, state_of(problems), problems, width=width, height=height)
        raise cast("PictureError", error_for([report])) from unusable
    report = check_bytes(kind, body, display_name)
    if report.state != "ready" or report.warnings:
        raise PictureWrongError(str(report), reports=[report.to_dict()])
    return Prepared(body, report, notes)


def _is_finished(report: PictureReport, artwork: bytes, max_bytes: int, only: PictureFormat | None) -> bool:
    if report.state != "ready" or report.warnings or len(artwork) > max_bytes:
        return False
    return only in (None, report.format) and is_srgb(artwork)


def _parse_colour(name: str) -> _Colour:
    try:
        return cast("_Colour", ImageColor.getcolor("#ffffff00" if name == "transparent" else name, "RGBA"))
    except (ValueError, AttributeError, TypeError) as error:
        raise ConfigurationError(
            f"background must be a colour, such as white, #ff8800 or transparent, not {name!r}."
        ) from error


def _judge_size(artwork: Size, placement: Placement, rule: PictureRule, layout: Layout) -> tuple[str, ...]:
    """Return the notes about artwork that is too small.

    :raises UnusableArtworkError: if it may not be enlarged.
    """
    if placement.scale <= 1:
        return ()
    found = f"{artwork[0]:,} x {artwork[1]:,} px"
    width, height = f"{rule.width} px wide", f"{rule.height} px high"
    needed = f"at least {width} {'and' if layout.fit == 'cover' else 'or'} {height}"
    if not layout.enlarge:
        raise UnusableArtworkError(
            Problem(
                "wrong_dimensions",
                f"artwork of {found}, which is too small",
                f"artwork that is {needed}",
                "Use larger artwork. To enlarge this one, which makes it blurred, set enlarge=True, or --enlarge on "
                "the command line.",
            ),
            artwork,
        )
    return (
        f"The artwork has {found} and was enlarged {placement.scale:.2f} times, which makes it blurred. Use artwork "
        f"that is {needed}.",
    )


def _draw(image: Image.Image, placement: Placement, rule: PictureRule, background: _Colour) -> Image.Image:
    if image.mode == "RGBA" and background[3] == _OPAQUE:
        # Blend first, then scale: this is what a viewer shows from a greater distance.
        image = _flatten(image, background)
    part = resample(image, placement)
    if part.mode == "RGB" and part.size == (rule.width, rule.height):
        return part
    return _paste(Image.new("RGBA", (rule.width, rule.height), background), part, placement.at)


def _flatten(image: Image.Image, background: _Colour) -> Image.Image:
    """Blend an image with an opaque background, some rows at a time to save memory."""
    flat = Image.new("RGB", image.size)
    for top in range(0, image.height, _STRIP_ROWS):
        strip = image.crop((0, top, image.width, min(top + _STRIP_ROWS, image.height)))
        flat.paste(_paste(Image.new("RGBA", strip.size, background), strip, (0, 0)), (0, top))
    return flat


def _paste(canvas: Image.Image, image: Image.Image, at: tuple[int, int]) -> Image.Image:
    canvas.alpha_composite(image.convert("RGBA"), at)
    return canvas.convert("RGB") if canvas.getchannel("A").getextrema() == (_OPAQUE, _OPAQUE) else canvas


def _does_not_fit(limit: int) -> Problem:
    found = f"a picture of more than {limit:,} bytes in the required format"
    advice = "Allow a JPEG: give an opaque background, and a destination that does not end in .png."
    return Problem("too_heavy", found, f"at most {limit:,} bytes", advice)
