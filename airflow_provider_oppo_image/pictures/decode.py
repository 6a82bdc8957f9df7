"""Inspection and strict decoding of picture files."""

from __future__ import annotations

import dataclasses
import os
import threading
from typing import Final

from PIL import ImageFile

from airflow_provider_oppo_image.contract import PICTURE_FORMATS
from airflow_provider_oppo_image.pictures import jpeg, jpeg_decode, png
from airflow_provider_oppo_image.pictures.image_info import (
    SNIFF_BYTES,
    BrokenImageError,
    ImageInfo,
    TruncatedImageError,
    sniff_format,
)

_READ_HEADER: Final = {"PNG": png.read_header, "JPEG": jpeg.read_header}
_READ_STRUCTURE: Final = {"PNG": png.read_structure, "JPEG": jpeg.read_structure}

_DECODE: Final = {"PNG": png.decode, "JPEG": jpeg_decode.decode}

_PREALLOCATED: Final = b"\0"
"""The last bytes of a file that was allocated at its full length and is still being written."""


class StrictDecoding:
    """Context manager in which Pillow refuses truncated data, and a limited number of threads decode.

    Pillow's switch is global. The first thread to enter saves and sets it, the last one to leave restores it.

    :param threads: maximum number of threads inside; others wait. More decoders than processors are not faster, and
        use more memory.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._before = False
        self._reset()

    def _reset(self) -> None:
        self._slots = threading.BoundedSemaphore(self._threads)
        self._lock = threading.Lock()
        self._inside = 0

    def reset_after_fork(self) -> None:
        """Free the slots and the switch of threads that do not exist in a forked process."""
        if self._inside:
            ImageFile.LOAD_TRUNCATED_IMAGES = self._before
        self._reset()

    def __enter__(self) -> None:
        self._slots.acquire()
        with self._lock:
            if not self._inside:
                self._before, ImageFile.LOAD_TRUNCATED_IMAGES = ImageFile.LOAD_TRUNCATED_IMAGES, False
            self._inside += 1

    def __exit__(self, *_: object) -> None:
        with self._lock:
            self._inside -= 1
            if not self._inside:
                ImageFile.LOAD_TRUNCATED_IMAGES = self._before
        self._slots.release()


strict_decoding: Final = StrictDecoding(os.cpu_count() or 1)
"""The only instance of the process, since two would overwrite each other's switch."""

os.register_at_fork(after_in_child=strict_decoding.reset_after_fork)


def inspect_header(data: bytes) -> ImageInfo | None:
    """Return the metadata in the first bytes of a file: the format, the dimensions and other header fields.

    :param data: the first bytes, any number of them.
    :return: None if more bytes are needed.
    """
    name = sniff_format(data)
    if name not in PICTURE_FORMATS:
        return ImageInfo(name) if len(data) >= SNIFF_BYTES else None
    try:
        return _READ_HEADER[name](data.rstrip(_PREALLOCATED))
    except TruncatedImageError:
        return None
    except BrokenImageError as reason:
        return ImageInfo(name, broken=str(reason))


def inspect_structure(data: bytes) -> ImageInfo:
    """Return the metadata in the structure of a complete file, without decoding the image.

    :param data: all bytes of the file, at least one.
    """
    if any(signature.startswith(data) for signature in (png.SIGNATURE, jpeg.SIGNATURE)):
        return ImageInfo(None, truncated=True)
    name = sniff_format(data)
    if name not in PICTURE_FORMATS:
        return ImageInfo(name)
    info = ImageInfo(name)
    data = data.rstrip(_PREALLOCATED)
    try:
        info = _READ_HEADER[name](data)
        return _READ_STRUCTURE[name](data)
    except TruncatedImageError:
        return dataclasses.replace(info, truncated=True)
    except BrokenImageError as reason:
        return dataclasses.replace(info, broken=str(reason))


def decode(data: bytes, info: ImageInfo) -> ImageInfo:
    """Decode a picture, and return its metadata with the result.

    :param data: all bytes of the file.
    :param info: the result of `inspect_structure`, without a problem and with acceptable dimensions.
    """
    try:
        with strict_decoding:
            return _DECODE[info.format or ""](data, info)
    except BrokenImageError as reason:
        return dataclasses.replace(info, broken=str(reason))
