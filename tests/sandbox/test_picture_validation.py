import pytest

from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES
from airflow_provider_oppo_image.sandbox.picture_validation import validate_picture
from airflow_provider_oppo_image.sandbox.responses import RefusedError
from tests.support import artwork

BIG, SMALL = PICTURE_RULES["big"], PICTURE_RULES["small"]


@pytest.mark.parametrize("kind", PICTURE_KINDS)
@pytest.mark.parametrize(("file_format", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_validate_picture_accepts_good_pictures(kind, file_format, media_type):
    picture = validate_picture(artwork.good(kind, file_format), PICTURE_RULES[kind])

    assert (picture.media_type, picture.content) == (media_type, artwork.good(kind, file_format))


@pytest.mark.parametrize("rule", [BIG, SMALL])
def test_validate_picture_accepts_the_size_limit(rule):
    picture = artwork.png_of_size(rule.max_bytes, rule.width, rule.height)

    assert validate_picture(picture, rule).content == picture


@pytest.mark.parametrize(
    ("content", "rule", "reason"),
    [
        (artwork.png(876, 324), BIG, "876 x 324 px, must be 984 x 369"),
        (artwork.png(984, 370), BIG, "984 x 370 px"),
        (artwork.png(983, 369), BIG, "983 x 369 px"),
        (artwork.good("big"), SMALL, "must be 144 x 144"),
        (artwork.png_of_size(BIG.max_bytes + 1), BIG, "larger than 1,048,576"),
        (artwork.png_of_size(SMALL.max_bytes + 1, 144, 144), SMALL, "larger than 51,200"),
        (artwork.other_format("WEBP"), BIG, "not a complete"),
        (artwork.other_format("GIF"), BIG, "not a complete"),
        (artwork.HTML, BIG, "not a complete"),
        (b"", BIG, "not a complete"),
        (artwork.cut(artwork.good("big", "PNG")), BIG, "not a complete"),
        (artwork.cut(artwork.good("big", "JPEG")), BIG, "not a complete"),
        (artwork.header_bomb(), BIG, "not a complete"),
    ],
)
def test_validate_picture_refuses_other_files_with_51(content, rule, reason):
    with pytest.raises(RefusedError, match=reason) as refused:
        validate_picture(content, rule)

    assert (refused.value.code, refused.value.status) == (51, 200)
