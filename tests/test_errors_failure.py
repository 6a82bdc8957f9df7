from __future__ import annotations

import pytest

from airflow_provider_oppo_image.errors import (
    MAX_MESSAGE_CHARACTERS,
    AccountError,
    ConfigurationError,
    NotSentError,
    OppoImageError,
    OutcomeUnknownError,
    PictureAbsentError,
    PictureRefusedError,
    PictureWrongError,
    RateLimitedError,
    RequestRefusedError,
    ServiceUnavailableError,
    UnreadableAnswerError,
    failure_from,
)

REPORTS = [
    {"state": "ready", "problems": []},
    {"state": "absent", "problems": [{"code": "not_found"}]},
    {"state": "wrong", "problems": [{"code": "wrong_dimensions"}, {"code": "too_heavy"}]},
]


@pytest.mark.parametrize(
    ("error", "code", "fault", "transient"),
    [
        (PictureWrongError("x", reports=REPORTS), "wrong_dimensions", "picture", False),
        (PictureAbsentError("x"), "picture", "picture", True),
        (PictureRefusedError("x", code=51, http_status=200), "51", "picture", False),
        (AccountError("x", code=23001, http_status=401), "23001", "account", False),
        (AccountError("x", code=33, permanent=False), "33", "account", True),
        (RequestRefusedError("x", code=21003, http_status=400), "21003", "request", False),
        (RequestRefusedError("the URL is wrong", code=21001, http_status=404), "21001", "service", False),
        (RequestRefusedError("x", http_status=404), "http_404", "request", False),
        (ConfigurationError("x"), "configuration", "request", False),
        (RateLimitedError("x", code=23008), "23008", "service", True),
        (ServiceUnavailableError("x", http_status=503), "http_503", "service", True),
        (UnreadableAnswerError("x", http_status=200), "unreadable_answer", "service", True),
        (OutcomeUnknownError("x"), "outcome_unknown", "service", True),
        (NotSentError("x"), "not_sent", "service", True),
        (NotSentError("a certificate that does not verify", permanent=True), "not_sent", "service", False),
    ],
)
def test_an_error_says_its_code_whose_fault_it_is_and_whether_it_may_pass(
    error: OppoImageError, code: str, fault: str, transient: bool
) -> None:
    failure = failure_from(error)
    assert (failure.code, failure.fault, failure.transient) == (code, fault, transient)


def test_the_words_are_one_line_and_not_too_long() -> None:
    assert failure_from(NotSentError("a\n  b\r\nc")).message == "a; b; c"
    assert failure_from(NotSentError("x" * 5_000)).message == "x" * MAX_MESSAGE_CHARACTERS
