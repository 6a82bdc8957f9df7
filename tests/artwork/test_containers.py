"""Photoshop documents, TIFFs and others that Pillow would turn into a wrong picture without a message."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
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
    channels: Sequence[Channel], *, mode: int = 3, rle: bool = True, composite: bool | None = None, layers: int = 0
) -> bytes:
    """A Photoshop document; `layers` is negative where the first additional channel is the transparency."""
    resources = b""
    if composite is not None:
        version = struct.pack(">IB", 1, composite) + bytes(8) + struct.pack(">I", 1)
        name = b"8BIM" + struct.pack(">H", 1000) + b"\3abc" + struct.pack(">I", 1) + b"x\0"
        resources = (
            name + b"8BIM" + struct.pack(">H", 1057) + b"\0\0" + struct.pack(">I", len(version)) + version + b"\0"
        )
    layer_section = struct.pack(">Ih", 2, layers) if layers else b""
    head = b"8BPS" + struct.pack(">H6xHIIHH", 1, len(channels), HEIGHT, WIDTH, 8, mode)
    sections = [struct.pack(">I", len(section)) + section for section in (b"", resources, layer_section)]
    rows = [bytes(channel(x, y) for x in range(WIDTH)) for channel in channels for y in range(HEIGHT)]
    packed = [pack_bits(row) for row in rows]
    data = (
        struct.pack(f">H{len(packed)}H", 1, *map(len, packed)) + b"".join(packed) if rle else b"\0\0" + b"".join(rows)
    )
    return head + b"".join(sections) + data


def tiff(entries: dict[int, tuple[int, Sequence[int]]], pixels: bytes) -> bytes:
    """A TIFF: for each tag the type (3 for 16 bits, 4 for 32) and the values; its strip is `pixels`."""
    entries |= {256: (3, [WIDTH]), 257: (3, [HEIGHT]), 259: (3, [1]), 278: (3, [HEIGHT])}
    entries |= {273: (4, [0]), 279: (4, [len(pixels)])} if 273 not in entries else {}
    extra, rows = b"", b""
    start = 8 + 2 + 12 * len(entries) + 4
    end = start + sum(len(values) * (2 if kind == 3 else 4) for kind, values in entries.values())
    for tag, (kind, numbers) in sorted(entries.items()):
        values = [value + end for value in numbers] if tag == 273 else numbers
        content = struct.pack(f">{len(values)}{'H' if kind == 3 else 'I'}", *values)
        rows += struct.pack(">HHI", tag, kind, len(values))
        rows += content.ljust(4, b"\0") if len(content) <= 4 else struct.pack(">I", start + len(extra))
        extra += content if len(content) > 4 else b""
    body = b"MM\0*" + struct.pack(">IH", 8, len(entries)) + rows + bytes(4) + extra
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

    def test_a_composite(self) -> None:
        assert columns(psd(RGB, composite=True)) == COLOURS
        with pytest.raises(PictureWrongError, match="without a picture of all its layers"):
            prepare("small", psd([full] * 3, composite=False))

    @pytest.mark.parametrize("mode", [7, 8])
    def test_modes_that_are_not_colours(self, mode: int) -> None:
        with pytest.raises(PictureWrongError, match=r"multichannel.*Export"):
            prepare("small", psd(RGB, mode=mode))

    @pytest.mark.parametrize("end", [20, 27, 40, 60])
    def test_a_document_that_ends_early(self, end: int) -> None:
        with pytest.raises(PictureWrongError, match=r"broken|wrong_format"):
            prepare("small", psd([*RGB, full, full])[:end])

    def test_an_unusual_compression(self) -> None:
        data = psd([*RGB, full, full], rle=False)
        at = len(data) - 5 * WIDTH * HEIGHT - 2
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

    def test_a_channel_without_a_name(self) -> None:
        tags = {258: (3, [8] * 4), 262: (3, [2]), 277: (3, [4])}
        with pytest.raises(PictureWrongError, match="additional channel"):
            prepare("small", tiff(dict(tags), self.PIXELS))
        assert columns(tiff(tags | {338: (3, [0])}, self.PIXELS)) == COLOURS

    @pytest.mark.parametrize("scale", [1, 257])
    def test_a_palette_of_8_or_16_bits(self, scale: int) -> None:
        palette = [0] * 768
        for index, colour in enumerate(COLOURS[:2]):
            for channel, value in enumerate(colour):
                palette[256 * channel + index] = value * scale
        pixels = bytes(x >= WIDTH // 2 for _ in range(HEIGHT) for x in range(WIDTH))
        tags = {258: (3, [8]), 262: (3, [3]), 277: (3, [1]), 320: (3, palette)}
        assert columns(tiff(tags, pixels)) == COLOURS


def test_a_jpeg_with_many_scans() -> None:
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
def test_a_destination_of_another_format(suffix: str, tmp_path: Path) -> None:
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
