import pytest

from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES
from airflow_provider_oppo_image.sandbox.answers import RefusedError
from airflow_provider_oppo_image.sandbox.judge import validate_picture
from tests.support import artwork

BIG, SMALL = PICTURE_RULES["big"], PICTURE_RULES["small"]


@pytest.mark.parametrize("kind", PICTURE_KINDS)
@pytest.mark.parametrize(("file_format", "media_type"), [("PNG", "image/png"), ("JPEG", "image/jpeg")])
def test_a_good_picture_is_accepted_by_its_content(kind, file_format, media_type):
    picture = validate_picture(artwork.good(kind, file_format), PICTURE_RULES[kind])

    assert picture.media_type == media_type
    assert picture.content == artwork.good(kind, file_format)


@pytest.mark.parametrize("rule", [BIG, SMALL])
def test_the_largest_weight_is_still_accepted(rule):
    picture = artwork.png_of_size(rule.max_bytes, rule.width, rule.height)

    assert validate_picture(picture, rule).content == picture


@pytest.mark.parametrize(
    ("content", "rule", "says"),
    [
        (artwork.png(876, 324), BIG, "876 x 324 px, asked for 984 x 369"),
        (artwork.png(984, 370), BIG, "984 x 370 px"),
        (artwork.png(983, 369), BIG, "983 x 369 px"),
        (artwork.good("big"), SMALL, "asked for 144 x 144"),
        (artwork.png_of_size(BIG.max_bytes + 1), BIG, "larger than 1,048,576 bytes"),
        (artwork.png_of_size(SMALL.max_bytes + 1, 144, 144), SMALL, "larger than 51,200 bytes"),
        (artwork.other_format("WEBP"), BIG, "not a whole PNG or JPEG file"),
        (artwork.other_format("GIF"), BIG, "not a whole PNG or JPEG file"),
        (artwork.HTML, BIG, "not a whole PNG or JPEG file"),
        (b"", BIG, "not a whole PNG or JPEG file"),
        (artwork.cut(artwork.good("big", "PNG")), BIG, "not a whole PNG or JPEG file"),
        (artwork.cut(artwork.good("big", "JPEG")), BIG, "not a whole PNG or JPEG file"),
        (artwork.header_bomb(), BIG, "not a whole PNG or JPEG file"),
    ],
)
def test_what_the_contract_excludes_is_refused_with_51_and_the_reason(content, rule, says):
    with pytest.raises(RefusedError) as refused:
        validate_picture(content, rule)

    assert refused.value.code == 51
    assert refused.value.status == 200
    assert says in refused.value.why
