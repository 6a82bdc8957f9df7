from __future__ import annotations

import datetime
import email.utils

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.net.session import MAX_RETRY_AFTER_S, read_retry_after

NOW = "Fri, 01 May 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("header", "seconds"),
    [("0", 0), ("7", 7), (" 120 ", 120), ("000000000000090", 90), ("9" * 400, MAX_RETRY_AFTER_S),
     ("86401", MAX_RETRY_AFTER_S), ("Fri, 01 May 2026 12:00:30 GMT", 30), ("Fri, 01 May 2026 12:00:30", 30),
     ("Fri, 01 May 2026 14:00:30 +0200", 30), ("Fri, 01 May 2020 12:00:00 GMT", 0),
     ("Fri, 01 May 2099 12:00:00 GMT", MAX_RETRY_AFTER_S)],
)  # fmt: skip
def test_retry_after_is_parsed(header: str, seconds: float) -> None:
    assert read_retry_after({"Retry-After": header, "Date": NOW}) == seconds


@pytest.mark.parametrize("date", [{}, {"Date": "yesterday"}])
def test_retry_after_date_without_date_header_uses_clock(date: dict[str, str]) -> None:
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=60)
    header = email.utils.format_datetime(later, usegmt=True)
    assert read_retry_after({"Retry-After": header, **date}) == pytest.approx(60, abs=10)


def test_missing_retry_after_is_none() -> None:
    assert read_retry_after({"Date": NOW}) is None


@pytest.mark.parametrize("header", ["", "soon", "-1", "1.5", "٣", "Fri, 99 May 2026 99:00:00 GMT", "1 May"])
def test_invalid_retry_after_is_none(header: str) -> None:
    assert read_retry_after({"Retry-After": header, "Date": NOW}) is None


@given(st.text(), st.text() | st.none())
def test_any_headers_give_valid_retry_after(header: str, date: str | None) -> None:
    seconds = read_retry_after({"Retry-After": header} | ({} if date is None else {"Date": date}))
    assert seconds is None or 0 <= seconds <= MAX_RETRY_AFTER_S
