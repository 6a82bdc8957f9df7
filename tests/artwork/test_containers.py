"""Photoshop documents, TIFFs and others that Pillow would turn into a wrong picture without a message."""

from __future__ import annotations

import io
import logging
import struct
import subprocess
import sys
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from airflow_provider_oppo_image.artwork.files import prepare_file
from airflow_provider_oppo_image.artwork.layout import Layout
from airflow_provider_oppo_image.artwork.prepare import prepare
from airflow_provider_oppo_image.errors import ConfigurationError, PictureWrongError
from tests.support import artwork

WIDTH, HEIGHT = 200, 160
Channel = Callable[[int, int], int]
BIG_ENDIAN = ">"


def left(x: int, _: int) -> int:
    return 230 if x < WIDTH // 2 else 10


def right(x: int, _: int) -> int:
    return 240 - left(x, 0)


def low(*_: int) -> int:
    return 20


def full(*_: int) -> int:
    return 255


def lower_half(_: int, y: int) -> int:
    return 255 if y >= HEIGHT // 2 else 0


def pack_bits(row: bytes) -> bytes:
    parts = (row[start : start + 128] for start in range(0, len(row), 128))
    return b"".join(bytes([len(part) - 1]) + part for part in parts)


def psd(
    channels: Sequence[Channel],
    *,
    mode: int = 3,
    rle: bool = True,
    composite: bool | None = None,
    layers: int = 0,
    bits: int = 8,
    version: int = 1,
) -> bytes:
    """A Photoshop document; `layers` is negative where the first additional channel is the transparency."""
    resources = b""
    if composite is not None:
        info = struct.pack(">IB", 1, composite) + bytes(8) + struct.pack(">I", 1)
        name = b"8BIM" + struct.pack(">H", 1000) + b"\3abc" + struct.pack(">I", 1) + b"x\0"
        resources = name + b"8BIM" + struct.pack(">H", 1057) + b"\0\0" + struct.pack(">I", len(info)) + info + b"\0"
    layer_section = struct.pack(">Ih", 2, layers) if layers else b""
    head = b"8BPS" + struct.pack(">H6xHIIHH", version, len(channels), HEIGHT, WIDTH, bits, mode)
    sections = [struct.pack(">I", len(section)) + section for section in (b"", resources, layer_section)]
    rows = [bytes(channel(x, y) for x in range(WIDTH)) for channel in channels for y in range(HEIGHT)]
    packed = [pack_bits(row) for row in rows]
    data = (
        struct.pack(f">H{len(packed)}H", 1, *map(len, packed)) + b"".join(packed) if rle else b"\0\0" + b"".join(rows)
    )
    return head + b"".join(sections) + data


def tiff(entries: dict[int, tuple[int, Sequence[int]]], pixels: bytes, order: str = BIG_ENDIAN) -> bytes:
    """A TIFF: for each tag the type (3 for 16 bits, 4 for 32) and the values; its strip is `pixels`."""
    entries |= {256: (3, [WIDTH]), 257: (3, [HEIGHT]), 259: (3, [1]), 278: (3, [HEIGHT])}
    entries |= {273: (4, [0]), 279: (4, [len(pixels)])} if 273 not in entries else {}
    extra, rows = b"", b""
    start = 8 + 2 + 12 * len(entries) + 4
    end = start + sum(len(values) * (2 if kind == 3 else 4) for kind, values in entries.values())
    for tag, (kind, numbers) in sorted(entries.items()):
        values = [value + end for value in numbers] if tag == 273 else numbers
        content = struct.pack(f"{order}{len(values)}{'H' if kind == 3 else 'I'}", *values)
        rows += struct.pack(f"{order}HHI", tag, kind, len(values))
        rows += content.ljust(4, b"\0") if len(content) <= 4 else struct.pack(f"{order}I", start + len(extra))
        extra += content if len(content) > 4 else b""
    body = (
        (b"MM\0*" if order == BIG_ENDIAN else b"II*\0")
        + struct.pack(f"{order}IH", 8, len(entries))
        + rows
        + bytes(4)
        + extra
    )
    return body.ljust(end, b"\0") + pixels


def columns(data: bytes, layout: Layout | None = None) -> list[tuple[int, ...]]:
    """Return the colours at the left and at the right, above and below, of the picture that is made."""
    with Image.open(io.BytesIO(prepare("small", data, layout).body)) as image:
        shown = image.convert("RGB")
    points = ((36, 36), (108, 36), (36, 108), (108, 108))
    return [tuple(round(value, -1) for value in shown.getpixel(point)) for point in points]  # type: ignore[union-attr]


COLOURS = [(230, 20, 10), (10, 20, 230)] * 2
RGB = (left, low, right)


class TestPsd:
    @pytest.mark.parametrize("rle", [True, False])
    @pytest.mark.parametrize("more", [(), (full,), (lower_half,), (full, lower_half), (lower_half,) * 5])
    def test_saved_selections_are_not_shown(self, more: tuple[Channel, ...], rle: bool) -> None:
        assert columns(psd([*RGB, *more], rle=rle)) == COLOURS

    @pytest.mark.parametrize("more", [(lower_half,), (lower_half, full)])
    def test_transparency_is_shown(self, more: tuple[Channel, ...]) -> None:
        assert columns(psd([*RGB, *more], layers=-1)) == [(260, 260, 260)] * 2 + COLOURS[:2]

    @pytest.mark.parametrize("more", [(), (full, lower_half)])
    def test_grey(self, more: tuple[Channel, ...]) -> None:
        assert columns(psd([left, *more], mode=1)) == [(230, 230, 230), (10, 10, 10)] * 2

    def test_psd_composite(self) -> None:
        assert columns(psd(RGB, composite=True)) == COLOURS
        with pytest.raises(PictureWrongError, match="without a picture of all its layers"):
            prepare("small", psd([full] * 3, composite=False))

    def test_transparency_removes_the_white_of_the_composite(self) -> None:
        def half(*_: int) -> int:
            return 128

        blended = [lambda x, y, c=channel: 127 + c(x, y) * 128 // 255 for channel in RGB]
        assert columns(psd([*blended, half], layers=-1)) == [(240, 140, 130), (130, 140, 240)] * 2

    @pytest.mark.parametrize(
        ("options", "reason"),
        [({"mode": 0}, "bitmap"), ({"mode": 7}, "multichannel"), ({"mode": 8}, "duotone"), ({"bits": 16}, "16 bits"),
         ({"version": 2}, "PSB")],
    )  # fmt: skip
    def test_other_kinds_of_documents(self, options: dict[str, int], reason: str) -> None:
        with pytest.raises(PictureWrongError, match=rf"{reason}.*Export"):
            prepare("small", psd(RGB, **options))  # type: ignore[arg-type]

    @pytest.mark.parametrize("end", [20, 27, 40, 60])
    def test_psd_truncated(self, end: int) -> None:
        with pytest.raises(PictureWrongError, match=r"broken|wrong_format"):
            prepare("small", psd([*RGB, full, full])[:end])

    def test_psd_compression_unknown(self) -> None:
        data = psd(RGB, rle=False)
        at = len(data) - 3 * WIDTH * HEIGHT - 2
        with pytest.raises(PictureWrongError, match="compression"):
            prepare("small", data[:at] + b"\0\2" + data[at + 2 :])


class TestTiff:
    PIXELS = bytes(value for y in range(HEIGHT) for x in range(WIDTH) for value in (left(x, y), 20, right(x, y), 0))

    def test_16_bits_in_separate_planes(self) -> None:
        plane = bytes(2 * WIDTH * HEIGHT)
        strips = {273: (4, [0, len(plane), 2 * len(plane)]), 279: (4, [len(plane)] * 3)}
        tags = {258: (3, [16] * 3), 262: (3, [2]), 277: (3, [3]), 284: (3, [2])}
        with pytest.raises(PictureWrongError, match=r"separate planes.*Export"):
            prepare("small", tiff(tags | strips, plane * 3))

    def test_psd_channel_unnamed(self) -> None:
        tags = {258: (3, [8] * 4), 262: (3, [2]), 277: (3, [4])}
        with pytest.raises(PictureWrongError, match="additional channel"):
            prepare("small", tiff(dict(tags), self.PIXELS))
        assert columns(tiff(tags | {338: (3, [0])}, self.PIXELS)) == COLOURS

    @pytest.mark.parametrize("scale", [1, 257])
    def test_psd_palette_of_8_or_16_bits(self, scale: int) -> None:
        palette = [0] * 768
        for index, colour in enumerate(COLOURS[:2]):
            for channel, value in enumerate(colour):
                palette[256 * channel + index] = value * scale
        pixels = bytes(x >= WIDTH // 2 for _ in range(HEIGHT) for x in range(WIDTH))
        tags = {258: (3, [8]), 262: (3, [3]), 277: (3, [1]), 320: (3, palette)}
        assert columns(tiff(tags, pixels)) == COLOURS

    @pytest.mark.parametrize(
        ("tags", "reason"),
        [({254: (4, [1])}, "preview"), ({339: (3, [2])}, "signed"), ({258: (3, [12])}, "12 bits"),
         ({258: (3, [32])}, "32 bits"), ({258: (3, [16]), 262: (3, [0])}, "0 is white"),
         ({262: (3, [3]), 320: (3, [9] * 300)}, "palette"),
         ({258: (3, [8] * 4), 262: (3, [2]), 277: (3, [4]), 338: (3, [999])}, "unknown type")],
    )  # fmt: skip
    def test_numbers_that_programs_read_differently(
        self, tags: dict[int, tuple[int, Sequence[int]]], reason: str
    ) -> None:
        grey: dict[int, tuple[int, Sequence[int]]] = {258: (3, [8]), 262: (3, [1]), 277: (3, [1])}
        with pytest.raises(PictureWrongError, match=rf"a TIFF .*{reason}.*Export"):
            prepare("small", tiff(grey | tags, bytes(4 * WIDTH * HEIGHT), "<"))

    @pytest.mark.parametrize(
        ("photometric", "more"),
        [(5, {332: (3, [2])}), (8, {284: (3, [2])}), (6, {529: (3, [1, 1, 1])}), (6, {532: (3, [16, 235] * 3)})],
    )
    def test_unusual_colours(self, photometric: int, more: dict[int, tuple[int, Sequence[int]]]) -> None:
        samples = 4 if photometric == 5 else 3
        tags: dict[int, tuple[int, Sequence[int]]] = {258: (3, [8] * samples), 277: (3, [samples])}
        with pytest.raises(PictureWrongError, match="a TIFF with"):
            prepare("small", tiff(tags | {262: (3, [photometric])} | more, bytes(4 * WIDTH * HEIGHT)))

    @pytest.mark.parametrize("compression", ["jpeg", "tiff_adobe_deflate", "tiff_lzw"])
    def test_damaged_data(
        self, compression: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
    ) -> None:
        with Image.open(io.BytesIO(artwork.jpeg())) as image:
            data = artwork.encode(image, "TIFF", compression=compression)
        prepare("small", data)
        at = len(data) // 2
        with caplog.at_level(logging.INFO), pytest.raises(PictureWrongError, match="broken"):
            prepare("small", data[:at] + bytes(9_000) + data[at + 9_000 :])
        assert capfd.readouterr().err == ""
        assert ("libtiff" in caplog.text) == (compression == "tiff_lzw")

    def test_several_pages(self) -> None:
        with Image.open(io.BytesIO(artwork.png())) as image:
            assert prepare("big", artwork.encode(image, "TIFF", save_all=True, append_images=[image])).notes


@pytest.mark.parametrize(("depth", "transparent"), [(2, 1), (4, 5)])
def test_transparent_grey_of_few_bits(depth: int, transparent: int) -> None:
    header = struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, 0, 0, 0, 0)
    rows = (b"\0" + b"\x55" * (WIDTH * depth // 8)) * HEIGHT
    chunks = {b"IHDR": header, b"tRNS": struct.pack(">H", transparent), b"IDAT": zlib.compress(rows), b"IEND": b""}
    data = artwork.PNG_SIGNATURE + b"".join(artwork.chunk(*one) for one in chunks.items())
    assert columns(data) == [(260, 260, 260)] * 4
    with pytest.raises(PictureWrongError, match="16 bits"):
        prepare(
            "small",
            data.replace(artwork.chunk(b"IHDR", header), artwork.chunk(b"IHDR", header[:8] + b"\x10" + header[9:])),
        )


def test_cmyk_jpegs() -> None:
    data = artwork.jpeg(mode="CMYK")
    assert "CMYK" in prepare("big", data).notes[0]
    with pytest.raises(PictureWrongError, match="inverted"):
        prepare("big", data.replace(b"Adobe", b"Other", 1))


@pytest.mark.parametrize("mode", ["RGB", "CMYK"])
@pytest.mark.parametrize("progressive", [False, True])
def test_damaged_jpegs(mode: str, progressive: bool) -> None:
    data = artwork.jpeg(mode=mode, progressive=progressive)
    for damaged in (artwork.cut(data) + b"\xff\xd9", data[:5_000] + bytes(900) + data[5_900:]):
        with pytest.raises(PictureWrongError, match="broken"):
            prepare("big", damaged)


def test_jpeg_with_many_scans() -> None:
    with pytest.raises(PictureWrongError, match="scans"):
        prepare("big", artwork.many_scans())


class TestFinishedPictures:
    @pytest.mark.parametrize("content", [artwork.png(144, 144), artwork.png(144, 144, "P"), artwork.jpeg(144, 144)])
    def test_they_are_copied_byte_for_byte(self, content: bytes) -> None:
        assert prepare("small", content).body == content

    def test_transparent_ones_are_copied_if_they_may_stay_so(self) -> None:
        content = artwork.png(144, 144, "RGBA")
        assert prepare("small", content, Layout(background="transparent")).body == content
        assert prepare("small", content).body != content

    def test_srgb_profiles_are_kept_and_others_converted(self) -> None:
        with Image.open(io.BytesIO(artwork.png(144, 144))) as image:
            srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
            for profile, kept in ((srgb, True), (b"none", False)):
                content = artwork.encode(image, "PNG", icc_profile=profile)
                assert (prepare("small", content).body == content) is kept

    def test_other_formats_or_sizes_are_made_again(self) -> None:
        content = artwork.jpeg(144, 144)
        assert prepare("small", content, only="PNG").body != content
        assert len(prepare("small", content, limit=len(content) - 1).body) < len(content)
        content = artwork.png_of_size(50_100, 144, 144)
        assert prepare("small", content).body != content


@pytest.mark.parametrize("suffix", ["webp", "GIF", "tiff", "svg"])
def test_destination_of_another_format(suffix: str, tmp_path: Path) -> None:
    source = tmp_path / "art.png"
    source.write_bytes(artwork.png())
    with pytest.raises(ConfigurationError, match=r"\.png or \.jpg"):
        prepare_file("big", source, tmp_path / f"out.{suffix}", Layout())
    assert list(tmp_path.iterdir()) == [source]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="memory is measured in /proc")
@pytest.mark.parametrize("mode", ["RGBA", "P", "LA"])
def test_memory_is_bounded_by_the_pixels(mode: str, tmp_path: Path) -> None:
    side = 3_000
    path = tmp_path / "art.png"
    image = Image.new(mode, (side, side), 128)
    image.putalpha(128) if mode != "P" else image.info.update(transparency=b"\x80")
    image.save(path)
    code = (
        "import sys, pathlib\n"
        "def memory(field): return int(open('/proc/self/status').read().split(field + ':')[1].split()[0]) / 1024\n"
        "from airflow_provider_oppo_image.artwork.prepare import prepare\n"
        "data = pathlib.Path(sys.argv[1]).read_bytes()\n"
        "before = memory('VmRSS')\n"
        "prepare('big', data)\n"
        "print(memory('VmHWM') - before)"
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 14 * side * side / 2**20 + 40
