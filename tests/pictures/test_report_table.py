from __future__ import annotations

from airflow_provider_oppo_image.pictures.report import PictureReport, Problem, as_table
from airflow_provider_oppo_image.plugins.translations import ENGLISH

REPORT = PictureReport(
    "big",
    "https://cdn.example.com/big.png?…",
    "wrong",
    problems=(Problem("wrong_dimensions", "876 x 324 px", "984 x 369 px", "Export it again."),),
    warnings=(Problem("long_url", "a URL of 400 characters", "at most 300", "Shorten it."),),
    format="PNG",
    width=876,
    height=324,
    size_bytes=1234,
)


def test_a_report_is_a_line_of_facts_and_an_aligned_table_for_each_problem_and_warning() -> None:
    assert as_table(REPORT, here={"long_url": "Nothing else."}) == (
        "big picture https://cdn.example.com/big.png?… is wrong (876 x 324 px, PNG, 1,234 bytes)\n"
        "  problem     wrong_dimensions\n"
        "  found       876 x 324 px\n"
        "  asked for   984 x 369 px\n"
        "  what to do  Export it again.\n"
        "  warning     long_url\n"
        "  found       a URL of 400 characters\n"
        "  asked for   at most 300\n"
        "  what to do  Shorten it.\n"
        "  here        Nothing else."
    )


def test_a_picture_that_is_ready_is_one_line() -> None:
    assert as_table(PictureReport("small", "small.png", "ready")) == "small picture small.png is ready"


def test_the_page_in_airflow_calls_it_the_same() -> None:
    heads = {line.split("  ")[1] for line in as_table(REPORT).splitlines()[1:]}
    shown = {ENGLISH(name, found="", expected="").strip(" :").lower() for name in ("found", "asked_for")}
    assert shown <= heads
    assert ENGLISH("warning").startswith("Accepted")
