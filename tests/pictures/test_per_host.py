from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.pictures.per_host import PerHostQueue, hostname


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://cdn.example.com/a.png", "cdn.example.com"),
        ("http://CDN.example.com.:8080/b.png?x=1", "cdn.example.com"),
        ("https://user@cdn.example.com/", "cdn.example.com"),
        ("http://[::1]:80/", "::1"),
        ("http://[::1", ""),
        ("no URL", ""),
        ("", ""),
    ],
)
def test_a_host_is_one_however_it_is_written(url: str, host: str) -> None:
    assert hostname(url) == host


def test_hosts_take_turns_and_each_host_keeps_its_order() -> None:
    turns: PerHostQueue[str] = PerHostQueue(most=8)
    for what in ("a1", "a2", "a3", "b1", "c1", "c2"):
        turns.add(what[0], what)
    assert [turns.take() for _ in range(7)] == ["a1", "b1", "c1", "a2", "c2", "a3", None]


def test_a_host_that_gives_a_turn_back_gives_it_again() -> None:
    turns: PerHostQueue[str] = PerHostQueue(most=1)
    turns.add("a", "a1")
    turns.add("a", "a2")
    assert (turns.take(), turns.take()) == ("a1", None)
    turns.end("a")
    assert (turns.take(), turns.take()) == ("a2", None)


def test_what_is_dropped_does_not_begin() -> None:
    turns: PerHostQueue[str] = PerHostQueue(most=2)
    for what in ("a1", "a2", "a3", "b1"):
        turns.add(what[0], what)
    assert turns.take() == "a1"
    assert turns.drop("a") == ["a2", "a3"]
    assert turns.drop("a") == []
    turns.end("a")
    assert [turns.take(), turns.take()] == ["b1", None]


@given(
    most=st.integers(1, 3),
    steps=st.lists(st.one_of(st.tuples(st.just("add"), st.sampled_from("abc")), st.just(("take", "")),
                             st.tuples(st.just("end"), st.integers(0, 9)))),
)  # fmt: skip
def test_no_host_has_more_than_its_share_and_nothing_waits_while_its_host_has_a_turn(
    most: int, steps: list[tuple[str, str | int]]
) -> None:
    turns: PerHostQueue[tuple[str, int]] = PerHostQueue(most)
    waiting: list[tuple[str, int]] = []
    begun: list[tuple[str, int]] = []
    for number, (step, value) in enumerate(steps):
        if step == "add":
            what = (str(value), number)
            turns.add(what[0], what)
            waiting.append(what)
        elif step == "end" and begun:
            turns.end(begun.pop(int(value) % len(begun))[0])
        elif step == "take":
            counts = Counter(host for host, _ in begun)
            may_begin = [what for what in waiting if counts[what[0]] < most]
            taken = turns.take()
            assert (taken is None) == (not may_begin)
            if taken:
                assert taken == next(what for what in waiting if what[0] == taken[0]), "not the host's oldest"
                waiting.remove(taken)
                begun.append(taken)
