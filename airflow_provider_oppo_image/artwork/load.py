"""Decoding of any image that Pillow reads, as a viewer shows it: upright, in sRGB, with 8 bits per channel."""

from __future__ import annotations

import contextlib
import io
import warnings
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from airflow_provider_oppo_image.artwork.containers import (
    UnsupportedContainerError,
    check_jpeg,
    remove_matte,
    repair_png,
    repair_psd,
    repair_tiff,
    stderr_to_log,
)
from airflow_provider_oppo_image.pictures import jpeg
from airflow_provider_oppo_image.pictures.decode import strict_decoding
from airflow_provider_oppo_image.pictures.image_info import (
    SNIFF_BYTES,
    BrokenImageError,
    TruncatedImageError,
    sniff_format,
)
from airflow_provider_oppo_image.pictures.report import Problem
from airflow_provider_oppo_image.pictures.rules import EMPTY

MAX_BYTES: Final = 100_000_000
"""Maximum size of an artwork file in bytes, inclusive. Our own limit, several times the size of a camera's files."""

MAX_PIXELS: Final = 67_108_864
"""Our own limit: maximum number of pixels, inclusive. They take 256 MiB, and 760 MiB in all."""

# Pillow decodes these with other programs, which execute the content of the file.
_PROGRAM_FORMATS: Final = ("EPS", "WMF")

_16_TO_8_BITS: Final = [round(value / 257) for value in range(65_536)]
_MODE_BY_COLOUR_SPACE: Final = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK", "Lab": "LAB"}
_PROFILE_UNUSABLE: Final = "Its colour profile cannot be used. Its colours are read as sRGB."
_ANIMATED: Final = "It is animated. Only its first frame is used."
_SEVERAL_PAGES: Final = "It has several pages. Only the first one is used."
_NOTES_BY_FORMAT: Final = dict.fromkeys(("GIF", "PNG", "WEBP", "AVIF"), _ANIMATED) | {"TIFF": _SEVERAL_PAGES}
_CMYK_WITHOUT_PROFILE: Final = (
    "It is CMYK without a colour profile, so its colours may differ. Export it in RGB, or with its profile."
)
_GAMMA_IGNORED: Final = "Its gamma of {:.2f} is ignored. If it looks too dark or too bright, export it in sRGB."
_SRGB_GAMMA, _GAMMA_TOLERANCE = 0.45455, 0.02
_JPEG_FORMATS: Final = ("JPEG", "MPO")


@dataclass(frozen=True)
class Artwork:
    """Decoded artwork.

    :param image: in the mode "RGB", or "RGBA" if it has transparency.
    :param notes: sentences for a person.
    """

    image: Image.Image
    notes: tuple[str, ...] = ()


class UnusableArtworkError(Exception):
    """Artwork that cannot be made into a picture.

    :param problem: the reason.
    :param size: its width and height in pixels; None if unknown.
    """

    def __init__(self, problem: Problem, size: tuple[int, int] | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.size = size


def read_artwork(data: bytes) -> Artwork:
    """Decode artwork; of an animation, the first frame.

    :param data: all bytes of the file.
    :raises UnusableArtworkError: if it cannot be decoded, or is too large.
    """
    if not data:
        raise UnusableArtworkError(EMPTY)
    if len(data) > MAX_BYTES:
        found, expected = f"{len(data):,} bytes or more", f"artwork of at most {MAX_BYTES:,} bytes"
        raise UnusableArtworkError(Problem("too_heavy", found, expected, "Export a smaller file."))
    if _has_too_many_scans(data):
        found, advice = f"a JPEG with more than {jpeg.MAX_SCANS} scans", "Export it again."
        raise UnusableArtworkError(Problem("broken", found, "a usual JPEG", advice))
    try:
        with (
            strict_decoding,
            warnings.catch_warnings(action="ignore"),
            Image.open(io.BytesIO(repair_psd(data))) as image,
        ):
            _judge_header(image)
            if image.format in _JPEG_FORMATS:
                check_jpeg(data)
            repair_tiff(image, data)
            repair_png(image, data)
            notes = _find_notes(image)
            with stderr_to_log() if image.format == "TIFF" else contextlib.nullcontext():
                image.load()
            return _convert(remove_matte(image) if (image.format, image.mode) == ("PSD", "RGBA") else image, notes)
    except UnusableArtworkError:
        raise
    except UnsupportedContainerError as error:
        raise UnusableArtworkError(_unsupported(str(error))) from error
    except UnidentifiedImageError as error:
        raise UnusableArtworkError(_wrong_format(sniff_format(data[:SNIFF_BYTES]))) from error
    except Image.DecompressionBombError as error:
        raise UnusableArtworkError(_too_many_pixels("an image with far too many pixels")) from error
    # For broken files, Pillow raises any exception of its parsers, and documents no list.
    except Exception as error:
        found = f"an image that cannot be decoded: {error}".removesuffix(": ")
        advice = "Export it again, and upload it in binary mode."
        raise UnusableArtworkError(Problem("broken", found, "a complete image", advice)) from error


def is_srgb(data: bytes) -> bool:
    """Return whether the colours of an image are sRGB, or not specified.

    :param data: all bytes of a file that can be decoded.
    """
    with Image.open(io.BytesIO(data)) as image:
        profile = image.info.get("icc_profile")
    if not profile:
        return True
    try:
        return "sRGB" in ImageCms.getProfileDescription(ImageCms.ImageCmsProfile(io.BytesIO(profile)))
    except (ImageCms.PyCMSError, OSError):
        return False


def _has_too_many_scans(data: bytes) -> bool:
    """Return whether a JPEG has so many scans that decoding it takes very long."""
    scans = 0
    if data.startswith(jpeg.SIGNATURE):
        with contextlib.suppress(BrokenImageError, TruncatedImageError):
            for segment in jpeg.segments(data):
                scans += segment.marker == jpeg.SOS
    return scans > jpeg.MAX_SCANS


def _judge_header(image: Image.Image) -> None:
    if image.format in _PROGRAM_FORMATS:
        raise UnusableArtworkError(_wrong_format(image.format))
    if image.format in _JPEG_FORMATS and image.mode == "CMYK" and "adobe" not in image.info:
        raise UnsupportedContainerError("a CMYK JPEG that does not say whether its colours are inverted")
    if image.mode == "F":
        raise UnsupportedContainerError("an image with floating-point numbers")
    if image.width * image.height > MAX_PIXELS:
        raise UnusableArtworkError(_too_many_pixels(f"{image.width:,} x {image.height:,} px"), image.size)


def _find_notes(image: Image.Image) -> tuple[str, ...]:
    notes = []
    if image.format in _NOTES_BY_FORMAT and getattr(image, "n_frames", 1) > 1:
        notes.append(_NOTES_BY_FORMAT[image.format])
    if image.mode == "CMYK" and not image.info.get("icc_profile"):
        notes.append(_CMYK_WITHOUT_PROFILE)
    gamma = image.info.get("gamma", _SRGB_GAMMA)
    if abs(gamma - _SRGB_GAMMA) > _GAMMA_TOLERANCE and not {"srgb", "icc_profile"} & image.info.keys():
        notes.append(_GAMMA_IGNORED.format(gamma))
    return tuple(notes)


def _convert(image: Image.Image, notes: tuple[str, ...]) -> Artwork:
    profile = image.info.get("icc_profile")
    ImageOps.exif_transpose(image, in_place=True)
    upright = _to_8_bits(image)
    alpha = _get_opacity(upright)
    if alpha and upright.mode == "RGBA" and not profile:
        return Artwork(upright, notes)
    if profile or upright.mode == "LAB":
        try:
            colours = _to_srgb(upright, profile)
        except (ImageCms.PyCMSError, ImportError, LookupError, OSError, ValueError):
            colours, notes = _without_profile(upright), (*notes, _PROFILE_UNUSABLE)
    else:
        colours = _without_profile(upright)
    if alpha:
        colours.putalpha(alpha)
    return Artwork(colours, notes)


def _get_opacity(image: Image.Image) -> Image.Image | None:
    """Return the alpha channel; None if every pixel is opaque."""
    if not image.has_transparency_data:
        return None
    alpha = (image if "A" in image.getbands() else image.convert("RGBA")).getchannel("A")
    return None if alpha.getextrema() == (255, 255) else alpha


def _without_profile(image: Image.Image) -> Image.Image:
    # The conversion over RGBA keeps transparent colours of a palette distinct.
    over_rgba = image.has_transparency_data and "A" not in image.getbands()
    return image.convert("RGBA").convert("RGB") if over_rgba else image.convert("RGB")


def _to_8_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return image.convert("I").point(_16_TO_8_BITS, "L")
    return image


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert colours from their profile to sRGB, without transparency."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile) if profile else ImageCms.createProfile("LAB"))
    mode = _MODE_BY_COLOUR_SPACE[source.profile.xcolor_space.strip()] if profile else "LAB"
    if (mode == "CMYK") != (image.mode == "CMYK"):
        raise ValueError("the profile is for another colour space")
    if image.has_transparency_data:
        image = image.convert("RGBA")
    converted = ImageCms.profileToProfile(
        image if image.mode == mode else image.convert(mode),
        source,
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
        outputMode="RGB",
        flags=ImageCms.Flags.BLACKPOINTCOMPENSATION,
    )
    if converted is None:
        raise ValueError("nothing was converted")
    return converted


def _wrong_format(name: str | None) -> Problem:
    found = "content in an unknown format" if name is None else f"content in the format {name}"
    return Problem("wrong_format", found, "an image, such as a PNG, JPEG, WebP or TIFF", "Export the artwork as PNG.")


def _unsupported(found: str) -> Problem:
    return Problem(
        "broken",
        found,
        "a file that every program shows alike",
        "Export the artwork as PNG. A Photoshop document can also be saved with 'Maximize Compatibility', in RGB with "
        "8 bits a channel.",
    )


def _too_many_pixels(found: str) -> Problem:
    return Problem("wrong_dimensions", found, f"artwork of at most {MAX_PIXELS:,} pixels", "Export it smaller.")
