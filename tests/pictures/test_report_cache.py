from __future__ import annotations

import pytest

from airflow_provider_oppo_image.net.session import Validators, read_validators
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.pictures import report_cache
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.pictures.report_cache import MAX_AGE_S, PictureKey, ReportCache

URL = "https://h/big.png"
KEY: PictureKey = ("big", PictureUrl.parse(URL))
OTHER: PictureKey = ("big", PictureUrl.parse("https://h/other.png"))
VALIDATORS = Validators(URL, '"1"', None)

MODIFIED = "Tue, 24 Nov 2026 10:00:00 GMT"
A_MINUTE_LATER = "Tue, 24 Nov 2026 10:01:00 GMT"
TOO_SOON = "Tue, 24 Nov 2026 10:00:59 GMT"


def report(state: str = "ready") -> PictureReport:
    return PictureReport("big", URL, state)  # type: ignore[arg-type]  # a state


class TestReportCache:
    def test_put_keeps_ready_and_wrong_but_not_absent(self) -> None:
        cache = ReportCache()
        for state in ("ready", "wrong"):
            cache.put(KEY, report(state), VALIDATORS)
            entry = cache.get(KEY)
            assert entry is not None
            assert (entry.report.state, entry.validators) == (state, VALIDATORS)
        cache.put(KEY, report("absent"), VALIDATORS)
        assert cache.get(KEY) is None

    @pytest.mark.parametrize(("jitter", "seconds"), [(0.0, MAX_AGE_S / 2), (1.0, MAX_AGE_S)])
    def test_validators_expire_even_if_revalidated(self, jitter: float, seconds: float) -> None:
        now = 0.0
        cache = ReportCache(lambda: now, lambda: jitter)
        cache.put(KEY, report(), VALIDATORS)
        cache.mark_unmodified(KEY)
        now = seconds - 0.1
        assert (entry := cache.get(KEY)) is not None
        assert entry.validators == VALIDATORS
        now = seconds
        assert (entry := cache.get(KEY)) is not None
        assert (entry.validators, entry.report) == (None, report())

    def test_unmodified_lists_pictures_until_the_next_download(self) -> None:
        cache = ReportCache()
        cache.put(KEY, report(), VALIDATORS)
        assert cache.unmodified([KEY]) == []
        cache.mark_unmodified(KEY)
        assert cache.unmodified([KEY, OTHER]) == [KEY]
        cache.put(KEY, report(), VALIDATORS)
        assert cache.unmodified([KEY]) == []
        cache.mark_unmodified(OTHER)
        assert cache.get(OTHER) is None

    def test_put_removes_the_oldest_entry(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(report_cache, "MAX_ENTRIES", 2)
        cache = ReportCache()
        keys: list[PictureKey] = [("big", PictureUrl.parse(f"https://h/{number}.png")) for number in range(3)]
        for key in (*keys[:2], keys[0], keys[2]):
            cache.put(key, report(), VALIDATORS)
        assert [cache.get(key) is not None for key in keys] == [True, False, True]


class TestReadValidators:
    @pytest.mark.parametrize("etag", ['"1a2b"', 'W/"1a2b"', "unquoted"])
    def test_etag(self, etag: str) -> None:
        found = read_validators(URL, {"ETag": etag})
        assert found == Validators(URL, etag, None)
        assert found.conditional_headers() == {"If-None-Match": etag}

    def test_last_modified(self) -> None:
        found = read_validators(URL, {"Last-Modified": MODIFIED, "Date": A_MINUTE_LATER})
        assert found == Validators(URL, None, MODIFIED)
        assert found.conditional_headers() == {"If-Modified-Since": MODIFIED}

    def test_recently_modified_file_has_none(self) -> None:
        headers = {"Last-Modified": MODIFIED, "Date": TOO_SOON}
        assert read_validators(URL, headers) is None
        assert read_validators(URL, {**headers, "ETag": '"made-of-the-time"'}) is None

    @pytest.mark.parametrize("date", ["", "yesterday", "Tue, 99 Nov 2026 10:01:00 GMT"])
    def test_invalid_date_is_ignored(self, date: str) -> None:
        assert read_validators(URL, {"Last-Modified": MODIFIED, "Date": date}) is None
        headers = {"ETag": '"1"', "Last-Modified": date or "x", "Date": A_MINUTE_LATER}
        assert read_validators(URL, headers) == Validators(URL, '"1"', None)

    @pytest.mark.parametrize("etag", ["", " ", '"é"', '"a\r\n b"', '"a\0"', '"' + "x" * 200 + '"'])
    def test_unusable_etag_is_ignored(self, etag: str) -> None:
        assert read_validators(URL, {"ETag": etag}) is None
