"""Inspection and strict decoding of picture files."""

from __future__ import annotations

import dataclasses
import os
import threading
from typing import Final

from PIL import ImageFile

from airflow_provider_oppo_image.contract import PICTURE_FORMATS
from airflow_provider_oppo_image.pictures import jpeg, jpeg_decode, png, png_decode
from airflow_provider_oppo_image.pictures.image_info import (
    SNIFF_BYTES,
    BrokenImageError,
    ImageInfo,
    TruncatedImageError,
    sniff_format,
)

_NOT_WRITTEN: Final = b"\0"
"""What a file ends with that was allocated at full length and is being filled; pictures end with other bytes."""


class StrictDecoding:
    """Has Pillow refuse truncated data while a block runs, whatever else in this process asked it to be lenient.

    Its switch is global: the first of the threads that are in such a block turns it, and the last turns it back.

    :param threads: so many threads are in a block at once, and others wait: of decoders, more than there are processors
        are no faster, and take more memory.
    """

    def __init__(self, threads: int) -> None:
        self._places = threading.BoundedSemaphore(threads)
        self._lock = threading.Lock()
        self._inside = 0
        self._lenient = False

    def __enter__(self) -> None:
        self._places.acquire()
        with self._lock:
            if not self._inside:
                self._lenient, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                ImageFile.LOAD_TRUNCATED_IMAGES = self._lenient
        self._places.release()


strict_decoding: Final = StrictDecoding(os.cpu_count() or 1)
"""The one of this process: two of them would turn the switch against each other."""


def inspect_header(data: bytes) -> ImageInfo | None:
    """Look at a file's first bytes: format, dimensions, and what else its header says.

    :param data: the first bytes, any number of them.
    :return: None when more bytes are needed.
    """
    name = sniff_format(data)
    if name not in PICTURE_FORMATS:
        return ImageInfo(name) if len(data) >= SNIFF_BYTES else None
    try:
        return _read_header(name, data.rstrip(_NOT_WRITTEN))
    except TruncatedImageError:
        return None
    except BrokenImageError as reason:
        return ImageInfo(name, broken=str(reason))


def inspect_structure(data: bytes) -> ImageInfo:
    """Look at the structure of a whole file, without decoding it.

    :param data: all bytes of the file, at least one.
    """
    if any(signature.startswith(data) for signature in (png.SIGNATURE, jpeg.SIGNATURE)):
        return ImageInfo(None, truncated=True)
    name = sniff_format(data)
    if name not in PICTURE_FORMATS:
        return ImageInfo(name)
    facts = ImageInfo(name)
    data = data.rstrip(_NOT_WRITTEN)
    try:
        facts = _read_header(name, data)
        return _read_structure(facts, data)
    except TruncatedImageError:
        return dataclasses.replace(facts, truncated=True)
    except BrokenImageError as reason:
        return dataclasses.replace(facts, broken=str(reason))


def decode(data: bytes, facts: ImageInfo) -> ImageInfo:
    """Decode a picture, and add to the facts what came out.

    :param data: all bytes of the file.
    :param facts: what `inspect_structure` found; nothing in them may be wrong, and the dimensions must be bearable.
    """
    try:
        with strict_decoding:
            if facts.format == "PNG":
                return dataclasses.replace(facts, invisible=png_decode.decode(data, (facts.width, facts.height)))
            if jpeg_decode.decode(data, (facts.width, facts.height)):
                return dataclasses.replace(facts, format="multi-picture JPEG (MPO)")
            return facts
    except BrokenImageError as reason:
        return dataclasses.replace(facts, broken=str(reason))


def _read_header(name: str, data: bytes) -> ImageInfo:
    if name == "PNG":
        return ImageInfo(name, *png.read_dimensions(data))
    header = jpeg.read_header(data)
    return ImageInfo(
        name,
        header.width,
        header.height,
        cmyk=header.components == 4,
        orientation=header.orientation,
        coding=header.coding,
    )


def _read_structure(facts: ImageInfo, data: bytes) -> ImageInfo:
    if facts.format == "PNG":
        structure = png.read_structure(data)
        return dataclasses.replace(facts, animated=structure.frames > 1, orientation=structure.orientation)
    jpeg.read_structure(data)
    return facts
