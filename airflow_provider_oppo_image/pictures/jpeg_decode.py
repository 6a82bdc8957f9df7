"""Strict decoding of JPEG files: a missing scan and every warning of libjpeg-turbo are errors.

libjpeg fills missing data with grey, and only warns. It does not warn about a progressive file in which scans are
missing. So this module checks the scan headers (ITU-T T.81, G.1), and libjpeg-turbo checks the data with warnings as
errors. docs/decisions/strict-decoding.md has the evidence for what is tolerated.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, cast

from airflow_provider_oppo_image.pictures.image_info import BrokenImageError, ImageInfo, read_directory
from airflow_provider_oppo_image.pictures.jpeg import APP1, APP2, DECODABLE, SOS, Segment, segments

if TYPE_CHECKING:
    from numpy import uint8
    from numpy.typing import NDArray

_PROGRESSIVE, _DHT, _DRI = 0xC2, 0xC4, 0xDD
_METADATA: Final = (*range(0xE0, 0xF0), 0xFE)  # APPn and comments
_COEFFICIENTS: Final = 64
_CMYK_COMPONENTS: Final = 4
_LAST_ROWS: Final = 4
"""Rows of the reduced image that come from the last blocks."""
_SURPLUS: Final = 64
"""Bytes that are appended to a scan, more than libjpeg-turbo reads ahead."""
_ONLY_THE_SURPLUS: Final = f"Corrupt JPEG data: {_SURPLUS} extraneous bytes before marker 0xd0"
_MAX_16_BITS: Final = 0xFFFF
_NUMBER_OF_PICTURES: Final = 0xB001
_SEQUENTIAL: Final = bytes((0, _COEFFICIENTS - 1, 0))  # Ss, Se, and Ah with Al


def decode(data: bytes, info: ImageInfo) -> ImageInfo:
    """Decode a JPEG completely.

    :param data: the complete file.
    :param info: the result of `inspect_structure`, without a problem.
    :return: the same metadata, with the format of a multi-picture file (MPO) if it is one.
    :raises BrokenImageError: if a part of the picture is missing or damaged.
    """
    parts = list(segments(data))
    frame = _read_frame(parts)
    if frame.size != (info.width, info.height):
        raise BrokenImageError("its headers contradict each other")
    coefficients = _CoefficientBits(frame)
    for part in parts:
        if part.marker == SOS:
            coefficients.record_scan(part.content)
    coefficients.require_all()
    picture = _without_metadata(parts, frame)
    try:
        colours = "CMYK" if len(frame.components) == _CMYK_COMPONENTS else "GRAY"
        if frame.progressive:
            _decode_strictly(picture, colours)
        elif not _is_exact(picture, frame, colours):
            _check_sequential_data(picture, colours, _decode_strictly(picture, colours))
    except ValueError as error:
        raise BrokenImageError(str(error).removeprefix("Corrupt JPEG data: ")) from error
    return replace(info, format="multi-picture JPEG (MPO)") if _is_multi_picture(parts) else info


def _decode_strictly(parts: Sequence[Segment], colours: str, buffer: bytearray | None = None) -> NDArray[uint8]:
    """Decode a file to an eighth of its size. This is the fastest way that reads the data of all scans.

    :param colours: "GRAY", which is faster, or "CMYK" for a file with four components.
    :param buffer: receives the pixels; after a warning, it has the pixels that were decoded before.
    :raises ValueError: with libjpeg-turbo's first warning, or its error.
    """
    import simplejpeg  # with numpy: 0.1 s and 10 MiB

    options = {"min_height": 1, "min_width": 1, "strict": True, "buffer": buffer}
    return cast("NDArray[uint8]", simplejpeg.decode_jpeg(_to_bytes(parts), colours, **options))


def _is_exact(parts: Sequence[Segment], frame: _Frame, colours: str) -> bool:
    """Decode a sequential file with one scan, and return whether its data end exactly with its last block.

    The file is changed so that one decoding detects everything: it gets a restart marker after its last block, another
    row of blocks, and bytes before that marker. With a restart interval, libjpeg-turbo's slower decoder reads the data
    and reports undefined codes. At the marker, the decoder reports the number of unused bytes.

    :param parts: the file.
    :param frame: its frame's header.
    :param colours: simplejpeg's name of the pixels' format.
    :return: whether the appended bytes are the only error. False also if the file cannot be changed so: it has restart
        markers or several scans, or it is too large.
    """
    scans = [part for part in parts if part.marker == SOS]
    blocks, height = frame.count_blocks()
    if len(scans) > 1 or any(part.marker == _DRI for part in parts) or max(blocks, height) > _MAX_16_BITS:
        return False
    changed = []
    for part in parts:
        if part.marker in DECODABLE:
            part = replace(part, content=part.content[:1] + struct.pack(">H", height) + part.content[3:])
        elif part.marker == SOS:
            changed.append(Segment(_DRI, struct.pack(">H", blocks)))
            # Bytes 0xFF at the end are the beginning of the next marker.
            part = replace(part, scan_data=part.scan_data.rstrip(b"\xff") + bytes(_SURPLUS) + b"\xff\xd0")
        changed.append(part)
    try:
        _decode_strictly(changed, colours)
    except ValueError as error:
        return str(error) == _ONLY_THE_SURPLUS
    return False


def _check_sequential_data(parts: Sequence[Segment], colours: str, pixels: NDArray[uint8]) -> None:
    """Detect two errors that libjpeg-turbo's fast decoder does not report: undefined codes, and up to 7 surplus bytes.

    The file is decoded again after two changes. Undefined Huffman codes are defined, so each use of one changes the
    pixels. The last byte of the data is removed, so the decoder reports missing data, unless the byte was surplus.

    :param parts: the file.
    :param colours: as for `_decode_strictly`.
    :param pixels: its pixels, as `_decode_strictly` returns them.
    :raises ValueError: if the data uses an undefined code, or has surplus bytes.
    """
    scans = [number for number, part in enumerate(parts) if part.marker == SOS]
    changed = [replace(part, content=_add_codes(part.content)) if part.marker == _DHT else part for part in parts]
    # With several scans, the decoder returns no row before the last scan.
    if len(scans) > 1 and (_decode_strictly(changed, colours) != pixels).any():
        raise ValueError("bad Huffman code")
    last = parts[scans[-1]]
    data = last.scan_data.rstrip(b"\xff")
    changed[scans[-1]] = replace(last, scan_data=data[: -2 if data.endswith(b"\xff\0") else -1])
    rows = bytearray(pixels.nbytes)
    try:
        _decode_strictly(changed, colours, rows)
    except ValueError as error:
        length = max(pixels.shape[0] - _LAST_ROWS, 0) * pixels[0].size
        if len(scans) == 1 and rows[:length] != pixels.tobytes()[:length]:
            raise ValueError("bad Huffman code") from error
        return
    raise ValueError("extraneous bytes after the image data")


@dataclass(frozen=True)
class _Frame:
    """A frame's header.

    :param size: width and height, in pixels.
    :param progressive: whether later scans refine the image of earlier scans.
    :param components: the identifiers of its components.
    :param sampling: their sampling factors: horizontal in the upper 4 bits, vertical in the lower ones.
    """

    size: tuple[int, int]
    progressive: bool
    components: tuple[int, ...]
    sampling: bytes

    def count_blocks(self) -> tuple[int, int]:
        """Return the number of blocks (MCUs) in a single scan, and the height in pixels with another row of them."""
        width, height = self.size
        # The blocks of a single component do not depend on its sampling factors.
        sampling = self.sampling if len(self.sampling) > 1 else b"\x11"
        block_width, block_height = 8 * max(part >> 4 for part in sampling), 8 * max(part & 15 for part in sampling)
        rows = -(-height // block_height)
        return rows * -(-width // block_width), (rows + 1) * block_height


def _read_frame(parts: Sequence[Segment]) -> _Frame:
    marker, content = next((part.marker, part.content) for part in parts if part.marker in DECODABLE)
    _, height, width, number = struct.unpack_from(">BHHB", content)
    if not number or len(content) != 6 + 3 * number:
        raise BrokenImageError("its header has a wrong length")
    sampling = content[7::3]
    for factors in (bytes(part >> 4 for part in sampling), bytes(part & 15 for part in sampling)):
        # Decoders support only whole numbers of pixels for a sample.
        if not all(factors) or any(max(factors) % factor for factor in factors):
            raise BrokenImageError("its colours have sampling factors that decoders do not support")
    return _Frame((width, height), marker == _PROGRESSIVE, tuple(content[6::3]), sampling)


class _CoefficientBits:
    """The number of low bits that are still missing, by component and coefficient.

    :param frame: the frame's header.
    """

    def __init__(self, frame: _Frame) -> None:
        self._progressive = frame.progressive
        # None before the first scan of a coefficient.
        self._missing: dict[int, list[int | None]] = {part: [None] * _COEFFICIENTS for part in frame.components}

    def record_scan(self, header: bytes) -> None:
        """Record a scan.

        :param header: the scan's header.
        :raises BrokenImageError: if the header is not valid, or the scan cannot follow the earlier ones.
        """
        if not header or not header[0] or len(header) != 4 + 2 * header[0]:
            raise BrokenImageError("a scan has an impossible header")
        first, last, bits = header[-3:] if self._progressive else _SEQUENTIAL
        for part in header[1:-3:2]:
            if part not in self._missing or not first <= last < _COEFFICIENTS:
                raise BrokenImageError("a scan has an impossible header")
            self._refine(self._missing[part], range(first, last + 1), high=bits >> 4, low=bits & 15)

    def _refine(self, missing: list[int | None], coefficients: range, *, high: int, low: int) -> None:
        if self._progressive and not (
            (coefficients[0] == 0 or missing[0] is not None)
            and all((missing[coefficient] or 0) == high for coefficient in coefficients)
        ):
            raise BrokenImageError("its scans are not in order")
        missing[coefficients.start : coefficients.stop] = [low] * len(coefficients)

    def require_all(self) -> None:
        """Return if no bits are missing.

        :raises BrokenImageError: if bits are missing.
        """
        for missing in self._missing.values():
            if missing[0] is None:
                raise BrokenImageError("the scans of a colour are missing")
            if any(missing) or None in missing:
                raise BrokenImageError("scans are missing, with the details of the picture")


def _without_metadata(parts: Sequence[Segment], frame: _Frame) -> list[Segment]:
    """Return the segments that the decoder needs, with corrected headers of sequential scans.

    libjpeg-turbo reports only its first warning. A harmless warning must not hide one about the picture. Harmless are
    warnings about metadata, and about numbers in a sequential scan's header that decoders do not use.
    """
    kept = [part for part in parts if part.marker not in _METADATA]
    if frame.progressive:
        return kept
    return [replace(part, content=part.content[:-3] + _SEQUENTIAL) if part.marker == SOS else part for part in kept]


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


def _to_bytes(parts: Sequence[Segment]) -> bytes:
    file = [b"\xff\xd8"]
    for part in parts:
        file += [struct.pack(">BBH", 0xFF, part.marker, len(part.content) + 2), part.content, part.scan_data]
    return b"".join((*file, b"\xff\xd9"))


def _is_multi_picture(parts: Sequence[Segment]) -> bool:
    """Return whether the file has several pictures. The gain map of an Ultra HDR picture is not counted."""
    contents = [part.content for part in parts if part.marker in (APP1, APP2)]
    if any(b' hdrgm:Version="' in content for content in contents):
        return False
    return any(_number_of_pictures(content[4:]) > 1 for content in contents if content.startswith(b"MPF\0"))


def _number_of_pictures(index: bytes) -> int:
    _, entries = read_directory(index)
    return next((entry.long for entry in entries if entry.tag == _NUMBER_OF_PICTURES), 1)
