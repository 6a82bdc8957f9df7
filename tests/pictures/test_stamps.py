from __future__ import annotations

import pytest

from airflow_provider_oppo_image.pictures.report_cache import Validators, read_validators

URL = "https://h/big.png"
WRITTEN = "Tue, 24 Nov 2026 10:00:00 GMT"
LATER = "Tue, 24 Nov 2026 10:01:00 GMT"
TOO_SOON = "Tue, 24 Nov 2026 10:00:59 GMT"


def stamp(**headers: str) -> Validators | None:
    return read_validators(URL, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.mark.parametrize("etag", ['"1a2b"', 'W/"1a2b"', "unquoted"])
def test_an_etag_marks_a_version(etag: str) -> None:
    found = stamp(ETag=etag)
    assert found == Validators(URL, etag, None)
    assert found.conditions() == {"If-None-Match": etag}


def test_so_does_a_time_that_is_long_enough_ago_by_the_hosts_own_clock() -> None:
    found = stamp(Last_Modified=WRITTEN, Date=LATER)
    assert found is not None
    assert found.conditions() == {"If-Modified-Since": WRITTEN}


def test_both_are_asked_about() -> None:
    found = stamp(ETag='"1"', Last_Modified=WRITTEN, Date=LATER)
    assert found is not None
    assert found.conditions() == {"If-None-Match": '"1"', "If-Modified-Since": WRITTEN}


def test_what_was_written_just_now_may_be_written_again_in_the_same_second() -> None:
    assert stamp(Last_Modified=WRITTEN, Date=TOO_SOON) is None
    assert stamp(ETag='"made-of-the-time"', Last_Modified=WRITTEN, Date=TOO_SOON) is None


@pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Nov 2026 10:01:00 GMT"])
def test_a_time_that_cannot_be_compared_marks_nothing(date: str) -> None:
    assert stamp(Last_Modified=WRITTEN, Date=date) is None
    assert stamp(ETag='"1"', Last_Modified=date or "x", Date=LATER) == Validators(URL, '"1"', None)


@pytest.mark.parametrize("etag", ["", " ", '"é"', '"a\r\n b"', '"a\0"', '"' + "x" * 200 + '"'])
def test_what_cannot_be_sent_back_as_it_came_marks_nothing(etag: str) -> None:
    assert stamp(ETag=etag) is None


def test_no_header_marks_nothing() -> None:
    assert stamp() is None
