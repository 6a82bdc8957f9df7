"""Any picture that Pillow reads, as a viewer shows it: upright, in sRGB, with 8 bits a colour."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from typing import Final, cast

from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from airflow_provider_oppo_image.artwork.containers import UnsupportedContainerError, repair_psd, repair_tiff
from airflow_provider_oppo_image.pictures.decode import strict_decoding
from airflow_provider_oppo_image.pictures.image_info import SNIFF_BYTES, sniff_format
from airflow_provider_oppo_image.pictures.report import Problem
from airflow_provider_oppo_image.pictures.rules import EMPTY

MAX_BYTES: Final = 100_000_000
"""The heaviest artwork that is read, in bytes, inclusive: ours, several times what a camera writes."""

MAX_PIXELS: Final = 89_478_485
"""The largest artwork that is decoded, in pixels, inclusive: what Pillow takes for no bomb, 256 MiB of colours."""

# They are drawn by other programs, which what is in them tells what to do.
_PROGRAMS: Final = ("EPS", "WMF")

_SIXTEEN_TO_EIGHT: Final = [round(value / 257) for value in range(65_536)]
_MODE_OF_PROFILE: Final = {"GRAY": "L", "RGB": "RGB", "CMYK": "CMYK", "Lab": "LAB"}
_PROFILE_UNUSABLE: Final = "Its colour profile cannot be used: its colours are taken to be sRGB."


@dataclass(frozen=True)
class Artwork:
    """Artwork, decoded.

    :param image: in the mode "RGB", or "RGBA" where something in it is transparent.
    :param notes: what a person should know, a sentence each.
    """

    image: Image.Image
    notes: tuple[str, ...] = ()


class UnusableArtwork(Exception):  # noqa: N818 - named as its neighbours
    """Artwork of which no picture can be made.

    :param problem: what is wrong with it.
    :param size: its width and height, in pixels; None where they are not known.
    """

    def __init__(self, problem: Problem, size: tuple[int, int] | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.size = size


def read_artwork(data: bytes) -> Artwork:
    """Decode a picture; of one that moves, its first frame.

    :param data: all bytes of the file.
    :raises UnusableArtwork: if it cannot be decoded, or is too large to be.
    """
    if not data:
        raise UnusableArtwork(EMPTY)
    if len(data) > MAX_BYTES:
        raise UnusableArtwork(too_heavy(len(data)))
    try:
        with (
            strict_decoding,
            warnings.catch_warnings(action="ignore"),
            Image.open(io.BytesIO(repair_psd(data))) as image,
        ):
            _refuse(image)
            repair_tiff(image)
            moves = getattr(image, "n_frames", 1) > 1 and image.format in ("GIF", "PNG", "WEBP", "AVIF")
            image.load()
            artwork = _as_shown(image)
    except UnusableArtwork:
        raise
    except UnsupportedContainerError as error:
        raise UnusableArtwork(_unsupported(str(error))) from error
    except UnidentifiedImageError as error:
        raise UnusableArtwork(_no_picture(sniff_format(data[:SNIFF_BYTES]))) from error
    except Image.DecompressionBombError as error:
        raise UnusableArtwork(_too_large("more pixels than anything can show")) from error
    # On broken files Pillow raises what its parsers happen to meet, and promises no list.
    except Exception as error:
        raise UnusableArtwork(_broken(str(error))) from error
    return Artwork(artwork.image, ("It moves: its first frame is taken.", *artwork.notes)) if moves else artwork


def too_heavy(size: int) -> Problem:
    """Return the problem that a file is too heavy to be read.

    :param size: in bytes; of a file that was not read to its end, what was read.
    """
    return Problem(
        "too_heavy", f"{size:,} bytes or more", f"artwork of at most {MAX_BYTES:,} bytes", "Export a smaller file."
    )


def _refuse(image: Image.Image) -> None:
    """Look at the header, before anything is decoded."""
    if image.format in _PROGRAMS:
        raise UnusableArtwork(_no_picture(image.format))
    if image.width * image.height > MAX_PIXELS:
        raise UnusableArtwork(_too_large(f"{image.width:,} x {image.height:,} px"), image.size)


def _as_shown(image: Image.Image) -> Artwork:
    profile = image.info.get("icc_profile")
    upright = _eight_bits(ImageOps.exif_transpose(image))
    alpha = upright.convert("RGBA").getchannel("A") if upright.has_transparency_data else None
    notes: tuple[str, ...] = ()
    if profile or upright.mode == "LAB":
        try:
            colours = _to_srgb(upright, profile)
        except (ImageCms.PyCMSError, ImportError, LookupError, OSError, ValueError):
            colours, notes = _plainly(upright), (_PROFILE_UNUSABLE,)
    else:
        colours = _plainly(upright)
    if alpha and alpha.getextrema() != (255, 255):
        colours.putalpha(alpha)
    return Artwork(colours, notes)


def _plainly(image: Image.Image) -> Image.Image:
    # A palette can hold transparent colours, which only the longer way keeps apart.
    return image.convert("RGBA").convert("RGB") if image.has_transparency_data else image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    if image.mode.startswith("I"):
        return image.convert("I").point(_SIXTEEN_TO_EIGHT, "L")
    if image.mode == "F":
        # Such files hold fractions of white, or what 8 bits would.
        white = 255.0 if cast("float", image.getextrema()[1]) <= 1 else 1.0
        return image.point(lambda value: value * white + 0.5).convert("L")
    return image


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Convert colours as their profile says; transparency is not looked at."""
    source = ImageCms.ImageCmsProfile(io.BytesIO(profile) if profile else ImageCms.createProfile("LAB"))
    mode = _MODE_OF_PROFILE[source.profile.xcolor_space.strip()] if profile else "LAB"
    if (mode == "CMYK") != (image.mode == "CMYK"):
        raise ValueError("a profile for other colours")
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


def _no_picture(name: str | None) -> Problem:
    return Problem(
        "wrong_format",
        "content of an unknown format" if name is None else f"content of the format {name}",
        "a picture, such as a PNG, JPEG, WebP or TIFF",
        "Export the artwork as PNG.",
    )


def _unsupported(found: str) -> Problem:
    return Problem(
        "broken",
        found,
        "a file that every program shows alike",
        "Export the artwork as PNG. A Photoshop document can also be saved with 'Maximize Compatibility', in RGB.",
    )


def _too_large(found: str) -> Problem:
    return Problem(
        "wrong_dimensions",
        found,
        f"artwork of at most {MAX_PIXELS:,} pixels",
        "Export it smaller; it is shown much smaller anyway.",
    )


def _broken(said: str) -> Problem:
    found = f"a picture that cannot be decoded: {said}" if said else "a picture that cannot be decoded"
    return Problem("broken", found, "a whole picture", "Export it again, and upload it in binary mode.")
