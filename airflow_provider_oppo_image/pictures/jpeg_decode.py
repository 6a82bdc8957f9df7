"""Strict decoding of JPEG files: no scan is missing, and libjpeg-turbo has nothing to warn about.

libjpeg fills what is missing with grey, and only warns. It does not warn of a progressive file that lacks some of its
scans. So the scan headers are checked here (ITU-T T.81, G.1), and the data by libjpeg-turbo with warnings as errors.
docs/decisions/strict-decoding.md has the evidence for what is tolerated.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast

from airflow_provider_oppo_image.pictures.image_info import BrokenImageError, ImageInfo

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

_SOF0, _SOF1, _SOF2, _DHT, _SOS, _EOI, _APP1, _APP2 = 0xC0, 0xC1, 0xC2, 0xC4, 0xDA, 0xD9, 0xE1, 0xE2
_FRAMES: Final = (_SOF0, _SOF1, _SOF2)
_METADATA: Final = (*range(0xE0, 0xF0), 0xFE)  # APPn and comments
_COEFFICIENTS: Final = 64
_LAST_ROWS: Final = 4  # of an eighth of the size, from the last blocks
_NUMBER_OF_PICTURES: Final = 0xB001
_SEQUENTIAL: Final = bytes((0, _COEFFICIENTS - 1, 0))  # Ss, Se, and Ah with Al

_MARKER: Final = re.compile(rb"\xff+([^\x00\xff])")
_END_OF_SCAN: Final = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")


@dataclass(frozen=True)
class _Segment:
    """A segment.

    :param marker: its marker's second byte.
    :param content: what stands in it, without its length.
    :param data: a scan's data, from behind its header to the next marker; empty in other segments.
    """

    marker: int
    content: bytes
    data: bytes = b""


def decode(data: bytes, info: ImageInfo) -> ImageInfo:
    """Decode a JPEG completely.

    :param data: the complete file.
    :param info: the result of `inspect_structure`, without a problem.
    :return: the same, with the format of a multi-picture file (MPO) if it is one.
    :raises BrokenImageError: if a part of the picture is missing or damaged.
    """
    segments = list(_segments(data))
    frame = _read_frame(segments)
    if frame.size != (info.width, info.height):
        raise BrokenImageError("its headers contradict each other")
    missing = _MissingBits(frame)
    for segment in segments:
        if segment.marker == _SOS:
            missing.take(segment.content)
    missing.refuse_any()
    picture = _without_metadata(segments, frame)
    try:
        pixels = _decode_strictly(picture)
        if not frame.progressive:
            _check_sequential_data(picture, pixels)
    except ValueError as error:
        raise BrokenImageError(str(error).removeprefix("Corrupt JPEG data: ")) from error
    return replace(info, format="multi-picture JPEG (MPO)") if _is_multi_picture(segments) else info


def _decode_strictly(segments: Sequence[_Segment], buffer: bytearray | None = None) -> NDArray[uint8]:
    """Decode a file to an eighth of its size, in grey. That is fastest, and the data of all scans is read for it too.

    :param buffer: where the pixels are put; those before a warning are there after it, too.
    :raises ValueError: with libjpeg-turbo's first warning, or its error.
    """
    import simplejpeg  # with numpy: 0.1 s and 21 MiB

    options = {"min_height": 1, "min_width": 1, "strict": True, "buffer": buffer}
    return cast("NDArray[uint8]", simplejpeg.decode_jpeg(_to_bytes(segments), "GRAY", **options))


def _check_sequential_data(segments: Sequence[_Segment], pixels: NDArray[uint8]) -> None:
    """Refuse what libjpeg-turbo's fast decoder does not report: codes that do not exist, and up to 7 bytes too many.

    The file is decoded again with a meaning for those codes, which changes the pixels, and without its last byte, so
    that there is too little data, unless there was too much.

    :param segments: the file.
    :param pixels: its pixels, as `_decode_strictly` returns them.
    :raises ValueError: if there is such a code or such a byte.
    """
    scans = [number for number, segment in enumerate(segments) if segment.marker == _SOS]
    changed = [replace(part, content=_add_codes(part.content)) if part.marker == _DHT else part for part in segments]
    # The decoder puts out no row before the last scan.
    if len(scans) > 1 and (_decode_strictly(changed) != pixels).any():
        raise ValueError("bad Huffman code")
    data = segments[scans[-1]].data.rstrip(b"\xff")
    changed[scans[-1]] = replace(segments[scans[-1]], data=data[: -2 if data.endswith(b"\xff\0") else -1])
    rows = bytearray(pixels.nbytes)
    try:
        _decode_strictly(changed, rows)
    except ValueError as error:
        length = max(pixels.shape[0] - _LAST_ROWS, 0) * pixels.shape[1]
        if len(scans) == 1 and rows[:length] != pixels.tobytes()[:length]:
            raise ValueError("bad Huffman code") from error
        return
    raise ValueError("extraneous bytes after the image data")


def _segments(data: bytes) -> Iterator[_Segment]:
    position = 2
    while (found := _MARKER.search(data, position)) and (marker := found[1][0]) != _EOI:
        start = found.end()
        (length,) = struct.unpack_from(">H", data, start)
        position = start + length
        content = data[start + 2 : position]
        if marker != _SOS:
            yield _Segment(marker, content)
        elif end := _END_OF_SCAN.search(data, position):
            yield _Segment(marker, content, data[position : end.start()])
            position = end.start()


@dataclass(frozen=True)
class _Frame:
    """A frame's header.

    :param size: width and height, in pixels.
    :param progressive: whether its scans refine each other.
    :param components: the identifiers of its components.
    """

    size: tuple[int, int]
    progressive: bool
    components: tuple[int, ...]


def _read_frame(segments: Sequence[_Segment]) -> _Frame:
    marker, content = next((segment.marker, segment.content) for segment in segments if segment.marker in _FRAMES)
    _, height, width, number = struct.unpack_from(">BHHB", content)
    if not number or len(content) != 6 + 3 * number:
        raise BrokenImageError("its header has a wrong length")
    for factors in (bytes(sampling >> 4 for sampling in content[7::3]), bytes(part & 15 for part in content[7::3])):
        # Decoders support only whole numbers of pixels for a sample.
        if not all(factors) or any(max(factors) % factor for factor in factors):
            raise BrokenImageError("its colours have sampling factors that decoders do not support")
    return _Frame((width, height), marker == _SOF2, tuple(content[6::3]))


class _MissingBits:
    """What the scans have not brought yet, of each component and coefficient.

    :param frame: the frame's header.
    """

    def __init__(self, frame: _Frame) -> None:
        self._progressive = frame.progressive
        # The number of low bits that are missing; None where no scan has brought any.
        self._bits: dict[int, list[int | None]] = {part: [None] * _COEFFICIENTS for part in frame.components}

    def take(self, header: bytes) -> None:
        """Take note of a scan.

        :param header: the scan's header.
        :raises BrokenImageError: if it cannot follow those before it.
        """
        if not header or not header[0] or len(header) != 4 + 2 * header[0]:
            raise BrokenImageError("a scan has an impossible header")
        first, last, bits = header[-3:] if self._progressive else _SEQUENTIAL
        for part in header[1:-3:2]:
            if part not in self._bits or not first <= last < _COEFFICIENTS:
                raise BrokenImageError("a scan has an impossible header")
            self._refine(self._bits[part], range(first, last + 1), high=bits >> 4, low=bits & 15)

    def _refine(self, missing: list[int | None], coefficients: range, *, high: int, low: int) -> None:
        in_order = (coefficients[0] == 0 or missing[0] is not None) and all(
            (missing[coefficient] or 0) == high for coefficient in coefficients
        )
        if self._progressive and not in_order:
            raise BrokenImageError("its scans are not in order")
        for coefficient in coefficients:
            missing[coefficient] = low

    def refuse_any(self) -> None:
        """Refuse a file that has ended before all came.

        :raises BrokenImageError: if anything is missing.
        """
        for missing in self._bits.values():
            if missing[0] is None:
                raise BrokenImageError("the scans of a colour are missing")
            if any(missing) or None in missing:
                raise BrokenImageError("scans are missing, with the details of the picture")


def _without_metadata(segments: Sequence[_Segment], frame: _Frame) -> list[_Segment]:
    """Return the file with nothing but what the picture is decoded from.

    libjpeg-turbo reports its first warning only. Harmless warnings, about metadata and about numbers in a sequential
    scan's header that decoders do not use, must not hide one about the picture.
    """
    kept = [segment for segment in segments if segment.marker not in _METADATA]
    if frame.progressive:
        return kept
    return [
        replace(segment, content=segment.content[:-3] + _SEQUENTIAL) if segment.marker == _SOS else segment
        for segment in kept
    ]


def _add_codes(tables: bytes) -> bytes:
    """Add codes to Huffman tables: as many as possible, longer than the existing ones."""
    changed, position = b"", 0
    while position + 17 <= len(tables):
        counts = list(tables[position + 1 : position + 17])
        end = position + 17 + sum(counts)
        symbols = tables[position + 17 : end]
        longest = max((length for length in range(16) if counts[length]), default=0)
        code = 0
        for length in range(16):
            code = 2 * code + counts[length]
            if length >= longest:
                # The last code of each length is not used.
                more = min((2 << length) - code - 1, 255 - counts[length], 256 - len(symbols))
                counts[length] += max(more, 0)
                code += max(more, 0)
                symbols += b"\1" * more
        changed += tables[position : position + 1] + bytes(counts) + symbols
        position = end
    return changed


def _to_bytes(segments: Sequence[_Segment]) -> bytes:
    parts = [b"\xff\xd8"]
    for segment in segments:
        head = struct.pack(">BBH", 0xFF, segment.marker, len(segment.content) + 2)
        parts += [head, segment.content, segment.data]
    return b"".join((*parts, b"\xff\xd9"))


def _is_multi_picture(segments: Sequence[_Segment]) -> bool:
    """Tell whether the file has more pictures than this one, other than what makes this one an Ultra HDR picture."""
    contents = [segment.content for segment in segments if segment.marker in (_APP1, _APP2)]
    if any(b' hdrgm:Version="' in content for content in contents):
        return False
    return any(_number_of_pictures(content[4:]) > 1 for content in contents if content.startswith(b"MPF\0"))


def _number_of_pictures(index: bytes) -> int:
    order = {b"II": "<", b"MM": ">"}.get(index[:2])
    if order is None or len(index) < 8:
        return 1
    (start,) = struct.unpack_from(f"{order}I", index, 4)
    if start + 2 > len(index):
        return 1
    (count,) = struct.unpack_from(f"{order}H", index, start)
    for position in range(start + 2, min(start + 2 + 12 * count, len(index) - 11), 12):
        tag, _, _, number = struct.unpack_from(f"{order}HHII", index, position)
        if tag == _NUMBER_OF_PICTURES:
            return int(number)
    return 1
