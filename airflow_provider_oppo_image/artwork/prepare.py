"""Any artwork in, a picture that passes the check out.

::

    >>> prepared = prepare("big", Path("art.tif").read_bytes(), Layout(focus=(0.5, 0.2)))
    >>> prepared.report.state
    'ready'

Pure: the same artwork and the same layout make the same bytes, for as long as Pillow stays the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, TypeAlias, cast

from PIL import Image, ImageColor

from airflow_provider_oppo_image.artwork.encode import PictureFormat, encode
from airflow_provider_oppo_image.artwork.layout import Layout, Placement, Size, compute_placement
from airflow_provider_oppo_image.artwork.load import UnusableArtwork, read_artwork
from airflow_provider_oppo_image.artwork.resample import resample
from airflow_provider_oppo_image.contract import PictureKind, PictureRule
from airflow_provider_oppo_image.errors import (
    ConfigurationError,
    PictureAbsentError,
    PictureError,
    PictureWrongError,
)
from airflow_provider_oppo_image.pictures.check import check_bytes, rule_for
from airflow_provider_oppo_image.pictures.report import ABSENT_CODES, PictureReport, Problem

Colour: TypeAlias = tuple[int, int, int, int]
"""Red, green, blue and opacity, 0 to 255."""

_OPAQUE: Final = 255


@dataclass(frozen=True)
class Prepared:
    """A picture that is ready.

    :param body: its file.
    :param report: what the check says about it; its URL is what the artwork was called.
    :param notes: what a careful person would look at, a sentence each.
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
    shown: str = "artwork",
) -> Prepared:
    """Make a picture of artwork.

    :param kind: "big" or "small".
    :param artwork: the file of any picture that Pillow reads.
    :param layout: how it is to be laid out; None fills the picture around the artwork's centre.
    :param only: the format to make; None makes a PNG where one fits without loss, and else a JPEG.
    :param limit: the most bytes, inclusive, where it is to be lighter than it must be; None takes what the service is
        sure to accept.
    :param shown: what reports and errors call the artwork.
    :raises ConfigurationError: if the kind, the layout or the format asks for what there is not.
    :raises PictureAbsentError: if the file is empty.
    :raises PictureWrongError: if no picture can be made of it, with a report that says why.
    """
    rule, layout = rule_for(kind), layout or Layout()
    colour = _read_colour(layout.background)
    if only == "JPEG" and colour[3] < _OPAQUE:
        raise ConfigurationError(
            f"A JPEG has no transparency, which the background {layout.background!r} asks for. Give an opaque "
            "background, or a destination whose name ends in .png."
        )
    try:
        art = read_artwork(artwork)
        placement = compute_placement(art.image.size, (rule.width, rule.height), layout)
        notes = (*art.notes, *_judge_size(art.image.size, placement, rule, layout))
        most = min(rule.recommended_bytes, limit or rule.recommended_bytes)
        body = encode(_draw(art.image, placement, rule, colour), most, only)
        if body is None:
            raise UnusableArtwork(_does_not_fit(most), art.image.size)
    except UnusableArtwork as unusable:
        raise _error(kind, shown, unusable) from unusable
    report = check_bytes(kind, body, shown)
    if report.state != "ready" or report.warnings:
        # It was made here and is trusted no more than what was found somewhere.
        raise PictureWrongError(str(report), reports=[report.to_dict()])
    return Prepared(body, report, notes)


def _read_colour(name: str) -> Colour:
    try:
        return cast("Colour", ImageColor.getcolor("#ffffff00" if name == "transparent" else name, "RGBA"))
    except (ValueError, AttributeError, TypeError) as error:
        raise ConfigurationError(
            f"background is {name!r}; it must be a colour, such as white, #ff8800 or transparent."
        ) from error


def _judge_size(artwork: Size, placement: Placement, rule: PictureRule, layout: Layout) -> tuple[str, ...]:
    """Return what to note about artwork that is too small.

    :raises UnusableArtwork: if it may not be enlarged.
    """
    if placement.scale <= 1:
        return ()
    found = f"{artwork[0]:,} x {artwork[1]:,} px"
    wide, high = f"{rule.width} px wide", f"{rule.height} px high"
    needed = f"at least {wide} and {high}" if layout.fit == "cover" else f"at least {wide} or {high}"
    if not layout.enlarge:
        raise UnusableArtwork(
            Problem(
                "wrong_dimensions",
                f"artwork of {found}, too small",
                f"artwork that is {needed}",
                "Ask for larger artwork. To enlarge this one, which makes it soft, ask for it: enlarge=True, or "
                "--enlarge on the command line.",
            ),
            artwork,
        )
    return (
        f"The artwork has {found} and was enlarged {placement.scale:.2f} times, which makes it soft: have it made "
        f"{needed}.",
    )


def _draw(image: Image.Image, placement: Placement, rule: PictureRule, colour: Colour) -> Image.Image:
    if image.mode == "RGBA" and colour[3] == _OPAQUE:
        # What is shown is what a viewer shows, seen from further away.
        image = _on(Image.new("RGBA", image.size, colour), image, (0, 0))
    part = resample(image, placement)
    if part.mode == "RGB" and part.size == (rule.width, rule.height):
        return part
    return _on(Image.new("RGBA", (rule.width, rule.height), colour), part, placement.at)


def _on(background: Image.Image, image: Image.Image, at: tuple[int, int]) -> Image.Image:
    background.alpha_composite(image.convert("RGBA"), at)
    return background.convert("RGB") if background.getchannel("A").getextrema() == (_OPAQUE, _OPAQUE) else background


def _does_not_fit(limit: int) -> Problem:
    return Problem(
        "too_heavy",
        f"a picture of more than {limit:,} bytes, in the format that was asked for",
        f"at most {limit:,} bytes",
        "Let it become a JPEG: give it an opaque background, and a destination whose name does not end in .png.",
    )


def _error(kind: PictureKind, shown: str, unusable: UnusableArtwork) -> PictureError:
    width, height = unusable.size or (None, None)
    absent = unusable.problem.code in ABSENT_CODES
    report = PictureReport(
        kind, shown, "absent" if absent else "wrong", problems=(unusable.problem,), width=width, height=height
    )
    return (PictureAbsentError if absent else PictureWrongError)(str(report), reports=[report.to_dict()])
