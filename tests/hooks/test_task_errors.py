from __future__ import annotations

import logging

import pytest

from airflow_provider_oppo_image.airflow_compat import AirflowFailException
from airflow_provider_oppo_image.errors import (
    DOCS_URL,
    BatchError,
    NotSentError,
    OppoImageError,
    PictureError,
    PictureWrongError,
    docs_url,
    docs_url_for,
)
from airflow_provider_oppo_image.hooks.oppo_image import airflow_errors
from airflow_provider_oppo_image.hooks.task_errors import log_group, summary_line
from airflow_provider_oppo_image.hooks.uploads import UploadOutcome
from airflow_provider_oppo_image.pictures.check import check_bytes
from airflow_provider_oppo_image.pictures.report import as_table, error_for
from tests.support import artwork

OLD = check_bytes("big", artwork.png(876, 324), "https://cdn.example.com/big.png?…")
EMPTY = check_bytes("small", b"", "https://cdn.example.com/small.png")
GOOD = check_bytes("small", artwork.good("small"), "https://cdn.example.com/small.png")


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def wrong(*reports: object) -> PictureError:
    error = error_for(list(reports))  # type: ignore[arg-type]
    assert error
    return error


def fail_with(error: OppoImageError) -> BaseException:
    with pytest.raises((OppoImageError, AirflowFailException)) as raised, airflow_errors():
        raise error
    return raised.value


def test_last_words_are_a_line_with_what_was_found_what_was_asked_for_what_to_do_and_the_page() -> None:
    problem = OLD.problems[0]
    assert summary_line(wrong(OLD, GOOD)) == (
        f"big picture https://cdn.example.com/big.png?… is wrong: {problem.found}; expected: {problem.expected}. "
        f"{problem.advice} {docs_url('wrong_dimensions')}"
    )


def test_of_several_problems_the_first_to_mend_is_told() -> None:
    assert summary_line(wrong(EMPTY, OLD)).startswith("The first of several problems: big picture ")


def test_a_picture_is_called_what_the_task_calls_it() -> None:
    error = PictureWrongError("", reports=[{"name": "spring", **OLD.to_dict()}])
    assert summary_line(error).startswith("spring: big picture ")


def test_a_table_behind_the_words_is_left_to_the_log() -> None:
    assert summary_line(BatchError("2 of 3 rows failed.\n     rows  whose fault")) == (
        f"2 of 3 rows failed. {DOCS_URL}/errors/batch.html"
    )


@pytest.mark.parametrize("error", [NotSentError("No way."), PictureWrongError("It is wrong.")])
def test_an_error_that_fails_a_task_ends_with_its_page_in_the_exception_its_cause_and_the_log(
    error: OppoImageError, logged: pytest.LogCaptureFixture
) -> None:
    words = f"{error} {docs_url_for(error)}"
    raised = fail_with(error)
    assert (str(raised), str(raised.__cause__ or raised)) == (words, words)
    assert [(record.levelname, record.getMessage()) for record in logged.records] == [("ERROR", words)]


def test_one_picture_is_a_table_and_several_are_in_a_fold_before_the_last_words(
    logged: pytest.LogCaptureFixture,
) -> None:
    error = wrong(OLD, GOOD)
    fail_with(error)
    assert logged.messages == [as_table(OLD), str(error)]
    logged.clear()
    error = wrong(OLD, EMPTY)
    fail_with(error)
    tables = [as_table(OLD), as_table(EMPTY)]
    assert logged.messages == ["::group::2 pictures with problems", *tables, "::endgroup::", str(error)]


def test_blocks_in_one_another_tell_it_once(logged: pytest.LogCaptureFixture) -> None:
    error = NotSentError("No way.")
    with pytest.raises(NotSentError), airflow_errors(), airflow_errors():
        raise error
    assert len(logged.messages) == 1
    assert str(error).count(DOCS_URL) == 1


def test_of_two_pictures_that_fail_both_are_in_the_log(logged: pytest.LogCaptureFixture) -> None:
    outcome = UploadOutcome({}, {"big": NotSentError("the big one"), "small": PictureWrongError("the small one")})
    with pytest.raises(AirflowFailException, match="the small one"), airflow_errors():
        outcome.raise_for_errors()
    assert [words.partition(" http")[0] for words in logged.messages] == ["the big one", "the small one"]


def test_a_fold_ends_whatever_happens(logged: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ZeroDivisionError), log_group("Progress"):
        raise ZeroDivisionError
    assert logged.messages == ["::group::Progress", "::endgroup::"]
