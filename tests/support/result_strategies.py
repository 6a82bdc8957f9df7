"""Hypothesis strategies for results of a batch."""

from __future__ import annotations

from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.results import RowResult
from airflow_provider_oppo_image.errors import FAULTS

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1)


NO_URLS: st.SearchStrategy[str | None] = st.none()


def lists_of_results(
    *, last_line: int, urls: st.SearchStrategy[str | None] = NO_URLS
) -> st.SearchStrategy[list[RowResult]]:
    """Return a strategy for lists of results with line numbers from 1 to `last_line`."""
    some = st.none() | TEXT
    state = st.sampled_from(["uploaded", "failed", "not tried"])
    fault = st.none() | st.sampled_from(FAULTS)
    line, name = st.integers(1, last_line), st.just("") | TEXT
    return st.lists(st.builds(RowResult, line, name, state, some, some, some, some, fault, urls, urls), max_size=5)
