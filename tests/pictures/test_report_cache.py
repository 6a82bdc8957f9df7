from __future__ import annotations

import pytest

from airflow_provider_oppo_image.pictures import report_cache
from airflow_provider_oppo_image.pictures.report import PictureReport
from airflow_provider_oppo_image.pictures.report_cache import MAX_AGE_S, PictureKey, ReportCache, Validators

PLACE: PictureKey = ("big", "https://h/big.png")
STAMP = Validators(PLACE[1], '"1"', None)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def report(state: str = "ready") -> PictureReport:
    return PictureReport("big", PLACE[1], state)  # type: ignore[arg-type]  # a state


def test_a_ready_or_a_wrong_picture_is_remembered_and_an_absent_one_forgotten() -> None:
    memory = ReportCache()
    for state in ("ready", "wrong"):
        memory.keep(PLACE, report(state), STAMP)
        known = memory.recall(PLACE)
        assert known is not None
        assert (known.report.state, known.stamp) == (state, STAMP)
    memory.keep(PLACE, report("absent"), STAMP)
    assert memory.recall(PLACE) is None


def test_the_two_kinds_of_one_url_are_two_pictures() -> None:
    memory = ReportCache()
    memory.keep(PLACE, report(), STAMP)
    assert memory.recall(("small", PLACE[1])) is None


@pytest.mark.parametrize(("chance", "seconds"), [(0.0, MAX_AGE_S / 2), (1.0, MAX_AGE_S)])
def test_a_host_is_trusted_for_a_while_and_then_the_picture_is_downloaded_again(chance: float, seconds: float) -> None:
    clock = Clock()
    memory = ReportCache(clock, lambda: chance)
    memory.keep(PLACE, report(), STAMP)
    memory.trust(PLACE)
    clock.now = seconds - 0.1
    assert (known := memory.recall(PLACE)) is not None
    assert known.stamp == STAMP
    clock.now = seconds
    assert (known := memory.recall(PLACE)) is not None
    assert known.stamp is None, "a host that only repeats itself would be believed for ever"
    assert known.report == report()


def test_it_tells_what_only_the_host_vouches_for_until_somebody_looks() -> None:
    memory = ReportCache()
    memory.keep(PLACE, report(), STAMP)
    assert memory.on_trust([PLACE]) == []
    memory.trust(PLACE)
    assert memory.on_trust([PLACE, ("big", "https://h/other.png")]) == [PLACE]
    memory.keep(PLACE, report(), STAMP)
    assert memory.on_trust([PLACE]) == []
    memory.trust(("big", "https://h/never-seen.png"))


def test_the_oldest_is_forgotten_where_there_is_too_much(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(report_cache, "MAX_ENTRIES", 2)
    memory = ReportCache()
    places: list[PictureKey] = [("big", f"https://h/{number}.png") for number in range(3)]
    for place in (*places[:2], places[0], places[2]):
        memory.keep(place, report(), STAMP)
    assert [memory.recall(place) is not None for place in places] == [True, False, True]
