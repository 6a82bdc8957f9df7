from __future__ import annotations

import io
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from airflow_provider_oppo_image.artwork import load, resample
from airflow_provider_oppo_image.artwork import prepare as prepare_module
from airflow_provider_oppo_image.artwork.encode import encode, ssim
from airflow_provider_oppo_image.artwork.layout import FITS, Fit, Layout, compute_placement
from airflow_provider_oppo_image.artwork.prepare import Prepared, prepare
from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError, PictureAbsentError, PictureWrongError
from airflow_provider_oppo_image.pictures.check import check_bytes
from tests.support import artwork, bombs, color_profiles

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
BLACK, WHITE = (0, 0, 0), (255, 255, 255)


def file_of(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:  # noqa: A002 - Pillow's own name
    return artwork.encode(image, format, **options)


def plain(colour: Any, size: tuple[int, int] = (1000, 400), mode: str = "RGB") -> Image.Image:
    return Image.new(mode, size, colour)


def columns(*colours: Any, size: tuple[int, int] = (1200, 1200), mode: str = "RGB") -> Image.Image:
    """Columns of equal width, from left to right."""
    image = plain(colours[0], size, mode)
    for number, colour in enumerate(colours):
        image.paste(colour, (number * size[0] // len(colours), 0, *size))
    return image


def noise(width: int, height: int, seed: int = 1) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(seed).randbytes(width * height * 3))  # noqa: S311 - noise


def decoded(prepared: Prepared) -> Image.Image:
    with Image.open(io.BytesIO(prepared.body)) as image:
        return image.convert("RGBA")


def colour_at(prepared: Prepared, x: float, y: float) -> tuple[int, ...]:
    """Return the colour at a point, given as fractions."""
    image = decoded(prepared)
    pixel = image.getpixel((min(int(x * image.width), image.width - 1), min(int(y * image.height), image.height - 1)))
    assert isinstance(pixel, tuple)
    return pixel[:3]


def near(colour: tuple[int, ...], other: tuple[int, ...], tolerance: int = 6) -> bool:
    return all(abs(one - two) <= tolerance for one, two in zip(colour, other, strict=True))


MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "LAB", "YCbCr")
FORMATS = {"LAB": "TIFF", "CMYK": "TIFF", "YCbCr": "JPEG"}


@st.composite
def artworks(draw: st.DrawFn) -> bytes:
    width, height = draw(st.integers(1, 1300)), draw(st.integers(1, 700))
    mode = draw(st.sampled_from(MODES))
    content = noise(width, height, draw(st.integers(0, 9))) if draw(st.booleans()) else artwork._image(width, height)
    if mode == "I;16":
        image = content.convert("L").convert("I").point(lambda value: value * 256).convert("I;16")
    elif mode == "LAB":
        image = plain((90, 120, 130), (width, height), mode)
    else:
        image = content.convert(mode)
    if "A" in mode and mode != "LAB":
        image.putalpha(content.convert("L").point(lambda value: max(value, 1)))
    return file_of(image, FORMATS.get(mode, "PNG"))


class TestPrepare:
    @given(
        data=artworks(),
        kind=st.sampled_from(PICTURE_KINDS),
        fit=st.sampled_from(FITS),
        focus=st.tuples(st.floats(0, 1), st.floats(0, 1)),
        background=st.sampled_from(["white", "#123456"]),
        only=st.sampled_from([None, "JPEG"]),
    )
    def test_any_artwork_passes_the_check_without_a_warning(
        self, data: bytes, kind: PictureKind, fit: Fit, focus: tuple[float, float], background: str, only: Any
    ) -> None:
        prepared = prepare(kind, data, Layout(fit, focus, background, enlarge=True), only=only)
        report = check_bytes(kind, prepared.body, "made")
        assert (report.state, report.warnings) == ("ready", ())
        assert prepared.report.sha256 == report.sha256

    @pytest.mark.parametrize("kind", PICTURE_KINDS)
    @pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "MPO", "AVIF", "JPEG2000", "PPM"])
    def test_reads_every_format_of_pillow(self, kind: PictureKind, format: str) -> None:  # noqa: A002 - as Pillow's
        report = prepare(kind, artwork.other_format(format, 1200, 600)).report
        assert (report.width, report.height) == (PICTURE_RULES[kind].width, PICTURE_RULES[kind].height)

    def test_is_deterministic(self) -> None:
        data = file_of(noise(300, 200))
        assert prepare("small", data).body == prepare("small", data).body

    @pytest.mark.parametrize(
        ("kind", "fit", "size", "needed"),
        [("big", "cover", (983, 2000), "at least 984 px wide and 369 px high"),
         ("big", "cover", (2000, 368), "at least 984 px wide and 369 px high"),
         ("small", "contain", (143, 143), "at least 144 px wide or 144 px high")],
    )  # fmt: skip
    def test_small_artwork_is_enlarged_only_on_request(
        self, kind: PictureKind, fit: Fit, size: tuple[int, int], needed: str
    ) -> None:
        data = file_of(plain(RED, size))
        with pytest.raises(PictureWrongError, match=f"wrong_dimensions: .*{needed}.*--enlarge") as raised:
            prepare(kind, data, Layout(fit), display_name="art.png")
        assert (raised.value.reports[0]["url"], raised.value.reports[0]["width"]) == ("art.png", size[0])
        [note] = prepare(kind, data, Layout(fit, enlarge=True)).notes
        assert needed in note

    @pytest.mark.parametrize(("kind", "fit", "size"), [("big", "cover", (984, 369)), ("small", "contain", (144, 9))])
    def test_sufficient_artwork_has_no_notes(self, kind: PictureKind, fit: Fit, size: tuple[int, int]) -> None:
        assert prepare(kind, file_of(plain(RED, size)), Layout(fit)).notes == ()

    def test_checks_its_own_result(self, monkeypatch: pytest.MonkeyPatch) -> None:
        for made, code in ((artwork.png(983, 369), "wrong_dimensions"), (artwork.png_of_size(1_000_001), "nearly")):
            monkeypatch.setattr(prepare_module, "encode", lambda *_, made=made: made)
            with pytest.raises(PictureWrongError, match=code):
                prepare("big", artwork.png(1000, 400))

    def test_rejects_a_transparent_jpeg(self) -> None:
        with pytest.raises(ConfigurationError, match="has no transparency"):
            prepare("big", artwork.png(), Layout(background="transparent"), only="JPEG")

    def test_rejects_an_unknown_kind(self) -> None:
        with pytest.raises(ConfigurationError, match="'huge'"):
            prepare("huge", artwork.png())  # type: ignore[arg-type] # what a user may write

    @pytest.mark.parametrize("background", ["nice", None])
    def test_rejects_an_unknown_background(self, background: Any) -> None:
        with pytest.raises(ConfigurationError, match="background must be a colour"):
            prepare("big", artwork.png(), Layout(background=background))


class TestEncode:
    def test_is_a_lossless_png_if_it_fits(self) -> None:
        image = artwork._image(984, 369)
        prepared = prepare("big", file_of(image))
        assert prepared.report.format == "PNG"
        assert decoded(prepared).convert("RGB").tobytes() == image.tobytes()

    @pytest.mark.parametrize("kind", PICTURE_KINDS)
    def test_is_a_jpeg_near_the_limit_otherwise(self, kind: PictureKind) -> None:
        rule = PICTURE_RULES[kind]
        prepared = prepare(kind, file_of(noise(rule.width, rule.height)))
        assert prepared.report.format == "JPEG"
        assert 0.97 * rule.recommended_bytes < len(prepared.body) <= rule.recommended_bytes

    @pytest.mark.parametrize("limit", [3_000, 20_000, 45_000, 150_000])
    def test_jpeg_has_highest_quality_that_fits(self, limit: int) -> None:
        prepared = prepare("big", artwork.png(1200, 600), only="JPEG", limit=limit)
        assert prepared.report.format == "JPEG"
        assert 0.85 * limit < len(prepared.body) <= limit

    @pytest.mark.parametrize("order", [0, 0.3, 0.6])
    def test_noise_has_the_highest_quality_that_fits(self, order: float) -> None:
        picture = Image.blend(noise(144, 144), artwork._image(144, 144), order)
        limits = range(36_000, 60_000, 1_000)
        sizes = [len(encode(picture, limit, "JPEG") or b"") for limit in limits]
        for limit, size in zip(limits, sizes, strict=True):
            assert size == max(each for each in sizes if each <= limit)

    def test_chroma_is_subsampled_where_it_is_better(self) -> None:
        stripes = columns(*[RED, BLUE] * 123, size=(984, 369))
        soft = Image.merge("RGB", [noise(984, 369).convert("L")] * 3)
        soft = Image.blend(soft, artwork._image(984, 369), 0.4)
        for image, sampling in ((stripes, (1, 1)), (soft, (2, 2))):
            with Image.open(io.BytesIO(prepare("big", file_of(image), only="JPEG", limit=60_000).body)) as made:
                assert made.layer[0][1:3] == sampling  # type: ignore[attr-defined] # Pillow's subsampling

    def test_ssim_decreases_with_the_quality(self) -> None:
        image = artwork._image(144, 144)
        values = [ssim(image, file_of(image, "JPEG", quality=quality)) for quality in (95, 50, 5)]
        assert ssim(image, file_of(image)) == pytest.approx(1)
        assert 1 > values[0] > values[1] > values[2] > 0

    def test_limit_can_be_too_low(self) -> None:
        assert encode(noise(984, 369), 500) is None
        with pytest.raises(PictureWrongError, match=r"too_heavy: .* 500 bytes"):
            prepare("big", artwork.png(), limit=500)

    def test_too_heavy_only_png(self) -> None:
        with pytest.raises(PictureWrongError, match="too_heavy"):
            prepare("big", file_of(noise(984, 369)), only="PNG")


class TestLayout:
    @pytest.mark.parametrize(
        ("focus", "middle"),
        [((0, 0.5), RED), ((0.5, 0.5), GREEN), ((1, 0.5), BLUE), ((0.9, 0.1), BLUE), ((0.2, 0.9), RED)],
    )
    def test_cover_crops_around_the_focus(self, focus: tuple[float, float], middle: tuple[int, ...]) -> None:
        prepared = prepare("small", file_of(columns(RED, GREEN, BLUE, size=(3000, 300))), Layout(focus=focus))
        assert near(colour_at(prepared, 0.5, 0.5), middle)

    def test_cover_stays_within_the_artwork(self) -> None:
        art = file_of(columns(RED, *[GREEN] * 8, BLUE, size=(1440, 144)))
        for focus, colour in (((0, 0), RED), ((1, 1), BLUE)):
            prepared = prepare("small", art, Layout(focus=focus))
            assert {colour_at(prepared, x, 0.5) for x in (0, 0.99)} == {colour}

    def test_crop_without_scaling_keeps_pixels(self) -> None:
        image = noise(200, 144)
        prepared = prepare("small", file_of(image), Layout(focus=(1, 0.5)))
        assert encode(image.crop((56, 0, 200, 144)), 50_000) == prepared.body

    @pytest.mark.parametrize(("focus", "x"), [((0, 0), 0.1), ((0.5, 0.5), 0.5), ((1, 1), 0.9)])
    def test_contain_pads_around_the_focus(self, focus: tuple[float, float], x: float) -> None:
        prepared = prepare("big", file_of(plain(RED, (400, 400))), Layout("contain", focus, "#00ff00"))
        colours = {each: colour_at(prepared, each, 0.5) for each in (0.1, 0.5, 0.9)}
        assert colours == {each: RED if each == x else GREEN for each in colours}

    @pytest.mark.parametrize("size", [(1, 4000), (4000, 1), (5000, 2)])
    def test_contain_accepts_any_aspect_ratio(self, size: tuple[int, int]) -> None:
        assert prepare("big", file_of(plain(RED, size)), Layout("contain", background="blue")).report.state == "ready"

    @pytest.mark.parametrize(
        "options",
        [{"fit": "fill"}, {"focus": (0.5, 1.01)}, {"focus": (0.5,)}, {"focus": "centre"},
         {"focus": ("0.5", "0.5")}, {"focus": (float("nan"), 0)}],
    )  # fmt: skip
    def test_rejects_invalid_options(self, options: dict[str, Any]) -> None:
        with pytest.raises(ConfigurationError, match=f"{next(iter(options))} must be"):
            Layout(**options)


class TestResample:
    def test_downscaling_averages_light(self) -> None:
        """The mean of black and white lines is half of the light, which is 188 in sRGB."""
        lines = columns(*[BLACK, WHITE] * 984, size=(1968, 738))
        transparent = columns(*[(0, 0, 0, 255), (0, 0, 0, 0)] * 984, size=(1968, 738), mode="RGBA")
        for image in (lines, transparent):
            assert near(colour_at(prepare("big", file_of(image)), 0.5, 0.5), (188, 188, 188), 2)

    def test_upscaling_keeps_the_mean(self) -> None:
        lines = columns(*[BLACK, WHITE] * 4, size=(8, 8))
        pixels = decoded(prepare("small", file_of(lines), Layout(enlarge=True))).convert("L")
        assert 122 < sum(pixels.tobytes()) / 144**2 < 133

    def test_uses_pixels_outside_the_crop(self) -> None:
        image = noise(600, 1700)
        placement = compute_placement(image.size, (144, 144), Layout())
        light = image.getchannel(0).point(resample._TO_LIGHT, "F")
        complete = light.resize((144, 144), Image.Resampling.LANCZOS, box=placement.part)
        assert resample.resample(image, placement).getchannel(0).tobytes() == resample._to_srgb([complete])[0].tobytes()

    def test_ignores_the_colour_of_transparent_pixels(self) -> None:
        image = columns(*[(0, 0, 255, 255), (255, 0, 0, 0)] * 984, size=(1968, 738), mode="RGBA")
        red, _, blue, alpha = decoded(prepare("big", file_of(image), Layout(background="transparent"))).split()
        assert alpha.getextrema()[0] > 100
        assert red.getextrema()[1] <= 3
        assert blue.getextrema()[0] >= 250

    @pytest.mark.parametrize("size", [(2000, 1200), (985, 370), (500, 200)])
    def test_keeps_flat_colour(self, size: tuple[int, int]) -> None:
        prepared = prepare("big", file_of(plain((17, 130, 201), size)), Layout(enlarge=True))
        assert decoded(prepared).convert("RGB").getcolors() == [(984 * 369, (17, 130, 201))]

    def test_strips_do_not_change_the_result(self, monkeypatch: pytest.MonkeyPatch) -> None:
        data = file_of(noise(2000, 1700))
        in_strips = prepare("small", data, Layout(focus=(0.3, 0.8))).body
        monkeypatch.setattr(resample, "_ROWS", 10_000)
        assert prepare("small", data, Layout(focus=(0.3, 0.8))).body == in_strips


class TestReadArtwork:
    def test_applies_a_colour_profile(self) -> None:
        prepared = prepare("big", file_of(plain(RED), icc_profile=color_profiles.swapped()))
        assert near(colour_at(prepared, 0.5, 0.5), BLUE, 12)
        with Image.open(io.BytesIO(prepared.body)) as image:
            assert "icc_profile" not in image.info

    @pytest.mark.parametrize(("mode", "colour"), [("L", 128), ("LA", (128, 255))])
    def test_applies_a_grey_profile(self, mode: str, colour: Any) -> None:
        prepared = prepare("big", file_of(plain(colour, mode=mode), icc_profile=color_profiles.grey(1.0)))
        assert near(colour_at(prepared, 0.5, 0.5), (188, 188, 188), 3)

    def test_profile_keeps_transparency(self) -> None:
        data = file_of(plain((255, 0, 0, 128), mode="RGBA"), icc_profile=color_profiles.swapped())
        assert near(colour_at(prepare("big", data), 0.5, 0.5), (127, 127, 255), 12)

    @pytest.mark.parametrize(
        ("profile", "mode", "colour"), [(b"nonsense", "RGB", RED), (color_profiles.grey(1.0), "CMYK", (0, 255, 255, 0))]
    )
    def test_notes_an_unusable_profile(self, profile: bytes, mode: str, colour: Any) -> None:
        prepared = prepare("big", file_of(plain(colour, mode=mode), "JPEG", icc_profile=profile))
        assert near(colour_at(prepared, 0.5, 0.5), RED)
        assert prepared.notes == (load._PROFILE_UNUSABLE,)

    @pytest.mark.parametrize(
        ("mode", "colour", "expected"),
        [("CMYK", (0, 255, 255, 0), RED), ("L", 77, (77, 77, 77)), ("1", 1, WHITE),
         ("I;16", 77 * 257, (77, 77, 77)), ("LAB", (136, 208, 195), (250, 3, 11))],
    )  # fmt: skip
    def test_converts_all_modes(self, mode: str, colour: Any, expected: tuple[int, ...]) -> None:
        prepared = prepare("big", file_of(plain(colour, mode=mode), "TIFF"))
        assert near(colour_at(prepared, 0.5, 0.5), expected)

    @pytest.mark.parametrize("orientation", range(1, 9))
    @pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
    def test_applies_the_exif_orientation_once(self, orientation: int, format: str) -> None:  # noqa: A002 - Pillow's
        exif = Image.Exif()
        exif[0x0112] = orientation
        upright = columns(RED, BLUE, size=(1200, 600))
        upright.paste(GREEN, (0, 300, 600, 600))
        undo = {
            2: Image.Transpose.FLIP_LEFT_RIGHT,
            3: Image.Transpose.ROTATE_180,
            4: Image.Transpose.FLIP_TOP_BOTTOM,
            5: Image.Transpose.TRANSPOSE,
            6: Image.Transpose.ROTATE_90,
            7: Image.Transpose.TRANSVERSE,
            8: Image.Transpose.ROTATE_270,
        }
        stored = upright.transpose(undo[orientation]) if orientation in undo else upright
        prepared = prepare("big", file_of(stored, format, exif=exif), Layout("contain", enlarge=True))
        for (x, y), colour in {(0.35, 0.2): RED, (0.35, 0.8): GREEN, (0.65, 0.5): BLUE}.items():
            assert near(colour_at(prepared, x, y), colour, 12)

    @pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
    def test_uses_the_first_frame_of_an_animation(self, format: str) -> None:  # noqa: A002 - as Pillow's
        frames = [plain(colour) for colour in (RED, BLUE, GREEN)]
        prepared = prepare("big", file_of(frames[0], format, save_all=True, append_images=frames[1:], duration=100))
        assert near(colour_at(prepared, 0.5, 0.5), RED)
        assert prepared.notes == (load._ANIMATED,)

    def test_transparency_shows_the_background(self) -> None:
        data = file_of(plain((0, 0, 255, 128), mode="RGBA"))
        assert near(colour_at(prepare("big", data), 0.5, 0.5), (127, 127, 255), 2)
        assert near(colour_at(prepare("big", data, Layout(background="red")), 0.5, 0.5), (127, 0, 128), 2)
        palette = plain(RED).quantize(4)
        data = file_of(palette, transparency=palette.getpixel((0, 0)))
        assert near(colour_at(prepare("big", data, Layout(background="lime")), 0.5, 0.5), GREEN)

    def test_transparency_is_kept_on_request(self) -> None:
        image = plain((0, 0, 255, 128), (400, 400), mode="RGBA")
        pixels = decoded(prepare("big", file_of(image), Layout("contain", background="transparent")))
        assert pixels.getpixel((5, 180)) == (255, 255, 255, 0)
        assert pixels.getpixel((492, 180)) == (0, 0, 255, 128)

    @pytest.mark.parametrize("name", bombs.BOMBS)
    def test_bomb_is_rejected_or_harmless(self, name: str) -> None:
        try:
            state = prepare("big", bombs.BOMBS[name]()).report.state
        except PictureWrongError as error:
            state = error.reports[0]["problems"][0]["code"]
        assert state in ("ready", "broken", "wrong_format", "wrong_dimensions")

    @pytest.mark.parametrize("side", [8_193, 60_000])
    def test_rejects_too_many_pixels_before_decoding(self, side: int) -> None:
        with pytest.raises(PictureWrongError, match=r"wrong_dimensions: .*at most 67,108,864 pixels"):
            prepare("big", artwork.header_bomb(side, side))

    def test_rejects_a_file_that_is_too_heavy(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(load, "MAX_BYTES", 1_000)
        with pytest.raises(PictureWrongError, match=r"too_heavy: .*at most 1,000 bytes"):
            prepare("big", artwork.png())

    @pytest.mark.parametrize(
        ("data", "problem"),
        [(artwork.HTML, "wrong_format: .* web page"), (b"\0" * 100, "wrong_format: .* unknown format"),
         (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 2000 1000\n%%EndComments\n", "wrong_format: .* EPS"),
         (artwork.cut(artwork.png(1200, 600)), "broken: .*truncated"),
         (artwork.transparent_png(), "invisible")],
        ids=["page", "zeros", "EPS", "cut", "invisible"],
    )  # fmt: skip
    def test_rejects_other_files_with_a_report(self, data: bytes, problem: str) -> None:
        layout = Layout(background="transparent")
        with pytest.raises(PictureWrongError, match=rf"^big picture art is wrong.*\n  {problem}") as raised:
            prepare("big", data, layout, display_name="art")
        assert raised.value.reports[0]["state"] == "wrong"

    def test_empty_file_is_absent(self) -> None:
        with pytest.raises(PictureAbsentError, match="empty"):
            prepare("big", b"")
