"""Repair of Photoshop documents and TIFFs that Pillow decodes differently from a viewer.

A file that cannot be repaired is refused, with advice for the export.
"""

from __future__ import annotations

import struct
from typing import Final

from PIL import Image, ImagePalette
from PIL.TiffImagePlugin import (
    BITSPERSAMPLE,
    COLORMAP,
    EXTRASAMPLES,
    PHOTOMETRIC_INTERPRETATION,
    PLANAR_CONFIGURATION,
    SAMPLESPERPIXEL,
    TiffImageFile,
)

_PSD: Final = b"8BPS\0\1"
_PSD_HEADER: Final = ">6s6xHIIHH"
_RGB: Final = 3
# Number of colour channels, by mode: bitmap, grey, palette, RGB, CMYK, Lab.
_PSD_COLOURS: Final = {0: 1, 1: 1, 2: 1, 3: 3, 4: 4, 9: 3}
_VERSION_INFO: Final = 1057
_RAW, _RLE = 0, 1

# Number of colour samples, by photometric interpretation: grey, RGB, palette, CMYK, YCbCr, Lab.
_TIFF_COLOURS: Final = {0: 1, 1: 1, 2: 3, 3: 1, 5: 4, 6: 3, 8: 3}
_TIFF_PALETTE: Final = 3
_SEPARATE: Final = 2


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
    if mode not in _PSD_COLOURS:
        raise UnsupportedContainerError("a Photoshop document in multichannel or duotone mode")
    start = position = struct.calcsize(_PSD_HEADER)
    sections = []
    for _ in range(3):  # the palette, the resources, the layers
        (length,) = struct.unpack_from(">I", data, position)
        sections.append(data[position + 4 : position + 4 + length])
        position += 4 + length
    _, resources, layers = sections
    if not _has_composite(resources):
        raise UnsupportedContainerError("a Photoshop document without a picture of all its layers")
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
    if compression != _RLE:
        raise UnsupportedContainerError("a Photoshop document with an unusual compression")
    lengths = struct.unpack_from(f">{kept}H", data, 2)
    start = 2 + 2 * rows
    return data[: 2 + 2 * kept] + data[start : start + sum(lengths)]


def repair_tiff(image: Image.Image) -> None:
    """Repair the palette of a TIFF that is open and not decoded yet; leave other files unchanged.

    :param image: the file.
    :raises UnsupportedContainerError: if Pillow would decode the TIFF differently from a viewer.
    """
    if not isinstance(image, TiffImageFile):
        return
    tags = image.tag_v2
    photometric, samples = tags.get(PHOTOMETRIC_INTERPRETATION, 0), tags.get(SAMPLESPERPIXEL, 1)
    if samples > _TIFF_COLOURS.get(photometric, samples) and EXTRASAMPLES not in tags:
        raise UnsupportedContainerError("a TIFF that does not say what its additional channel is")
    if samples > 1 and tags.get(PLANAR_CONFIGURATION) == _SEPARATE and max(tags.get(BITSPERSAMPLE, (1,))) > 8:
        raise UnsupportedContainerError("a TIFF with more than 8 bits a colour in separate planes")
    palette = tags.get(COLORMAP, ()) if photometric == _TIFF_PALETTE else ()
    if palette and max(palette) < 256:
        # Some programs write 8 bits per colour instead of 16, and viewers accept this.
        image.palette = ImagePalette.raw("RGB;L", bytes(palette))
