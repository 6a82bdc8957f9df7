from __future__ import annotations

import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.manifest import MAX_NAME, Row, read_row

BIG, SMALL = "https://cdn.example.com/big.jpg", "https://cdn.example.com/small.png"


def entry(**changes: Any) -> dict[str, Any]:
    return {"name": "spring", "big_picture_url": BIG, "small_picture_url": SMALL} | changes


def code(found: Row) -> str | None:
    return found.problem and found.problem.code


def test_a_row_has_a_name_and_pictures_by_kind() -> None:
    assert read_row(7, entry(campaign="x")) == Row(7, "spring", {"big": BIG, "small": SMALL})


@pytest.mark.parametrize("nothing", [None, "", "  ", "None", "null"])
def test_one_picture_is_enough(nothing: str | None) -> None:
    assert read_row(1, entry(small_picture_url=nothing)).pictures == {"big": BIG}
    assert read_row(1, entry(big_picture_url=nothing)).pictures == {"small": SMALL}
    assert code(read_row(1, entry(big_picture_url=nothing, small_picture_url=nothing))) == "row_no_url"


def test_spaces_around_mean_nothing() -> None:
    assert read_row(1, entry(name=" spring ", big_picture_url=f"\t{BIG} ")) == read_row(1, entry())


@pytest.mark.parametrize(("name", "read"), [(12, "12"), (1.5, "1.5"), ("春天 🌸", "春天 🌸"), ("a,\"b'", "a,\"b'")])
def test_a_number_and_any_text_in_a_line_is_a_name(name: object, read: str) -> None:
    assert (read_row(1, entry(name=name)).name, code(read_row(1, entry(name=name)))) == (read, None)


@pytest.mark.parametrize("name", [None, "", " ", "None", "null"])
def test_a_row_without_a_name_is_none(name: str | None) -> None:
    assert (code(read_row(1, entry(name=name))), read_row(1, entry(name=name)).name) == ("row_missing_name", "")
    assert code(read_row(1, {"big_picture_url": BIG})) == "row_missing_name"


@pytest.mark.parametrize("name", ["a\nb", "a\x00b", "\ufeffspring", "\ud800", "a\u202eb"])
def test_a_name_that_cannot_be_printed_is_none_and_is_not_shown(name: str) -> None:
    row = read_row(1, entry(name=name))
    assert (code(row), row.name, row.pictures) == ("row_name", "", {})


def test_a_name_has_a_longest_length_and_is_shown_as_far() -> None:
    assert code(read_row(1, entry(name="x" * MAX_NAME))) is None
    row = read_row(1, entry(name="x" * (MAX_NAME + 1)))
    assert (code(row), row.name) == ("row_name", "x" * MAX_NAME)
    assert row.problem is not None
    assert "251 characters" in row.problem.words
    assert "250 at most" in row.problem.words


@pytest.mark.parametrize(
    "url",
    [
        "cdn.example.com/big.jpg",
        "ftp://cdn.example.com/big.jpg",
        "https://user:pass-w0rd@cdn.example.com/big.jpg",
        "https:///big.jpg",
        "https://cdn.example.com/a b.jpg",
        "https://cdn.example.com/\ud800.jpg",
        "https://cdn.example.com/a\nb.jpg",
        "https://169.254.169.254/latest/meta-data",
        "https://cdn.example.com/" + "x" * 5_000,
        17,
        True,
        ["https://cdn.example.com/big.jpg"],
        {},
    ],
)
def test_what_is_no_picture_s_url_is_a_problem_of_its_row(url: object) -> None:
    row = read_row(3, entry(small_picture_url=url))
    assert (code(row), row.name, row.pictures) == ("row_url", "spring", {})
    assert row.problem is not None
    assert row.problem.words.startswith("small_picture_url: ")
    assert "pass-w0rd" not in row.problem.words


def test_a_private_host_is_left_to_the_check_since_the_service_asks_from_elsewhere() -> None:
    assert code(read_row(1, entry(big_picture_url="http://10.0.0.1/big.jpg"))) is None


@pytest.mark.parametrize("small", [BIG, f" {BIG}"])
def test_no_picture_is_big_and_small_at_once(small: str) -> None:
    assert code(read_row(1, entry(small_picture_url=small))) == "row_same_url"


@given(
    st.dictionaries(
        st.sampled_from(["name", "big_picture_url", "small_picture_url", "more"]),
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from([BIG, SMALL]),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        ),
    )
)
def test_whatever_an_entry_holds_is_a_row_that_can_be_written_down(entry: dict[str, Any]) -> None:
    row = read_row(1, entry)
    assert (row.problem is None) == bool(row.pictures)
    assert row.name.isprintable()
    assert len(row.name) <= MAX_NAME
    texts = [row.name, *row.pictures.values(), row.problem.words if row.problem else ""]
    assert "".join(texts).encode(sys.getdefaultencoding())
