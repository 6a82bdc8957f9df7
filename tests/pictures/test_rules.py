from __future__ import annotations

import dataclasses

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.contract import PICTURE_RULES, PictureKind, PictureRule
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.pictures.image_info import BASE64, WEB_PAGE, ImageInfo
from airflow_provider_oppo_image.pictures.report import Problem
from airflow_provider_oppo_image.pictures.rules import judge_content, judge_url, judge_weight, warnings

BIG = PICTURE_RULES["big"]
SMALL = PICTURE_RULES["small"]
GOOD = ImageInfo("PNG", 984, 369)


def codes(problems: tuple[Problem, ...]) -> list[str]:
    return [problem.code for problem in problems]


@pytest.mark.parametrize("name", ["PNG", "JPEG"])
@pytest.mark.parametrize(("rule", "size"), [(BIG, (984, 369)), (SMALL, (144, 144))])
def test_judge_content_accepts_the_contract(name: str, rule: PictureRule, size: tuple[int, int]) -> None:
    assert judge_content(rule, ImageInfo(name, *size)) == ()


@pytest.mark.parametrize("size", [(983, 369), (985, 369), (984, 368), (984, 370), (369, 984), (1968, 738), (0, 0)])
def test_judge_content_requires_exact_dimensions(size: tuple[int, int]) -> None:
    (problem,) = judge_content(BIG, ImageInfo("PNG", *size))
    assert problem.code == "wrong_dimensions"
    assert problem.found.startswith(f"{size[0]} x {size[1]} px")
    assert problem.expected == "984 x 369 px"
    assert "984 x 369" in problem.advice
    assert "oppo-image prepare" in problem.advice


@pytest.mark.parametrize(
    ("rule", "size"), [(BIG, (876, 324)), (SMALL, (876, 324)), (BIG, (875, 324)), (BIG, (877, 324)), (BIG, (876, 325))]
)
def test_judge_content_names_the_legacy_size(rule: PictureRule, size: tuple[int, int]) -> None:
    (problem,) = judge_content(rule, ImageInfo("JPEG", *size))
    assert ("former size" in problem.found) == (rule is BIG and size == (876, 324))


@pytest.mark.parametrize(("rule", "size"), [(BIG, (144, 144)), (SMALL, (984, 369))])
def test_judge_content_names_exchanged_pictures(rule: PictureRule, size: tuple[int, int]) -> None:
    (problem,) = judge_content(rule, ImageInfo("PNG", *size))
    assert "exchanged" in problem.advice


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [({"animated": True}, "animated", "animated PNG"), ({"cmyk": True}, "cmyk", "CMYK"),
     ({"orientation": 3}, "exif_rotated", "rotated by 180 degrees"),
     ({"orientation": 8}, "exif_rotated", "rotated by 270 degrees"),
     ({"orientation": 2}, "exif_rotated", "mirrored"),
     ({"coding": "arithmetic coding"}, "unusual_coding", "arithmetic coding"),
     ({"broken": "a checksum is wrong"}, "broken", "a checksum is wrong"),
     ({"invisible": True}, "invisible", "transparent"), ({"truncated": True}, "truncated", "first part"),
     ({"format": "GIF"}, "wrong_format", "GIF"), ({"format": None}, "wrong_format", "unknown format"),
     ({"format": WEB_PAGE}, "wrong_format", "a web page"), ({"format": BASE64}, "wrong_format", "Base64 text")],
)  # fmt: skip
def test_judge_content_names_other_problems(change: dict[str, object], code: str, words: str) -> None:
    (problem,) = judge_content(BIG, dataclasses.replace(GOOD, **change))
    assert problem.code == code
    assert words in problem.found


@pytest.mark.parametrize("orientation", [5, 6, 7, 8])
def test_judge_content_explains_rotated_dimensions(orientation: int) -> None:
    dimensions, turned = judge_content(BIG, ImageInfo("JPEG", 369, 984, orientation=orientation))
    assert (dimensions.code, turned.code) == ("wrong_dimensions", "exif_rotated")
    assert dimensions.found == "369 x 984 px before the rotation in its EXIF"


@pytest.mark.parametrize(
    ("size", "orientation"), [((369, 984), 1), ((369, 984), 3), ((369, 984), 4), ((368, 984), 6), ((370, 984), 6)]
)
def test_judge_content_explains_only_matching_rotations(size: tuple[int, int], orientation: int) -> None:
    dimensions = judge_content(BIG, ImageInfo("JPEG", *size, orientation=orientation))[0]
    assert dimensions.found == f"{size[0]} x {size[1]} px"


def test_judge_content_returns_all_problems() -> None:
    found = judge_content(BIG, ImageInfo("JPEG", 10, 10, cmyk=True, orientation=8, coding="arithmetic coding"))
    assert codes(found) == ["wrong_dimensions", "cmyk", "exif_rotated", "unusual_coding"]


@pytest.mark.parametrize(
    ("rule", "recommended", "maximum"), [(BIG, 1_000_000, 1_048_576), (SMALL, 50_000, 51_200)], ids=["big", "small"]
)
def test_size_limits_are_inclusive(rule: PictureRule, recommended: int, maximum: int) -> None:
    sizes = (0, recommended, recommended + 1, maximum, maximum + 1)
    found = [codes(judge_weight(rule, size) + warnings(rule, size)) for size in sizes]
    assert found == [[], [], ["nearly_too_heavy"], ["nearly_too_heavy"], ["too_heavy"]]


def test_judge_weight_accepts_an_unknown_size() -> None:
    (problem,) = judge_weight(SMALL, None)
    assert problem.found == "more than 51,200 bytes"


def test_warnings_name_a_long_url() -> None:
    url = "https://cdn.example.com/"
    assert warnings(BIG, None, PictureUrl.parse(url.ljust(300, "u"))) == ()
    assert codes(warnings(BIG, None, PictureUrl.parse(url.ljust(301, "u")))) == ["long_url"]
    assert warnings(BIG, None, PictureUrl.parse("u" * 301)) == ()


@pytest.mark.parametrize(
    ("url", "code"),
    [("https://cdn.example.com/a.png", None), ("big.png", "bad_url"),
     ("https://user:secret@cdn.example.com/a.png", "credentials_in_url"),
     ("http://169.254.169.254/", "address_refused"), ("http://127.0.0.1/", "address_refused")],
)  # fmt: skip
def test_judge_url(url: str, code: str | None) -> None:
    problem = judge_url(PictureUrl.parse(url))
    assert (problem.code if problem else None) == code
    assert "secret" not in str(problem)


def test_judge_url_allows_private_addresses_on_request() -> None:
    assert judge_url(PictureUrl.parse("http://127.0.0.1/"), allow_private_addresses=True) is None
    assert judge_url(PictureUrl.parse("http://169.254.169.254/"), allow_private_addresses=True) is not None


_INFOS = st.builds(
    ImageInfo,
    st.sampled_from(["PNG", "JPEG", "GIF", None]),
    st.sampled_from([None, 984, 144, 1]),
    st.sampled_from([None, 369, 144, 1]),
    animated=st.booleans(),
    cmyk=st.booleans(),
    orientation=st.integers(1, 8),
    coding=st.none() | st.just("x"),
    invisible=st.booleans(),
    truncated=st.booleans(),
    broken=st.none() | st.just("x"),
)


@given(_INFOS, st.sampled_from(["big", "small"]))
def test_judge_content_accepts_nothing_else(info: ImageInfo, kind: PictureKind) -> None:
    rule = PICTURE_RULES[kind]
    problems = judge_content(rule, info)
    perfect = info in [ImageInfo(name, rule.width, rule.height) for name in ("PNG", "JPEG")]
    if info.width is not None and info.height is not None:
        assert (problems == ()) == perfect
    assert len(set(codes(problems))) == len(problems)
    assert all(problem.found and problem.expected and problem.advice for problem in problems)
