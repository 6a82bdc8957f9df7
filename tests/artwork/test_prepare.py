from __future__ import annotations

import io
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from airflow_provider_oppo_image.artwork import load as reading
from airflow_provider_oppo_image.artwork import resample
from airflow_provider_oppo_image.artwork.encode import encode
from airflow_provider_oppo_image.artwork.layout import FITS, Fit, Layout, compute_placement
from airflow_provider_oppo_image.artwork.prepare import Prepared, prepare
from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError, PictureAbsentError, PictureWrongError
from airflow_provider_oppo_image.pictures.check import check_bytes
from tests.support import artwork, bombs, color_profiles

RED, GREEN, BLUE = (255, 0, 0), (0, 255, 0), (0, 0, 255)
TOLERANCE = 6


def file_of(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:  # noqa: A002 - Pillow's own name for it
    return artwork.encode(image, format, **options)


def plain(colour: Any, size: tuple[int, int] = (1000, 400), mode: str = "RGB") -> Image.Image:
    return Image.new(mode, size, colour)


def beside(*colours: Any, size: tuple[int, int] = (1200, 1200)) -> Image.Image:
    """Columns of colours, from the left to the right."""
    image = plain(colours[0], size)
    for number, colour in enumerate(colours):
        image.paste(colour, (number * size[0] // len(colours), 0, *size))
    return image


def noise(width: int, height: int, seed: int = 1) -> Image.Image:
    return Image.frombytes("RGB", (width, height), random.Random(seed).randbytes(width * height * 3))  # noqa: S311 - noise


def shown(prepared: Prepared) -> Image.Image:
    with Image.open(io.BytesIO(prepared.body)) as image:
        return image.convert("RGBA")


def at(prepared: Prepared, x: float, y: float) -> tuple[int, ...]:
    """Return the colour at a point, given in fractions."""
    image = shown(prepared)
    pixel = image.getpixel((min(int(x * image.width), image.width - 1), min(int(y * image.height), image.height - 1)))
    assert isinstance(pixel, tuple)
    return pixel[:3]


def near(colour: tuple[int, ...], wanted: tuple[int, ...], tolerance: int = TOLERANCE) -> bool:
    return all(abs(one - other) <= tolerance for one, other in zip(colour, wanted, strict=True))


# Whatever comes in, what goes out passes.

MODES = ("1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16", "F", "LAB", "YCbCr")
FORMATS = {"LAB": "TIFF", "CMYK": "TIFF", "F": "TIFF", "YCbCr": "JPEG"}


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


@settings(max_examples=40, deadline=None)
@given(
    data=artworks(),
    kind=st.sampled_from(PICTURE_KINDS),
    fit=st.sampled_from(FITS),
    focus=st.tuples(st.floats(0, 1), st.floats(0, 1)),
    background=st.sampled_from(["white", "#123456"]),
    only=st.sampled_from([None, "JPEG"]),
)
def test_what_is_made_passes_the_check_without_a_warning(
    data: bytes, kind: PictureKind, fit: Fit, focus: tuple[float, float], background: str, only: Any
) -> None:
    prepared = prepare(kind, data, Layout(fit, focus, background, enlarge=True), only=only)
    report = check_bytes(kind, prepared.body, "made")
    assert (report.state, report.warnings) == ("ready", ())
    assert prepared.report.sha256 == report.sha256


@pytest.mark.parametrize("kind", PICTURE_KINDS)
@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "TIFF", "GIF", "BMP", "MPO", "AVIF", "JPEG2000", "PPM"])
def test_it_takes_every_format_that_pillow_reads(kind: PictureKind, format: str) -> None:  # noqa: A002 - as Pillow's
    prepared = prepare(kind, artwork.other_format(format, 1200, 600))
    assert (prepared.report.width, prepared.report.height) == (PICTURE_RULES[kind].width, PICTURE_RULES[kind].height)


def test_the_same_artwork_makes_the_same_bytes() -> None:
    data = file_of(noise(1100, 500))
    assert prepare("big", data).body == prepare("big", data).body


# Format and limit.


def test_what_fits_without_loss_is_a_png_of_those_very_pixels() -> None:
    image = artwork._image(984, 369)
    prepared = prepare("big", file_of(image))
    assert prepared.report.format == "PNG"
    assert shown(prepared).convert("RGB").tobytes() == image.tobytes()


@pytest.mark.parametrize("kind", PICTURE_KINDS)
def test_what_does_not_fit_is_a_jpeg_that_uses_the_limit(kind: PictureKind) -> None:
    rule = PICTURE_RULES[kind]
    prepared = prepare(kind, file_of(noise(rule.width, rule.height)))
    assert prepared.report.format == "JPEG"
    assert 0.97 * rule.recommended_bytes < len(prepared.body) <= rule.recommended_bytes


@pytest.mark.parametrize("limit", [3_000, 20_000, 45_000, 150_000])
def test_a_jpeg_is_of_the_highest_quality_that_fits(limit: int) -> None:
    prepared = prepare("big", artwork.png(1200, 600), only="JPEG", limit=limit)
    assert prepared.report.format == "JPEG"
    assert 0.85 * limit < len(prepared.body) <= limit


@pytest.mark.parametrize("order", [0, 0.3, 0.6])
def test_noise_too_is_of_the_highest_quality_that_fits(order: float) -> None:
    picture = Image.blend(noise(144, 144), artwork._image(144, 144), order)
    limits = range(36_000, 60_000, 1_000)
    made = [len(encode(picture, limit, "JPEG") or b"") for limit in limits]
    for limit, size in zip(limits, made, strict=True):
        assert size == max(one for one in made if one <= limit)


def test_red_text_keeps_its_colours_whole_and_soft_colours_do_not_cost_brightness() -> None:
    stripes = beside(*[RED, BLUE] * 123, size=(984, 369))
    soft = Image.merge("RGB", [noise(984, 369).convert("L")] * 3)
    soft = Image.blend(soft, artwork._image(984, 369), 0.4)
    for image, wanted in ((stripes, (1, 1)), (soft, (2, 2))):
        with Image.open(io.BytesIO(prepare("big", file_of(image), only="JPEG", limit=60_000).body)) as made:
            assert made.layer[0][1:3] == wanted  # type: ignore[attr-defined] # how Pillow tells the subsampling


def test_no_file_at_all_fits_a_limit_that_is_too_low() -> None:
    assert encode(noise(984, 369), 500) is None
    with pytest.raises(PictureWrongError, match="too_heavy: a picture of more than 500 bytes"):
        prepare("big", artwork.png(), limit=500)


def test_a_png_is_not_made_where_none_fits() -> None:
    with pytest.raises(PictureWrongError, match=r"too_heavy.*Let it become a JPEG"):
        prepare("big", file_of(noise(984, 369)), only="PNG")


# Layout.


@pytest.mark.parametrize(
    ("focus", "middle"),
    [((0, 0.5), RED), ((0.5, 0.5), GREEN), ((1, 0.5), BLUE), ((0.9, 0.1), BLUE), ((0.2, 0.9), RED)],
)
def test_what_is_cropped_lies_around_the_focus(focus: tuple[float, float], middle: tuple[int, ...]) -> None:
    prepared = prepare("small", file_of(beside(RED, GREEN, BLUE, size=(3000, 300))), Layout(focus=focus))
    assert near(at(prepared, 0.5, 0.5), middle)


def test_a_crop_ends_where_the_artwork_does() -> None:
    art = file_of(beside(RED, *[GREEN] * 8, BLUE, size=(1440, 144)))
    assert {at(prepare("small", art, Layout(focus=(0, 0))), x, 0.5) for x in (0, 0.99)} == {RED}
    assert {at(prepare("small", art, Layout(focus=(1, 1))), x, 0.5) for x in (0, 0.99)} == {BLUE}


def test_a_mere_crop_changes_no_pixel() -> None:
    image = noise(200, 144)
    prepared = prepare("small", file_of(image), Layout(focus=(1, 0.5)))
    crop = image.crop((56, 0, 200, 144))
    assert encode(crop, 50_000) == prepared.body


@pytest.mark.parametrize(("focus", "x"), [((0, 0), 0.1), ((0.5, 0.5), 0.5), ((1, 1), 0.9)])
def test_what_is_padded_lies_where_the_focus_says(focus: tuple[float, float], x: float) -> None:
    prepared = prepare("big", file_of(plain(RED, (400, 400))), Layout("contain", focus, "#00ff00"))
    colours = {compute_placement: at(prepared, compute_placement, 0.5) for compute_placement in (0.1, 0.5, 0.9)}
    assert colours == {compute_placement: RED if compute_placement == x else GREEN for compute_placement in colours}


@pytest.mark.parametrize("size", [(1, 4000), (4000, 1), (5000, 2)])
def test_artwork_of_any_shape_is_shown(size: tuple[int, int]) -> None:
    assert prepare("big", file_of(plain(RED, size)), Layout("contain", background="blue")).report.state == "ready"


@pytest.mark.parametrize(
    ("kind", "fit", "size", "needed"),
    [
        ("big", "cover", (983, 2000), "at least 984 px wide and 369 px high"),
        ("big", "cover", (2000, 368), "at least 984 px wide and 369 px high"),
        ("small", "contain", (143, 143), "at least 144 px wide or 144 px high"),
    ],
)
def test_artwork_that_is_too_small_is_refused_or_on_request_enlarged_with_a_note(
    kind: PictureKind, fit: Fit, size: tuple[int, int], needed: str
) -> None:
    data = file_of(plain(RED, size))
    with pytest.raises(PictureWrongError, match=rf"wrong_dimensions: .*too small.*{needed}.*--enlarge") as raised:
        prepare(kind, data, Layout(fit), shown="art.png")
    assert (raised.value.reports[0]["url"], raised.value.reports[0]["width"]) == ("art.png", size[0])
    [note] = prepare(kind, data, Layout(fit, enlarge=True)).notes
    assert "was enlarged 1.0" in note
    assert needed in note


@pytest.mark.parametrize(("kind", "fit", "size"), [("big", "cover", (984, 369)), ("small", "contain", (144, 9))])
def test_artwork_that_just_suffices_needs_no_leave(kind: PictureKind, fit: Fit, size: tuple[int, int]) -> None:
    assert prepare(kind, file_of(plain(RED, size)), Layout(fit)).notes == ()


# Scaling.


def test_scaling_averages_light() -> None:
    """Fine black and white lines look, from afar, as bright as half of the light, which sRGB writes as 188."""
    lines = beside(*[(0, 0, 0), (255, 255, 255)] * 984, size=(1968, 738))
    assert near(at(prepare("big", file_of(lines)), 0.5, 0.5), (188, 188, 188), 2)


def test_what_is_enlarged_keeps_its_balance() -> None:
    """Averaged as light, the lines' borders would be bright, and the picture brighter than its artwork."""
    lines = beside(*[(0, 0, 0), (255, 255, 255)] * 4, size=(8, 8))
    pixels = shown(prepare("small", file_of(lines), Layout(enlarge=True))).convert("L")
    assert 122 < sum(pixels.tobytes()) / 144**2 < 133


def test_transparent_lines_are_scaled_as_they_are_seen_on_the_background() -> None:
    image = Image.new("RGBA", (1968, 738), (0, 0, 0, 0))
    for column in range(0, 1968, 2):
        image.paste((0, 0, 0, 255), (column, 0, column + 1, 738))
    assert near(at(prepare("big", file_of(image)), 0.5, 0.5), (188, 188, 188), 2)


def test_what_lies_beyond_a_crop_counts_at_its_borders() -> None:
    image = noise(600, 1700)
    placement = compute_placement(image.size, (144, 144), Layout())
    plane = image.getchannel(0).point(resample._TO_LIGHT, "F")
    whole = plane.resize((144, 144), Image.Resampling.LANCZOS, box=placement.part)
    assert resample.resample(image, placement).getchannel(0).tobytes() == resample._values([whole])[0].tobytes()


def test_colours_that_cannot_be_seen_do_not_bleed() -> None:
    """Each second column is red and transparent: of it nothing may be seen."""
    image = Image.new("RGBA", (1968, 738), (255, 0, 0, 0))
    for column in range(0, 1968, 2):
        image.paste((0, 0, 255, 255), (column, 0, column + 1, 738))
    pixels = shown(prepare("big", file_of(image), Layout(background="transparent")))
    red, _, blue, alpha = pixels.split()
    assert alpha.getextrema()[0] > 100
    assert red.getextrema()[1] <= 3
    assert blue.getextrema()[0] >= 250


def test_flat_colour_stays_what_it_is() -> None:
    for size in ((5000, 3000), (985, 370), (500, 200)):
        prepared = prepare("big", file_of(plain((17, 130, 201), size)), Layout(enlarge=True))
        assert shown(prepared).convert("RGB").getcolors() == [(984 * 369, (17, 130, 201))]


def test_large_artwork_is_scaled_strip_by_strip_as_if_it_were_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    data = file_of(noise(2000, 1700))
    in_strips = prepare("small", data, Layout(focus=(0.3, 0.8))).body
    monkeypatch.setattr(resample, "_ROWS", 10_000)
    assert prepare("small", data, Layout(focus=(0.3, 0.8))).body == in_strips


# Colours and what else a file says.


def test_a_colour_profile_is_heeded() -> None:
    prepared = prepare("big", file_of(plain(RED), icc_profile=color_profiles.swapped()))
    assert near(at(prepared, 0.5, 0.5), BLUE, 12)
    with Image.open(io.BytesIO(prepared.body)) as image:
        assert "icc_profile" not in image.info


def test_a_profile_of_greys_is_heeded() -> None:
    for mode, colour in (("L", 128), ("LA", (128, 255))):
        prepared = prepare("big", file_of(plain(colour, mode=mode), icc_profile=color_profiles.grey(1.0)))
        assert near(at(prepared, 0.5, 0.5), (188, 188, 188), 3)


def test_a_profile_of_a_transparent_picture_leaves_the_transparency() -> None:
    data = file_of(plain((255, 0, 0, 128), mode="RGBA"), icc_profile=color_profiles.swapped())
    assert near(at(prepare("big", data), 0.5, 0.5), (127, 127, 255), 12)


@pytest.mark.parametrize("profile", [b"nonsense", color_profiles.grey(1.0)])
def test_a_profile_that_cannot_be_used_is_noted(profile: bytes) -> None:
    mode = "CMYK" if profile != b"nonsense" else "RGB"
    data = file_of(plain((0, 255, 255, 0) if mode == "CMYK" else RED, mode=mode), "JPEG", icc_profile=profile)
    prepared = prepare("big", data)
    assert near(at(prepared, 0.5, 0.5), RED)
    assert prepared.notes == ("Its colour profile cannot be used: its colours are taken to be sRGB.",)


@pytest.mark.parametrize(
    ("mode", "colour", "wanted"),
    [
        ("CMYK", (0, 255, 255, 0), RED),
        ("L", 77, (77, 77, 77)),
        ("1", 1, (255, 255, 255)),
        ("I;16", 77 * 257, (77, 77, 77)),
        ("F", 77.0, (77, 77, 77)),
        ("F", 0.5, (128, 128, 128)),
        ("LAB", (136, 208, 195), (250, 3, 11)),
    ],
)
def test_colours_of_all_kinds_are_shown_as_they_are_meant(mode: str, colour: Any, wanted: tuple[int, ...]) -> None:
    prepared = prepare("big", file_of(plain(colour, mode=mode), "TIFF"))
    assert near(at(prepared, 0.5, 0.5), wanted)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("format", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_a_picture_that_is_to_be_turned_is_turned_once(orientation: int, format: str) -> None:  # noqa: A002 - Pillow's
    exif = Image.Exif()
    exif[0x0112] = orientation
    upright = beside(RED, BLUE, size=(1200, 600))
    upright.paste(GREEN, (0, 300, 600, 600))
    undo = {
        2: [Image.Transpose.FLIP_LEFT_RIGHT],
        3: [Image.Transpose.ROTATE_180],
        4: [Image.Transpose.FLIP_TOP_BOTTOM],
        5: [Image.Transpose.TRANSPOSE],
        6: [Image.Transpose.ROTATE_90],
        7: [Image.Transpose.TRANSVERSE],
        8: [Image.Transpose.ROTATE_270],
    }
    stored = upright
    for step in undo.get(orientation, []):
        stored = stored.transpose(step)
    prepared = prepare("big", file_of(stored, format, exif=exif), Layout("contain", enlarge=True))
    for (x, y), colour in {(0.35, 0.2): RED, (0.35, 0.8): GREEN, (0.65, 0.5): BLUE}.items():
        assert near(at(prepared, x, y), colour, 12)


@pytest.mark.parametrize("format", ["GIF", "PNG", "WEBP"])
def test_of_what_moves_the_first_frame_is_taken(format: str) -> None:  # noqa: A002 - as Pillow's
    frames = [plain(colour) for colour in (RED, BLUE, GREEN)]
    prepared = prepare("big", file_of(frames[0], format, save_all=True, append_images=frames[1:], duration=100))
    assert near(at(prepared, 0.5, 0.5), RED)
    assert prepared.notes == ("It moves: its first frame is taken.",)


def test_what_is_transparent_shows_the_background() -> None:
    image = plain((0, 0, 255, 128), mode="RGBA")
    assert near(at(prepare("big", file_of(image)), 0.5, 0.5), (127, 127, 255), 2)
    assert near(at(prepare("big", file_of(image), Layout(background="red")), 0.5, 0.5), (127, 0, 128), 2)
    palette = plain(RED).quantize(4)
    data = file_of(palette, transparency=palette.getpixel((0, 0)))
    assert near(at(prepare("big", data, Layout(background="lime")), 0.5, 0.5), GREEN)


def test_transparency_is_kept_on_request() -> None:
    image = plain((0, 0, 255, 128), (400, 400), mode="RGBA")
    pixels = shown(prepare("big", file_of(image), Layout("contain", background="transparent")))
    assert pixels.getpixel((5, 180)) == (255, 255, 255, 0)
    assert pixels.getpixel((492, 180)) == (0, 0, 255, 128)


# What is refused.


def verdict(data: bytes) -> str:
    try:
        return prepare("big", data).report.state
    except PictureWrongError as error:
        return str(error.reports[0]["problems"][0]["code"])


@pytest.mark.parametrize("name", bombs.BOMBS)
def test_a_bomb_is_refused_in_our_words_or_harmless(name: str) -> None:
    assert verdict(bombs.BOMBS[name]()) in ("ready", "broken", "wrong_format", "wrong_dimensions")


def test_a_decompression_bomb_is_refused_before_it_is_decoded() -> None:
    for side in (9_460, 60_000):
        with pytest.raises(PictureWrongError, match=r"wrong_dimensions: .*at most 89,478,485 pixels"):
            prepare("big", artwork.header_bomb(side, side))


def test_artwork_that_is_too_heavy_is_not_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "MAX_BYTES", 1_000)
    with pytest.raises(PictureWrongError, match=r"too_heavy: .*at most 1,000 bytes"):
        prepare("big", artwork.png())


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (artwork.HTML, "wrong_format: content of the format web page"),
        (b"\0" * 100, "wrong_format: content of an unknown format"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 2000 1000\n%%EndComments\n", "wrong_format: .* EPS"),
        (artwork.cut(artwork.png(1200, 600)), "broken: a picture that cannot be decoded: .*truncated"),
        (artwork.transparent_png(), "invisible"),
    ],
    ids=["page", "zeros", "EPS", "cut", "invisible"],
)
def test_what_is_no_picture_is_refused_with_a_report(data: bytes, problem: str) -> None:
    layout = Layout(background="transparent")
    with pytest.raises(PictureWrongError, match=rf"^big picture art is wrong.*\n  {problem}") as raised:
        prepare("big", data, layout, shown="art")
    assert raised.value.reports[0]["state"] == "wrong"


def test_an_empty_file_may_still_come() -> None:
    with pytest.raises(PictureAbsentError, match="empty"):
        prepare("big", b"")


def test_nothing_that_fails_the_check_is_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    from airflow_provider_oppo_image.artwork import prepare as module

    monkeypatch.setattr(module, "encode", lambda *_: artwork.png(983, 369))
    with pytest.raises(PictureWrongError, match="wrong_dimensions"):
        prepare("big", artwork.png())
    monkeypatch.setattr(module, "encode", lambda *_: artwork.png_of_size(1_000_001))
    with pytest.raises(PictureWrongError, match="nearly_too_heavy"):
        prepare("big", artwork.png())


@pytest.mark.parametrize(
    ("layout", "words"),
    [
        ({"fit": "fill"}, "fit is 'fill'; it must be cover or contain"),
        ({"focus": (0.5, 1.01)}, "focus is .*two numbers from 0 to 1"),
        ({"focus": (0.5,)}, "focus is"),
        ({"focus": "centre"}, "focus is"),
        ({"focus": ("0.5", "0.5")}, "focus is"),
        ({"focus": (float("nan"), 0)}, "focus is"),
        ({"background": "nice"}, "background is 'nice'; it must be a colour"),
        ({"background": None}, "background is None"),
    ],
)
def test_a_layout_that_is_none_is_refused(layout: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        prepare("big", artwork.png(), Layout(**layout))


def test_a_jpeg_cannot_be_transparent() -> None:
    with pytest.raises(ConfigurationError, match="A JPEG has no transparency"):
        prepare("big", artwork.png(), Layout(background="transparent"), only="JPEG")


def test_a_kind_that_there_is_not_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="'huge'"):
        prepare("huge", artwork.png())  # type: ignore[arg-type] # what a user may write
