"""Results of a batch: any, and those of the first version."""

from __future__ import annotations

from hypothesis import strategies as st

from airflow_provider_oppo_image.batch.row_result import RowResult
from airflow_provider_oppo_image.errors import FAULTS

_FIRST_RESULTS = [
    RowResult(2, "spring", "uploaded", "id_1"),
    RowResult(3, "summer", "failed", None, None, "51", "OPPO said no", "picture"),
]
FIRST_VERSION = {
    "r.csv": (
        "line,name,state,big_picture_id,small_picture_id,error_code,error,fault\n"
        "2,spring,uploaded,id_1,,,,\n3,summer,failed,,,51,OPPO said no,picture\n",
        _FIRST_RESULTS,
    ),
    "r.jsonl": (
        '{"line": 2, "name": "spring", "state": "uploaded", "big_picture_id": "id_1", "small_picture_id": null, '
        '"error_code": null, "error": null, "fault": null}\n'
        '{"line": 3, "name": "summer", "state": "failed", "big_picture_id": null, "small_picture_id": null, '
        '"error_code": "51", "error": "OPPO said no", "fault": "picture"}\n',
        _FIRST_RESULTS,
    ),
}
"""Files of the first version, which has no URLs, and their rows."""

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1) | st.sampled_from(["=1+1", "'a", "＝x"])
IDS = st.none() | TEXT.filter(lambda text: bool(text.strip()) and text.isprintable())
URLS = st.sampled_from([None, "https://h/1", "http://h:80/春.png"])
TIMES = st.none() | st.datetimes(timezones=st.timezones()).map(lambda time: time.isoformat())
DIGESTS = st.sampled_from([None, "0" * 64, "9f" * 32])


def lists_of_results(*, last_line: int) -> st.SearchStrategy[list[RowResult]]:
    """Return a strategy for lists of results with line numbers from 1 to `last_line`."""
    some = st.none() | TEXT
    state = st.sampled_from(["uploaded", "failed", "not tried"])
    fault = st.none() | st.sampled_from(FAULTS)
    columns = (st.integers(1, last_line), st.just("") | TEXT, state, IDS, IDS, some, some, fault, URLS, URLS)
    return st.lists(st.builds(RowResult, *columns, TIMES, DIGESTS, some, some), max_size=5)
