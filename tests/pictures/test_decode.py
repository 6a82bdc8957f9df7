"""Tests of decode.py and of the parsers that it uses."""

from __future__ import annotations

import struct
import threading
import zlib

import pytest
from PIL import ImageFile

from airflow_provider_oppo_image.pictures import jpeg, png
from airflow_provider_oppo_image.pictures.decode import StrictDecoding, decode, inspect_header, inspect_structure
from airflow_provider_oppo_image.pictures.image_info import (
    BrokenImageError,
    ImageInfo,
    TruncatedImageError,
    read_orientation,
)
from tests.support import artwork
from tests.support.artwork import chunk, segment, with_chunks, with_segments

PNG = artwork.png()
JPEG = artwork.jpeg()


def tiff(*entries: tuple[int, int, int, bytes], order: str = ">", magic: bytes = b"\0*") -> bytes:
    """An EXIF block with one directory; an entry is tag, type, count and the four bytes of its value."""
    start = {">": b"MM" + magic, "<": b"II" + magic[::-1]}[order] + struct.pack(f"{order}I", 8)
    rows = b"".join(struct.pack(f"{order}HHI", *entry[:3]) + entry[3] for entry in entries)
    return start + struct.pack(f"{order}H", len(entries)) + rows + bytes(4)


class TestInspectHeader:
    @pytest.mark.parametrize("content", [PNG, JPEG])
    def test_returns_format_and_dimensions(self, content: bytes) -> None:
        info = next(info for end in range(len(content)) if (info := inspect_header(content[:end])))
        assert (info.width, info.height) == (984, 369)
        assert info.format == ("PNG" if content is PNG else "JPEG")

    def test_needs_33_bytes_of_a_png(self) -> None:
        assert inspect_header(PNG[:32]) is None
        assert inspect_header(PNG[:33])

    @pytest.mark.parametrize(
        "start", [b"", b"\x89", b"\xff\xd8", b"<", b"GIF", b"\xff\xd8\xff", b"\xff\xd8" + b"\xff" * 60]
    )
    def test_needs_more_bytes(self, start: bytes) -> None:
        assert inspect_header(start) is None

    def test_needs_512_bytes_for_another_format(self) -> None:
        assert inspect_header(artwork.HTML.ljust(511)) is None
        assert inspect_header(artwork.HTML.ljust(512)) == ImageInfo("web page (HTML)")

    @pytest.mark.parametrize(
        "start",
        [
            PNG.replace(b"\r\n", b"\n", 1),
            PNG[:8] + chunk(b"CgBI", bytes(4)) + PNG[8:],
            PNG[:8] + chunk(b"IEND") + PNG[8:],
            PNG[:20] + b"!" + PNG[21:],
            b"\xff\xd8" + b"\xff" * 70,
            b"\xff\xd8\xff\xe0\0\0" + b"x" * 40,
            b"\xff\xd8\xff\xda\0\2" + bytes(40),
            b"\xff\xd8\xff\xd9" + bytes(40),
            with_segments(JPEG, b"\xff\xd0"),
            b"\xff\xd8" + segment(0xC0, b"\x08\0\0") + b"x" * 40,
            with_segments(JPEG, *[segment(0xFE)] * 1_000),
        ],
        ids=[
            "text mode", "Apple's", "nothing but an end", "checksum", "fill", "length", "no header", "end", "restart",
            "short header", "segments",
        ],
    )  # fmt: skip
    def test_reports_damage_in_the_header(self, start: bytes) -> None:
        info = inspect_header(start)
        assert info
        assert info.broken

    def test_returns_cmyk_and_orientation(self) -> None:
        info = inspect_header(artwork.jpeg(mode="CMYK"))
        assert info
        assert info.cmyk
        info = inspect_header(artwork.jpeg(orientation=6))
        assert info
        assert info.orientation == 6

    @pytest.mark.parametrize(
        ("marker", "precision", "coding"),
        [(0xC3, 8, "lossless or hierarchical coding"), (0xC9, 8, "arithmetic coding"),
         (0xC1, 12, "12 bits per channel"), (0xC0, 8, None), (0xC2, 8, None)],
    )  # fmt: skip
    def test_names_codings_that_phones_cannot_decode(self, marker: int, precision: int, coding: str | None) -> None:
        header = jpeg.read_header(b"\xff\xd8" + segment(marker, struct.pack(">BHHB", precision, 369, 984, 3)))
        assert header.coding == coding


class TestInspectStructure:
    @pytest.mark.parametrize(
        "content",
        [
            PNG, JPEG, artwork.jpeg(progressive=True), artwork.jpeg(mode="L"), artwork.png(mode="P"),
            artwork.png(mode="LA"), artwork.png(mode="1"), artwork.png(mode="I;16"), PNG + b"more", JPEG + b"more",
            with_segments(JPEG, b"\xff\xff\xff" + segment(0xFE, b"fill bytes")[1:]),
        ],
    )  # fmt: skip
    def test_good_pictures_have_no_problem(self, content: bytes) -> None:
        info = decode(content, inspect_structure(content))
        assert info == ImageInfo(info.format, 984, 369)
        assert info.format in ("PNG", "JPEG")

    @pytest.mark.parametrize("content", [PNG, JPEG, artwork.jpeg(progressive=True)], ids=["PNG", "JPEG", "progressive"])
    def test_prefix_is_truncated(self, content: bytes) -> None:
        ends = {*range(1, 700), *range(700, len(content), 997), *range(len(content) - 40, len(content))}
        for end in ends:
            assert inspect_structure(content[:end]).truncated, end

    def test_ignores_the_end_of_a_thumbnail(self) -> None:
        content = with_segments(JPEG, segment(0xE1, b"Exif\0\0" + artwork.jpeg(32, 32)))
        assert inspect_structure(content[:-2]).truncated
        assert not inspect_structure(content).truncated

    @pytest.mark.parametrize(
        "content",
        [
            with_chunks(PNG, PNG[8:33]),
            with_chunks(PNG, b"\0\0\0\0tE T\0\0\0\0"),
            with_chunks(PNG, *[chunk(b"teSt")] * 2_000),
            PNG[:33] + PNG[-12:],
            PNG[:-1] + b"!",
            artwork.text_bomb(2),
            with_chunks(PNG, chunk(b"iTXt", b"k\0\1\0\0\0" + zlib.compress(bytes(1_100_000)))),
            with_chunks(PNG, *[chunk(b"iCCP", b"k\0\0" + zlib.compress(bytes(600_000)))] * 2),
            JPEG[:-2] + segment(0xC0, struct.pack(">BHHB", 8, 60_000, 60_000, 3)) + b"\xff\xd9",
            JPEG[: JPEG.index(b"\xff\xda")] + b"\xff\xd9",
            artwork.many_scans(),
            with_segments(JPEG, segment(0xED, b"8BIM" * 1_001)),
            artwork.exif_bomb(),
            with_segments(JPEG, segment(0xE2, b"MPF\0" + tiff((1, 7, 60_000, bytes(4))))),
        ],
        ids=[
            "two headers", "chunk's name", "chunks", "no data", "last checksum", "zTXt", "iTXt", "two profiles",
            "second header", "no scan", "scans", "resources", "EXIF", "MPF",
        ],
    )  # fmt: skip
    def test_reports_damage_and_bombs(self, content: bytes) -> None:
        assert inspect_structure(content).broken

    @pytest.mark.parametrize(
        "text",
        [chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(900_000))), chunk(b"iTXt", b"k\0\0\0en\0\0just text"),
         chunk(b"zTXt", b"k\0\0no zlib at all"), chunk(b"zTXt")],
    )  # fmt: skip
    def test_accepts_texts_of_usual_size(self, text: bytes) -> None:
        content = with_chunks(PNG, text)
        assert not decode(content, inspect_structure(content)).broken

    def test_reports_animations(self) -> None:
        assert inspect_structure(artwork.animated_png()).animated
        assert not inspect_structure(with_chunks(PNG, chunk(b"acTL", struct.pack(">II", 1, 0)))).animated

    def test_reads_the_exif_of_a_png(self) -> None:
        content = with_chunks(PNG, chunk(b"eXIf", tiff((0x0112, 3, 1, b"\0\6\0\0"))))
        assert inspect_structure(content).orientation == 6

    def test_another_format_is_not_damage(self) -> None:
        assert inspect_structure(artwork.HTML) == ImageInfo("web page (HTML)")


class TestDecode:
    def decode(self, content: bytes) -> ImageInfo:
        info = inspect_structure(content)
        assert not info.broken
        assert not info.truncated
        return decode(content, info)

    def test_names_a_multi_picture_file(self) -> None:
        assert self.decode(artwork.other_format("MPO")).format == "multi-picture JPEG (MPO)"

    @pytest.mark.parametrize("mode", ["RGBA", "LA"])
    def test_transparent_picture_is_invisible(self, mode: str) -> None:
        assert self.decode(artwork.transparent_png()).invisible
        assert not self.decode(artwork.png(mode=mode)).invisible

    def test_transparent_palette_is_invisible(self) -> None:
        content = artwork.png(mode="P")
        at = content.index(b"IDAT") - 4
        assert self.decode(content[:at] + chunk(b"tRNS", bytes(256)) + content[at:]).invisible

    @pytest.mark.parametrize(
        "data", [zlib.compress(bytes(1000)), b"no zlib", b"", zlib.compress(b"\7" * 369 * (984 * 3 + 1))],
        ids=["short", "garbage", "empty", "filter"],
    )  # fmt: skip
    @pytest.mark.parametrize("lenient", [False, True])
    def test_rejects_invalid_data_also_with_a_lenient_pillow(
        self, data: bytes, lenient: bool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
        assert self.decode(PNG[:33] + chunk(b"IDAT", data) + chunk(b"IEND")).broken
        assert ImageFile.LOAD_TRUNCATED_IMAGES is lenient

    def test_rejects_data_larger_than_the_image(self) -> None:
        reason = self.decode(artwork.data_bomb(8)).broken
        assert reason
        assert "far more" in reason

    def test_rejects_contradicting_dimensions(self) -> None:
        assert decode(PNG, ImageInfo("PNG", 984, 368)).broken

    def test_accepts_interlacing(self) -> None:
        header = struct.pack(">IIBBBBB", 984, 369, 8, 2, 0, 0, 1)
        passes = [(123, 47), (123, 47), (246, 46), (246, 93), (492, 92), (492, 185), (984, 184)]
        data = b"".join((b"\0" + bytes(3 * width)) * height for width, height in passes)
        parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(data)), chunk(b"IEND")
        assert not self.decode(artwork.PNG_SIGNATURE + b"".join(parts)).broken

    def test_rejects_invalid_jpeg_data(self) -> None:
        tables = JPEG.index(b"\xff\xc4")
        assert self.decode(JPEG[: tables + 4] + b"\xee" * 20 + JPEG[tables + 24 :]).broken


class TestReadOrientation:
    @pytest.mark.parametrize("order", ["<", ">"])
    @pytest.mark.parametrize("turn", range(1, 9))
    def test_reads_both_byte_orders(self, order: str, turn: int) -> None:
        assert read_orientation(tiff((0x0112, 3, 1, struct.pack(f"{order}HH", turn, 0)), order=order)) == turn

    @pytest.mark.parametrize(
        "block",
        [b"", b"MM", b"XX\0*\0\0\0\x08\0\0", b"MM\0*\xff\xff\xff\xff\0\0", tiff(), tiff((0x0112, 3, 1, b"\0\x09\0\0")),
         tiff((0x0112, 4, 1, b"\0\6\0\0"))],
    )  # fmt: skip
    def test_is_1_if_unknown(self, block: bytes) -> None:
        assert read_orientation(block) == 1

    @pytest.mark.parametrize(
        "block",
        [tiff(*[(1, 3, 1, bytes(4))] * 1_001), tiff((1, 7, 1_000, bytes(4))), tiff(magic=b"\0+")],
        ids=["entries", "claims", "BigTIFF"],
    )
    def test_rejects_oversized_directories(self, block: bytes) -> None:
        with pytest.raises(BrokenImageError):
            read_orientation(block)


def test_png_structure_ignores_bytes_after_the_end() -> None:
    assert png.read_structure(PNG + b"junk") == ImageInfo("PNG", 984, 369)
    with pytest.raises(TruncatedImageError):
        png.read_structure(PNG[:-1])


class TestStrictDecoding:
    @pytest.mark.parametrize("lenient", [False, True])
    def test_is_strict_until_the_last_thread_leaves(self, lenient: bool, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", lenient)
        strict, found = StrictDecoding(2), []
        strict.__enter__()
        found.append(ImageFile.LOAD_TRUNCATED_IMAGES)
        strict.__enter__()
        strict.__exit__()
        found.append(ImageFile.LOAD_TRUNCATED_IMAGES)
        strict.__exit__()
        assert found == [False, False]
        assert ImageFile.LOAD_TRUNCATED_IMAGES is lenient

    def test_restores_the_switch_after_an_exception(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(ImageFile, "LOAD_TRUNCATED_IMAGES", True)
        with pytest.raises(ValueError, match="broken"), StrictDecoding(1):
            raise ValueError("broken")
        assert ImageFile.LOAD_TRUNCATED_IMAGES

    def test_limits_the_threads_inside(self) -> None:
        strict, inside, max_inside = StrictDecoding(2), 0, 0
        lock = threading.Lock()
        both_inside = threading.Barrier(2, timeout=10)

        def work() -> None:
            nonlocal inside, max_inside
            with strict:
                with lock:
                    inside += 1
                    max_inside = max(max_inside, inside)
                both_inside.wait()
                with lock:
                    inside -= 1

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert max_inside == 2
