"""JPEGs that decoders show broken: they are not ready."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from unittest.mock import Mock

import pytest
import simplejpeg

from tests.pictures.support import check, reason
from tests.support import artwork
from tests.support.artwork import segment, with_segments
from tests.support.mutations import Part, join, split

BASELINE = artwork.jpeg()
PROGRESSIVE = artwork.jpeg(progressive=True)
GREY = artwork.jpeg(mode="L")
SCAN, FRAME, END = b"\xff\xda", b"\xff\xc0", b"\xff\xd9"


def data_start(content: bytes) -> int:
    return content.index(SCAN) + 2 + 12


def changed(content: bytes, name: bytes, change: Callable[[Part], Part | None]) -> bytes:
    """Change each part of a name, or remove it."""
    return join([new for part in split(content) if (new := change(part) if part.name == name else part)])


@pytest.mark.parametrize("content", [BASELINE, PROGRESSIVE, GREY], ids=["baseline", "progressive", "grey"])
def test_whole_files_are_decoded_once(content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    decode = Mock(wraps=simplejpeg.decode_jpeg)
    monkeypatch.setattr(simplejpeg, "decode_jpeg", decode)
    assert check(content).state == "ready"
    assert decode.call_count == 1


def scan_header(part: Part) -> tuple[int, int]:
    """Return a scan's first component and first coefficient."""
    return part.content[1], part.content[-3]


@pytest.mark.parametrize("content", [BASELINE, PROGRESSIVE, GREY], ids=["baseline", "progressive", "grey"])
class TestData:
    def test_file_without_data(self, content: bytes) -> None:
        assert reason(changed(content, SCAN, lambda part: replace(part, tail=b"")))

    @pytest.mark.parametrize("part", [0.01, 0.5, 0.9])
    def test_cut_file_with_end_marker(self, content: bytes, part: float) -> None:
        start = data_start(content)
        assert reason(content[: start + int((len(content) - start) * part)] + END)

    def test_hole_of_zeros(self, content: bytes) -> None:
        third = (len(content) - data_start(content)) // 3
        start = data_start(content) + third
        assert reason(content[:start] + bytes(third) + content[start + third :])

    def test_half_old_half_new(self, content: bytes) -> None:
        other = artwork.jpeg(turn=1, progressive=content is PROGRESSIVE, mode="L" if content is GREY else "RGB")
        middle = (data_start(content) + len(content)) // 2
        assert reason(content[:middle] + other[middle:])

    @pytest.mark.parametrize("stray", [bytes(20), b"\x55" * 12])
    def test_bytes_after_a_scan(self, content: bytes, stray: bytes) -> None:
        assert "extraneous" in reason(content[:-2] + stray + END)

    def test_file_that_ends_early_may_still_come(self, content: bytes) -> None:
        for end in (data_start(content), len(content) // 2, len(content) - 2):
            assert check(content[:end]).problems[0].code == "truncated"
            assert check(content[:end] + bytes(len(content) - end)).problems[0].code == "truncated"


@pytest.mark.parametrize("content", [BASELINE, GREY], ids=["baseline", "grey"])
@pytest.mark.parametrize("stray", [b"\x55", b"\0\0", b"\xff\0"])
def test_few_bytes_after_a_sequential_scan(content: bytes, stray: bytes) -> None:
    assert "extraneous" in reason(content[:-2] + stray + END)
    assert check(content[:-2] + b"\xff\xff" + END).state == "ready"


class TestWarnings:
    """libjpeg-turbo reports its first warning only: harmless ones do not hide one about the picture."""

    CUT = BASELINE[: len(BASELINE) // 2] + END

    @staticmethod
    def with_stray(content: bytes, stray: bytes) -> bytes:
        at = content.index(b"\xff\xdb")
        return content[:at] + stray + content[at:]

    WRONG_JFIF = (b"JFIF\0\1", b"JFIF\0\7")

    @pytest.mark.parametrize("stray", [b"\0", b"\0" * 16, b"\xff\x00\xff\x00", b"junk"])
    def test_stray_bytes_in_the_header(self, stray: bytes) -> None:
        assert check(self.with_stray(BASELINE, stray)).state == "ready"
        assert "premature" in reason(self.with_stray(self.CUT, stray))

    def test_many_stray_bytes_in_the_header(self) -> None:
        assert reason(self.with_stray(BASELINE, b"\0" * 17))

    def test_unknown_jfif_revision(self) -> None:
        assert check(BASELINE.replace(*self.WRONG_JFIF)).state == "ready"
        assert "premature" in reason(self.CUT.replace(*self.WRONG_JFIF))

    def test_unused_numbers_of_a_sequential_scan(self) -> None:
        def unused(part: Part) -> Part:
            return replace(part, content=part.content[:-3] + b"\0\0\0")

        assert check(changed(BASELINE, SCAN, unused)).state == "ready"
        assert "premature" in reason(changed(self.CUT, SCAN, unused))

    def test_unknown_colour_transform(self) -> None:
        adobe = segment(0xEE, b"Adobe\0\x64\0\0\0\0\7")
        assert check(with_segments(BASELINE, adobe)).state == "ready"

    def test_codes_that_do_not_exist(self) -> None:
        """The decoder's fast path passes over them: the data are nothing but ones."""
        picture = artwork.encode(artwork._image(984, 369, "L"), "JPEG", optimize=True)
        scan = next(part for part in split(picture) if part.name == SCAN)
        found = 0
        for start in range(0, len(scan.tail) - 40, 7):
            tail = scan.tail[:start] + b"\xff\0" * 4 + scan.tail[start + 8 :]
            report = check(changed(picture, SCAN, lambda part, tail=tail: replace(part, tail=tail)))
            found += "Huffman" in str(report)
        assert found


class TestScans:
    def test_first_scan_alone(self) -> None:
        parts = split(PROGRESSIVE)
        first = next(number for number, part in enumerate(parts) if part.name == SCAN)
        assert "scans are missing" in reason(join([*parts[: first + 1], parts[-1]]))

    def test_any_scan_that_is_missing(self) -> None:
        parts = split(PROGRESSIVE)
        for number, part in enumerate(parts):
            if part.name == SCAN:
                assert "scans" in reason(join(parts[:number] + parts[number + 1 :]))

    def test_scans_of_colours(self) -> None:
        def no_details(part: Part) -> Part | None:
            component, first = scan_header(part)
            return None if component > 1 and first else part

        assert "scans are missing" in reason(changed(PROGRESSIVE, SCAN, no_details))

    def test_colour_without_any_scan(self) -> None:
        def brightness_alone(part: Part) -> Part:
            return replace(part, content=b"\1\1\0" + part.content[-3:])

        assert "of a colour" in reason(changed(BASELINE, SCAN, brightness_alone))

    def test_scan_for_each_colour(self) -> None:
        """A sequential file may have them one after another: all of them are needed."""
        parts = split(GREY)
        frame = Part(FRAME, struct.pack(">BHHB", 8, 369, 984, 3) + b"\1\x11\0\2\x11\0\3\x11\0")
        scan = next(part for part in parts if part.name == SCAN)
        scans = [replace(scan, content=bytes((1, colour, 0, 0, 63, 0))) for colour in (1, 2, 3)]
        head = [frame if part.name == FRAME else part for part in parts[:-1] if part.name != SCAN]
        assert check(join([*head, *scans, parts[-1]])).state == "ready"
        assert "of a colour" in reason(join([*head, *scans[:2], parts[-1]]))

    @pytest.mark.parametrize(
        "header",
        [b"", b"\0" * 4, b"\1\1\0\0\0", b"\1\x09\0\0\x3f\0", b"\1\1\0\5\1\0", b"\1\1\0\0\x40\0", b"\1\1\0\5\5\0"],
    )  # fmt: skip
    def test_scan_with_impossible_header(self, header: bytes) -> None:
        parts = split(PROGRESSIVE)
        first = next(number for number, part in enumerate(parts) if part.name == SCAN)
        assert "scan" in reason(join([*parts[:first], replace(parts[first], content=header), *parts[first + 1 :]]))


class TestFrame:
    @pytest.mark.parametrize("components", [b"", b"\1\x11\0\2", b"\1\x31\0\2\x21\0\3\x11\0", b"\1\0\0\2\x11\0\3\x11\0"])
    def test_components_that_decoders_do_not_support(self, components: bytes) -> None:
        number = max(len(components) // 3, 1) if components else 0
        frame = struct.pack(">BHHB", 8, 369, 984, number) + components
        assert reason(changed(BASELINE, FRAME, lambda part: replace(part, content=frame)))

    @pytest.mark.parametrize("sampling", ["4:4:4", "4:2:2", "4:2:0", "4:1:1"])
    def test_usual_sampling(self, sampling: str) -> None:
        content = artwork.encode(artwork._image(984, 369, "RGB"), "JPEG", subsampling=sampling)
        assert check(content).state == "ready"


class TestMultiPicture:
    @staticmethod
    def index(number: int, order: str = ">") -> bytes:
        start = b"MM\0*" if order == ">" else b"II*\0"
        return start + struct.pack(f"{order}IHHHII", 8, 1, 0xB001, 4, 1, number)

    @pytest.mark.parametrize("order", ["<", ">"])
    def test_ultra_hdr_is_detected_by_index(self, order: str) -> None:
        content = with_segments(BASELINE, segment(0xE2, b"MPF\0" + self.index(2, order)))
        assert check(content).problems[0].code == "wrong_format"

    @pytest.mark.parametrize("index", [b"", b"XX\0*\0\0\0\x08", b"MM\0*\xff\xff\xff\xff\0\0", b"MM\0*\0\0\0\x08\0\0"])
    def test_index_that_cannot_be_read(self, index: bytes) -> None:
        assert check(with_segments(BASELINE, segment(0xE2, b"MPF\0" + index))).state == "ready"

    def test_mpf_one_picture_or_ultra_hdr(self) -> None:
        one = segment(0xE2, b"MPF\0" + self.index(1))
        assert check(with_segments(BASELINE, one)).state == "ready"
        hdr = segment(0xE1, b'http://ns.adobe.com/xap/1.0/\0<x hdrgm:Version="1.0"/>')
        two = segment(0xE2, b"MPF\0" + self.index(2))
        assert check(with_segments(BASELINE, hdr, two)).state == "ready"
