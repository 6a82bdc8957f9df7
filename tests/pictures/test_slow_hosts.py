from __future__ import annotations

from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.pictures.check_many import with_circuit_breaker
from airflow_provider_oppo_image.pictures.report import Code, PictureReport, Problem

SLOW = "http://slow.example.com/{}.png?sig=s3cret"
QUICK = "http://quick.example.com/{}.png"


class Hosts:
    """A check that finds what it is told to, and remembers what it was asked for."""

    def __init__(self, *codes: Code | None) -> None:
        self.codes = list(codes)
        self.asked: list[str] = []

    def check(self, kind: PictureKind, url: str) -> PictureReport:
        self.asked.append(url)
        code = self.codes.pop(0) if "slow" in url else None
        problems = (Problem(code, "found", "expected", "advice"),) if code else ()
        return PictureReport(kind, url, "absent" if code else "ready", problems=problems)


def test_a_host_that_was_too_slow_so_often_in_a_row_is_asked_no_more() -> None:
    hosts = Hosts("timed_out", "timed_out", "timed_out")
    look = with_circuit_breaker(hosts.check, 3)
    reports = [look("small", SLOW.format(number)) for number in range(10)]
    assert len(hosts.asked) == 3
    assert (reports[9].kind, reports[9].state) == ("small", "absent")
    assert reports[9].url == "http://slow.example.com/9.png?…"
    assert "it was not asked for this one" in str(reports[9])


def test_other_hosts_are_asked_as_ever() -> None:
    look = with_circuit_breaker(Hosts("timed_out").check, 1)
    look("big", SLOW.format(1))
    assert look("big", QUICK.format(1)).state == "ready"


def test_whatever_a_host_answers_in_between_forgives() -> None:
    hosts = Hosts("timed_out", "not_found", "timed_out", None, "timed_out")
    look = with_circuit_breaker(hosts.check, 2)
    for number in range(5):
        look("big", SLOW.format(number))
    assert len(hosts.asked) == 5


def test_a_late_answer_of_a_host_that_was_given_up_changes_nothing() -> None:
    hosts = Hosts("timed_out", None)

    def check(kind: PictureKind, url: str) -> PictureReport:
        if "late" in url:
            look("big", SLOW.format(1))  # meanwhile, it is given up
        return hosts.check(kind, url)

    look = with_circuit_breaker(check, 1)
    assert look("big", SLOW.format("late")).state == "ready"
    look("big", SLOW.format(2))
    assert len(hosts.asked) == 2
