from __future__ import annotations

import logging

import pytest

from airflow_provider_oppo_image.airflow_compat import AirflowFailException
from airflow_provider_oppo_image.errors import (
    DOCS_URL,
    BatchError,
    ConfigurationError,
    NotSentError,
    OppoImageError,
    OutcomeUnknownError,
    PictureError,
    PictureRefusedError,
    PictureWrongError,
    docs_url,
    docs_url_for,
)
from airflow_provider_oppo_image.hooks.oppo_image import airflow_errors
from airflow_provider_oppo_image.hooks.task_record import log_group, summary_line
from airflow_provider_oppo_image.hooks.uploads import UploadOutcome
from airflow_provider_oppo_image.pictures.check import check_bytes
from airflow_provider_oppo_image.pictures.report import PictureReport, as_table, error_for
from tests.support import artwork

OLD = check_bytes("big", artwork.png(876, 324), "https://cdn.example.com/big.png?…")
EMPTY = check_bytes("small", b"", "https://cdn.example.com/small.png")
GOOD = check_bytes("small", artwork.good("small"), "https://cdn.example.com/small.png")


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> pytest.LogCaptureFixture:
    caplog.set_level(logging.INFO)
    return caplog


def wrong(*reports: PictureReport) -> PictureError:
    error = error_for(list(reports))
    assert error
    return error


def fail_with(error: Exception) -> BaseException:
    with pytest.raises((type(error), AirflowFailException)) as raised, airflow_errors():
        raise error
    return raised.value


def test_airflow_errors_permanent_becomes_fail_exception() -> None:
    error = PictureRefusedError("refused")
    raised = fail_with(error)
    assert isinstance(raised, AirflowFailException)
    assert raised.__cause__ is error


@pytest.mark.parametrize(
    "error",
    [OutcomeUnknownError("x"), NotSentError("x"), ConfigurationError("x", permanent=False), ZeroDivisionError()],
)
def test_airflow_errors_raises_others_unchanged(error: Exception) -> None:
    assert fail_with(error) is error


@pytest.mark.parametrize("error", [NotSentError("Refused."), PictureWrongError("It is wrong.")])
def test_airflow_errors_appends_docs_url(error: OppoImageError, logged: pytest.LogCaptureFixture) -> None:
    line = f"{error} {docs_url_for(error)}"
    raised = fail_with(error)
    assert (str(raised), str(raised.__cause__ or raised)) == (line, line)
    assert [(record.levelname, record.getMessage()) for record in logged.records] == [("ERROR", line)]


def test_airflow_errors_nested_logs_once(logged: pytest.LogCaptureFixture) -> None:
    error = NotSentError("Refused.")
    with pytest.raises(NotSentError), airflow_errors(), airflow_errors():
        raise error
    assert len(logged.messages) == 1
    assert str(error).count(DOCS_URL) == 1


def test_airflow_errors_logs_tables_in_a_group(logged: pytest.LogCaptureFixture) -> None:
    error = wrong(OLD, GOOD)
    fail_with(error)
    assert logged.messages == [as_table(OLD), str(error)]
    logged.clear()
    error = wrong(OLD, EMPTY)
    fail_with(error)
    tables = [as_table(OLD), as_table(EMPTY)]
    assert logged.messages == ["::group::2 pictures with problems", *tables, "::endgroup::", str(error)]


def test_airflow_errors_logs_both_failed_uploads(logged: pytest.LogCaptureFixture) -> None:
    outcome = UploadOutcome({}, {"big": NotSentError("the big one"), "small": PictureWrongError("the small one")}, "")
    with pytest.raises(AirflowFailException, match="the small one"), airflow_errors():
        outcome.raise_for_errors()
    assert [message.partition(" http")[0] for message in logged.messages] == ["the big one", "the small one"]


def test_summary_line_of_a_picture_error() -> None:
    problem = OLD.problems[0]
    assert summary_line(wrong(OLD, GOOD)) == (
        f"big picture https://cdn.example.com/big.png?… is wrong: {problem} {docs_url('wrong_dimensions')}"
    )
    assert summary_line(wrong(EMPTY, OLD)).startswith("The first of several problems: big picture ")
    named = PictureWrongError("", reports=[{"name": "spring", **OLD.to_dict()}])
    assert summary_line(named).startswith("spring: big picture ")


def test_summary_line_has_no_table() -> None:
    line = summary_line(BatchError("2 of 3 rows failed.\n     rows  whose fault"))
    assert line == f"2 of 3 rows failed. {DOCS_URL}/errors/batch.html"


def test_log_group_ends_after_an_error(logged: pytest.LogCaptureFixture) -> None:
    with pytest.raises(ZeroDivisionError), log_group("Progress"):
        raise ZeroDivisionError
    assert logged.messages == ["::group::Progress", "::endgroup::"]
