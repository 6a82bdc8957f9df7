"""PNGs that libpng refuses, or in which rows are missing, are not ready."""

from __future__ import annotations

import itertools
import random
import struct
import zlib

import pytest

from airflow_provider_oppo_image.pictures.png import Header
from tests.pictures.support import check, reason
from tests.support import artwork
from tests.support.artwork import chunk
from tests.support.mutations import raw_png

WIDTH, HEIGHT = 984, 369
GREY, RGB, PALETTE, GREY_ALPHA, RGB_ALPHA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGB_ALPHA: 4}
COLOURS = bytes(range(12))


def rows(colour: int = RGB, *, number: int = HEIGHT, depth: int = 8) -> bytes:
    length = (WIDTH * CHANNELS[colour] * depth + 7) // 8
    row = bytes(value % (4 if colour == PALETTE else 256) for value in range(length))
    return (b"\0" + row) * number


def png(
    colour: int = RGB,
    *chunks: bytes,
    depth: int = 8,
    methods: tuple[int, int, int] = (0, 0, 0),
    data: bytes | None = None,
    after: bytes = b"",
) -> bytes:
    """A PNG: `chunks` stand before its data, `after` stands behind them."""
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, *methods)
    packed = zlib.compress(rows(colour, depth=depth)) if data is None else data
    parts = (chunk(b"IHDR", header), *chunks, chunk(b"IDAT", packed), after, chunk(b"IEND"))
    return artwork.PNG_SIGNATURE + b"".join(parts)


PLTE = chunk(b"PLTE", COLOURS)


@pytest.mark.parametrize(
    "content",
    [
        png(), png(GREY), png(GREY, depth=1), png(PALETTE, PLTE), png(RGB, PLTE), png(RGB_ALPHA), png(GREY_ALPHA),
        png(RGB, chunk(b"PLTE", bytes(13))), png(RGB, after=PLTE), png(GREY, chunk(b"PLTE")),
        png(after=chunk(b"IDAT", b"more")), png(after=chunk(b"tRNS", b"late")),
        png(data=zlib.compress(rows(number=HEIGHT + 1))),
    ],
)  # fmt: skip
def test_libpng_readable_is_ready(content: bytes) -> None:
    assert check(content).state == "ready"


@pytest.mark.parametrize("interlaced", [0, 1])
@pytest.mark.parametrize(("depth", "colour"), [(1, 0), (16, 0), (8, 2), (16, 2), (2, 3), (8, 4), (8, 6), (16, 6)])
def test_pixel_kinds_are_ready(depth: int, colour: int, interlaced: int) -> None:
    assert check(raw_png(depth, colour, interlaced, WIDTH, HEIGHT)).state == "ready"


class TestHeader:
    @pytest.mark.parametrize(("colour", "depth"), [(1, 8), (5, 8), (7, 8), (RGB, 4), (RGB, 32), (PALETTE, 16), (6, 1)])
    def test_kinds_of_pixels_that_do_not_exist(self, colour: int, depth: int) -> None:
        header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, colour, 0, 0, 0)
        content = artwork.PNG_SIGNATURE + chunk(b"IHDR", header) + PLTE + chunk(b"IDAT", b"x") + chunk(b"IEND")
        assert "colour type" in reason(content)

    @pytest.mark.parametrize("methods", [(128, 0, 0), (1, 0, 0), (0, 1, 0), (0, 64, 0), (0, 0, 2)])
    def test_unknown_methods(self, methods: tuple[int, int, int]) -> None:
        assert "unknown" in reason(png(methods=methods))


class TestChunks:
    @pytest.mark.parametrize(
        "content",
        [
            png(PALETTE), png(PALETTE, chunk(b"PLTE")), png(RGB, chunk(b"PLTE")), png(PALETTE, PLTE, PLTE),
            png(RGB, PLTE, PLTE), png(PALETTE, after=PLTE), png(PALETTE, chunk(b"PLTE", bytes(13))),
            png(PALETTE, chunk(b"PLTE", bytes(771))), png(PALETTE, chunk(b"tRNS", b"\0"), PLTE),
        ],
        ids=["missing", "empty", "empty in RGB", "two", "two in RGB", "late", "13 bytes", "257 colours", "tRNS first"],
    )  # fmt: skip
    def test_palettes(self, content: bytes) -> None:
        assert "palette" in reason(content)

    @pytest.mark.parametrize("name", [b"ABCD", b"IDat", b"abcd"])
    def test_unknown_names(self, name: bytes) -> None:
        assert name.decode() in reason(png(RGB, chunk(name)))
        assert name.decode() in reason(png(after=chunk(name)))

    def test_data_that_another_chunk_divides(self) -> None:
        packed = zlib.compress(rows())
        halves = packed[:2000], packed[2000:]
        assert check(png(data=halves[0], after=chunk(b"IDAT", halves[1]))).state == "ready"
        assert reason(png(data=halves[0], after=chunk(b"tEXt", b"k\0v") + chunk(b"IDAT", halves[1])))


class TestData:
    @pytest.mark.parametrize("number", [0, HEIGHT // 2, HEIGHT - 1])
    def test_rows_that_are_missing(self, number: int) -> None:
        assert "rows" in reason(png(data=zlib.compress(rows(number=number))))

    def test_row_too_short(self) -> None:
        assert "rows" in reason(png(data=zlib.compress(rows()[:-1])))

    @pytest.mark.parametrize("lost", [1, 4, 5])
    def test_data_without_their_end(self, lost: int) -> None:
        assert "no end" in reason(png(data=zlib.compress(rows())[:-lost]))

    @pytest.mark.parametrize(
        "data",
        [
            b"", b"no zlib", zlib.compress(rows())[:-4] + bytes(4), zlib.compress(rows())[:50], b"\x78\xbb" + bytes(60),
            b"\x79\x9c" + zlib.compress(rows())[2:], b"\x88\x1c" + zlib.compress(rows())[2:],
        ],
        ids=["empty", "garbage", "checksum", "cut", "dictionary", "method", "window"],
    )  # fmt: skip
    def test_damaged_data(self, data: bytes) -> None:
        assert reason(png(data=data))

    def test_filter_unknown(self) -> None:
        assert "filter" in reason(png(data=zlib.compress(rows()[: -(WIDTH * 3 + 1)] + b"\5" + bytes(WIDTH * 3))))

    @pytest.mark.parametrize("bits", range(8, 15))
    def test_window_too_small(self, bits: int) -> None:
        packed = zlib.compressobj(wbits=15)
        noise = random.Random(1).randbytes(30_000)  # noqa: S311 - no secret
        content = ((noise + bytes(2)) * 40)[: len(rows())]
        filtered = bytearray(content)
        filtered[:: WIDTH * 3 + 1] = bytes(HEIGHT)
        data = packed.compress(filtered) + packed.flush()
        first = (bits - 8) << 4 | 8
        small = bytes([first, 31 - (first << 8) % 31]) + data[2:]
        assert check(png(data=data)).state == "ready"
        assert "distance" in reason(png(data=small))

    @pytest.mark.parametrize("bits", [9, 12])
    def test_small_window_large_enough(self, bits: int) -> None:
        packed = zlib.compressobj(wbits=bits)
        assert check(png(data=packed.compress(rows()) + packed.flush())).state == "ready"
        packed = zlib.compressobj(wbits=bits)
        assert "rows" in reason(png(data=packed.compress(rows(number=HEIGHT - 1)) + packed.flush()))

    def test_file_that_ends_early_may_still_come(self) -> None:
        content = artwork.png()
        for end in (100, len(content) // 2, len(content) - 1):
            assert check(content[:end]).problems[0].code == "truncated"
            assert check(content[:end] + bytes(len(content) - end)).problems[0].code == "truncated"

    def test_png_is_inflated_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        streams = []
        real = zlib.decompressobj
        monkeypatch.setattr(zlib, "decompressobj", lambda *args, **options: streams.append(1) or real(*args, **options))
        assert check(artwork.png(mode="RGBA")).state == "ready"
        assert len(streams) == 1


def filtered(pixels: list[bytes], method: int, size: int) -> bytes:
    """Filter rows as an encoder does (PNG specification, 9.2)."""
    out, above = b"", bytes(len(pixels[0]))
    for row in pixels:
        out += bytes([method])
        for at, value in enumerate(row):
            left = row[at - size] if at >= size else 0
            corner = above[at - size] if at >= size else 0
            up = above[at]
            paeth = min((left, up, corner), key=lambda near: abs(left + up - corner - near))
            out += bytes([(value - (0, left, up, (left + up) // 2, paeth)[method]) & 255])
        above = row
    return out


class TestInvisible:
    @pytest.mark.parametrize("method", range(5))
    @pytest.mark.parametrize(
        ("colour", "depth", "pixel", "key"),
        [
            (RGB, 8, b"\1\2\3", b"\0\1\0\2\0\3"), (RGB, 16, b"\1\2\3\4\5\6", b"\1\2\3\4\5\6"),
            (GREY, 8, b"\x81", b"\0\x81"),
            (GREY, 16, b"\7\x99", b"\7\x99"), (GREY, 4, b"\x99", b"\0\x09"), (GREY, 1, b"\xff", b"\0\1"),
            (RGB_ALPHA, 8, b"\7\7\7\0", None), (GREY_ALPHA, 16, b"\7\7\0\0", None),
        ],
    )  # fmt: skip
    def test_transparent_everywhere(
        self, method: int, colour: int, depth: int, pixel: bytes, key: bytes | None
    ) -> None:
        length = WIDTH * CHANNELS[colour] * depth // 8
        row = pixel * (length // len(pixel))
        # Rows repeat their filtered form from the second one on.
        three = filtered([row, row, row], method, len(pixel))
        data = three + three[-(length + 1) :] * (HEIGHT - 3)
        transparency = [chunk(b"tRNS", key)] if key else []
        content = png(colour, *transparency, depth=depth, data=zlib.compress(data))
        assert [problem.code for problem in check(content).problems] == ["invisible"]
        seen = bytearray(data)
        seen[-1] ^= 1
        assert check(png(colour, *transparency, depth=depth, data=zlib.compress(seen))).state == "ready"

    def test_colour_not_transparent_one(self) -> None:
        data = zlib.compress((b"\0" + b"\1\2\3" * WIDTH) * HEIGHT)
        assert check(png(RGB, chunk(b"tRNS", b"\0\1\0\2\0\4"), data=data)).state == "ready"
        assert check(png(RGB, chunk(b"tRNS", b"\0\1"), data=data)).state == "ready"

    def test_palette_of_which_only_transparent_colours_are_used(self) -> None:
        data = zlib.compress((b"\0" + b"\0\2" * (WIDTH // 2)) * HEIGHT)
        content = png(PALETTE, PLTE, chunk(b"tRNS", b"\0\xff\0\xff"), data=data)
        assert [problem.code for problem in check(content).problems] == ["invisible"]
        assert check(png(PALETTE, PLTE, chunk(b"tRNS", b"\0\xff\1\xff"), data=data)).state == "ready"
        assert check(png(PALETTE, PLTE, chunk(b"tRNS", b"\xff\xff"), data=data)).state == "ready"

    @pytest.mark.parametrize("depth", [8, 16])
    def test_interlaced_picture(self, depth: int) -> None:
        header = Header(WIDTH, HEIGHT, depth, RGB_ALPHA, interlaced=True)
        data = b"".join((b"\4" + bytes(rows.step - 1)) * len(rows) for _, rows in header.passes())
        content = png(RGB_ALPHA, depth=depth, methods=(0, 0, 1), data=zlib.compress(data))
        assert [problem.code for problem in check(content).problems] == ["invisible"]
        for at in itertools.islice(range(len(data) - 1, 0, -len(data) // 5), 5):
            visible = bytearray(data)
            visible[at - 12 : at + 12] = bytes(visible[at - 12 : at + 12]).replace(b"\0", b"\1")
            report = check(png(RGB_ALPHA, depth=depth, methods=(0, 0, 1), data=zlib.compress(visible)))
            assert report.state == "ready"
