"""Repair of Photoshop documents, TIFFs, PNGs and JPEGs that Pillow decodes differently from a viewer.

A file that cannot be repaired is refused, with advice for the export.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import struct
import tempfile
import threading
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

from PIL import Image, ImagePalette
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    COLORMAP,
    COMPRESSION,
    EXTRASAMPLES,
    JPEGTABLES,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    REFERENCEBLACKWHITE,
    SAMPLEFORMAT,
    SAMPLESPERPIXEL,
    STRIPBYTECOUNTS,
    STRIPOFFSETS,
    TILEBYTECOUNTS,
    TILEOFFSETS,
    TiffImageFile,
)

from airflow_provider_oppo_image.artwork.resample import compute
from airflow_provider_oppo_image.pictures import jpeg, jpeg_decode
from airflow_provider_oppo_image.pictures.image_info import BrokenImageError, ImageInfo

_log: Final = logging.getLogger(__name__)

_PSD: Final = b"8BPS"
_PSD_VERSION: Final = b"8BPS\0\1"
_PSD_HEADER: Final = ">6s6xHIIHH"
_PSD_BITS: Final = 8
_RGB: Final = 3
# Number of colour channels, by mode: grey, palette, RGB, CMYK, Lab.
_PSD_COLOURS: Final = {1: 1, 2: 1, 3: 3, 4: 4, 9: 3}
_VERSION_INFO: Final = 1057
_RAW, _RLE = 0, 1

# Number of colour samples, by photometric interpretation: grey, RGB, palette, CMYK, YCbCr, Lab.
_TIFF_COLOURS: Final = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3}
_WHITE_IS_ZERO, _TIFF_PALETTE, _CMYK, _YCBCR, _CIELAB = 0, 3, 5, 6, 8
_SEPARATE: Final = 2
_UNSIGNED: Final = 1
_TIFF_BITS: Final = {1, 2, 4, 8, 16}
_EXTRA_SAMPLES: Final = {0, 1, 2}  # not specified, premultiplied opacity, opacity
_SUBFILE_TYPE, _PREVIEW_OR_MASK = 254, 1 | 4
_INK_SET, _CMYK_INKS = 332, 1
_YCBCR_COEFFICIENTS, _BT601 = 529, (0.299, 0.587, 0.114)
_FULL_RANGE: Final = (0, 255, 128, 255, 128, 255)
_JPEG_COMPRESSION: Final = 7
_DEFLATE: Final = {8, 32_946}
_INFLATE_BYTES: Final = 1 << 20
_MAX_INFLATED: Final = 1 << 30  # above the largest image that `load` accepts, 16 bits in four channels

_PNG_HEADER_END: Final = 33
_TRANSPARENT_COLOUR: Final = "transparency"
_GREY, _TRUECOLOUR = 0, 2

_MATTE_ROWS: Final = 256
_MAX_MESSAGE: Final = 500
_UNPRINTABLE: Final = re.compile(rb"[^ -~]+")


class _StandardError:
    """The lock of this process for its standard error stream, and a copy of the stream while it is redirected."""

    def __init__(self) -> None:
        self.copy: int | None = None
        self._reset()

    def _reset(self) -> None:
        self.lock = threading.Lock()

    def reset_after_fork(self) -> None:
        """Undo the redirection of a thread that does not exist in a forked process, and replace its lock."""
        if self.copy is not None:
            os.dup2(self.copy, 2)
            self.copy = None
        self._reset()


_standard_error: Final = _StandardError()

os.register_at_fork(after_in_child=_standard_error.reset_after_fork)


class UnsupportedContainerError(Exception):
    """A file that Pillow would decode differently from a viewer; the text describes the file."""


def repair_psd(data: bytes) -> bytes:
    """Return a Photoshop document with only its colour channels and its transparency; other files unchanged.

    Saved selections and spot colours are additional channels, which Pillow reads as colours or as transparency.

    :param data: all bytes of the file.
    :raises UnsupportedContainerError: if the document has no composite of its layers, or an unsupported colour mode.
    """
    if not data.startswith(_PSD):
        return data
    try:
        return _repair_psd(data)
    except struct.error as error:
        raise UnsupportedContainerError("a Photoshop document that ends early") from error


def _repair_psd(data: bytes) -> bytes:
    signature, channels, height, width, depth, mode = struct.unpack_from(_PSD_HEADER, data)
    if signature != _PSD_VERSION:
        raise UnsupportedContainerError("a large Photoshop document (PSB)")
    if mode not in _PSD_COLOURS:
        raise UnsupportedContainerError("a Photoshop document in bitmap, multichannel or duotone mode")
    if depth != _PSD_BITS:
        raise UnsupportedContainerError(f"a Photoshop document of {depth} bits a channel")
    start = position = struct.calcsize(_PSD_HEADER)
    sections = []
    for _ in range(3):  # the palette, the resources, the layers
        (length,) = struct.unpack_from(">I", data, position)
        sections.append(data[position + 4 : position + 4 + length])
        position += 4 + length
    _, resources, layers = sections
    if not _has_composite(resources):
        raise UnsupportedContainerError("a Photoshop document without a picture of all its layers")
    if struct.unpack_from(">H", data, position)[0] not in (_RAW, _RLE):
        raise UnsupportedContainerError("a Photoshop document with an unusual compression")
    kept = _PSD_COLOURS[mode] + (mode == _RGB and channels > _RGB and _has_transparency(layers))
    if kept >= channels:
        return data
    header = struct.pack(_PSD_HEADER, signature, kept, height, width, depth, mode)
    row = (width * depth + 7) // 8
    return header + data[start:position] + _first_channels(data[position:], channels * height, kept * height, row)


def _has_composite(resources: bytes) -> bool:
    position = 0
    while position + 12 <= len(resources):
        _, identifier, name = struct.unpack_from(">4sHB", resources, position)
        position += 6 + (name + 2) // 2 * 2
        (size,) = struct.unpack_from(">I", resources, position)
        if identifier == _VERSION_INFO and size > 4:
            return bool(resources[position + 8])
        position += 4 + (size + 1) // 2 * 2
    return True


def _has_transparency(layers: bytes) -> bool:
    """Return whether the first additional channel is the transparency. The number of layers is then negative."""
    return len(layers) >= 6 and layers[4] >= 0x80


def _first_channels(data: bytes, rows: int, kept: int, row_bytes: int) -> bytes:
    """Return image data with fewer rows of channels."""
    (compression,) = struct.unpack_from(">H", data)
    if compression == _RAW:
        return data[: 2 + kept * row_bytes]
    lengths = struct.unpack_from(f">{kept}H", data, 2)
    start = 2 + 2 * rows
    return data[: 2 + 2 * kept] + data[start : start + sum(lengths)]


def remove_matte(image: Image.Image) -> Image.Image:
    """Return a Photoshop document with the colours before Photoshop blended them with white.

    Without this, a blend with the background would make transparent parts too light. Source of the rule: ImageMagick,
    `CorrectPSDAlphaBlend`.

    :param image: the decoded document, in the mode "RGBA".
    """
    result = Image.new("RGBA", image.size)
    for top in range(0, image.height, _MATTE_ROWS):
        strip = image.crop((0, top, image.width, min(top + _MATTE_ROWS, image.height)))
        *colours, alpha = strip.split()
        bands = [
            compute(lambda v: 255 - (255 - v["c"]) * 255 / v["max"](v["a"], 1), c=colour, a=alpha).convert("L")
            for colour in colours
        ]
        result.paste(Image.merge("RGBA", [*bands, alpha]), (0, top))
    result.info = image.info
    return result


def repair_tiff(image: Image.Image, data: bytes) -> None:
    """Repair the palette of a TIFF that is open and not decoded yet; leave other files unchanged.

    :param image: the file.
    :param data: all its bytes.
    :raises UnsupportedContainerError: if Pillow would decode the TIFF differently from a viewer.
    :raises BrokenImageError: if compressed data are damaged.
    """
    if not isinstance(image, TiffImageFile):
        return
    if reason := _why_unsupported(image):
        raise UnsupportedContainerError(f"a TIFF {reason}")
    tags = image.tag_v2
    palette = tags.get(COLORMAP, ()) if tags.get(PHOTOMETRIC_INTERPRETATION) == _TIFF_PALETTE else ()
    if palette and max(palette) < 256:
        # Some programs write 8 bits per colour instead of 16, and viewers accept this.
        image.palette = ImagePalette.raw("RGB;L", bytes(palette))
    _check_compressed_data(image, data)


def _why_unsupported(image: TiffImageFile) -> str | None:
    """Return what Pillow would decode differently from a viewer; None if nothing."""
    tags = image.tag_v2
    photometric, samples = tags.get(PHOTOMETRIC_INTERPRETATION, _WHITE_IS_ZERO), tags.get(SAMPLESPERPIXEL, 1)
    bits, extra = tags.get(BITSPERSAMPLE, (1,)), tags.get(EXTRASAMPLES)
    is_separate = samples > 1 and tags.get(PLANAR_CONFIGURATION) == _SEPARATE
    palette_length = 3 * 2 ** bits[0] if photometric == _TIFF_PALETTE else 0
    unsupported = {
        "whose first picture is a preview or a mask": tags.get(_SUBFILE_TYPE, 0) & _PREVIEW_OR_MASK,
        "with signed or floating-point numbers": set(tags.get(SAMPLEFORMAT, ())) - {_UNSIGNED},
        f"of {max(bits)} bits a channel": set(bits) - _TIFF_BITS,
        "of 16 bits in which 0 is white": photometric == _WHITE_IS_ZERO and max(bits) > 8,
        "that does not say what its additional channel is": (
            extra is None and samples > _TIFF_COLOURS.get(photometric, samples)
        ),
        "with an additional channel of an unknown type": set(extra or ()) - _EXTRA_SAMPLES,
        "with more than 8 bits a colour in separate planes": is_separate and max(bits) > 8,
        "with YCbCr or Lab colours in separate planes": is_separate and photometric in (_YCBCR, _CIELAB),
        "with inks other than CMYK": photometric == _CMYK and tags.get(_INK_SET, _CMYK_INKS) != _CMYK_INKS,
        "with a palette of a wrong length": palette_length and len(tags.get(COLORMAP, ())) != palette_length,
        "with unusual YCbCr colours": photometric == _YCBCR and not _is_usual_ycbcr(image),
    }
    return next((reason for reason, found in unsupported.items() if found), None)


def _is_usual_ycbcr(image: TiffImageFile) -> bool:
    coefficients = image.tag_v2.get(_YCBCR_COEFFICIENTS, _BT601)
    levels = image.tag_v2.get(REFERENCEBLACKWHITE, _FULL_RANGE)
    return _are_near(coefficients, _BT601, 0.01) and _are_near(levels, _FULL_RANGE, 1)


def _are_near(found: Sequence[float], expected: Sequence[float], tolerance: float) -> bool:
    return len(found) == len(expected) and all(
        abs(float(one) - two) <= tolerance for one, two in zip(found, expected, strict=True)
    )


def _check_compressed_data(image: TiffImageFile, data: bytes) -> None:
    """Detect damage that libtiff does not report: warnings of libjpeg, and wrong checksums of zlib.

    :raises BrokenImageError: if a strip or a tile is damaged.
    :raises TruncatedImageError: if one ends early.
    :raises zlib.error: if its checksum is wrong.
    """
    tags = image.tag_v2
    compression = tags.get(COMPRESSION)
    offsets = tags.get(STRIPOFFSETS) or tags.get(TILEOFFSETS, ())
    lengths = tags.get(STRIPBYTECOUNTS) or tags.get(TILEBYTECOUNTS, ())
    tables = tags.get(JPEGTABLES, b"")[:-2]
    for offset, length in zip(offsets, lengths, strict=False):
        part = data[offset : offset + length]
        if compression == _JPEG_COMPRESSION:
            check_jpeg(tables + part[2:] if tables else part)
        elif compression in _DEFLATE:
            _check_zlib(part)


def _check_zlib(data: bytes) -> None:
    stream = zlib.decompressobj()
    for _ in range(_MAX_INFLATED // _INFLATE_BYTES):
        stream.decompress(data, _INFLATE_BYTES)
        if stream.eof:
            return
        data = stream.unconsumed_tail
        if not data:
            break
    raise BrokenImageError("its compressed data have no end")


def check_jpeg(data: bytes) -> None:
    """Decode a JPEG with the warnings of libjpeg as errors.

    :param data: all bytes of the file.
    :raises BrokenImageError: if a part of it is missing or damaged.
    :raises TruncatedImageError: if the file ends before the image does.
    """
    frame = next((part.content for part in jpeg.segments(data) if part.marker in jpeg.DECODABLE), b"")
    if len(frame) >= 5:
        height, width = struct.unpack_from(">HH", frame, 1)
        jpeg_decode.decode(data, ImageInfo("JPEG", width, height))


def repair_png(image: Image.Image, data: bytes) -> None:
    """Repair the transparent colour of a PNG that is open; leave other files unchanged.

    :param image: the file.
    :param data: all its bytes.
    :raises UnsupportedContainerError: if Pillow would make other pixels transparent than a viewer.
    """
    if image.format != "PNG" or _TRANSPARENT_COLOUR not in image.info or len(data) < _PNG_HEADER_END:
        return
    depth, colour = data[24], data[25]
    if depth > 8 and colour in (_GREY, _TRUECOLOUR):
        raise UnsupportedContainerError("a PNG of 16 bits with a transparent colour")
    if colour == _GREY and 1 < depth < 8:
        # Pillow scales the pixels to 8 bits, and not this colour.
        image.info[_TRANSPARENT_COLOUR] *= 255 // (2**depth - 1)


@contextlib.contextmanager
def stderr_to_log() -> Iterator[None]:
    """Write to the log, without control characters, what a C library writes to the standard error stream.

    This is for libtiff, which copies parts of a file to its messages. What other threads write meanwhile is in the same
    line of the log.
    """
    with _standard_error.lock, tempfile.TemporaryFile() as file:
        try:
            _standard_error.copy = stderr = os.dup(2)
        except OSError:  # the process has no standard error stream
            yield
            return
        try:
            os.dup2(file.fileno(), 2)
            yield
        finally:
            os.dup2(stderr, 2)
            _standard_error.copy = None
            os.close(stderr)
            file.seek(0)
            if text := _UNPRINTABLE.sub(b" ", file.read(_MAX_MESSAGE)).decode().strip():
                _log.info("libtiff: %s", text)
