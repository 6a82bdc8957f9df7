from __future__ import annotations

import copy
import pickle

import pytest

from airflow_provider_oppo_image import errors
from airflow_provider_oppo_image.errors import (
    DOCS_URL,
    MAX_MESSAGE_CHARACTERS,
    AccountError,
    BatchError,
    ConfigurationError,
    DuplicatePushError,
    NotSentError,
    OppoImageError,
    OutcomeUnknownError,
    PictureAbsentError,
    PictureError,
    PictureRefusedError,
    PictureUnseenError,
    PictureWrongError,
    RateLimitedError,
    RequestRefusedError,
    ServiceError,
    ServiceUnavailableError,
    UnreadableAnswerError,
    docs_url,
    docs_url_for,
    failure_from,
)
from airflow_provider_oppo_image.pictures.check import check_bytes
from tests.support import artwork

CLASSES = sorted(
    (value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, OppoImageError)),
    key=lambda cls: cls.__name__,
)
GIVEN = {
    "code": 7,
    "http_status": 418,
    "permanent": False,
    "retry_after": 2.5,
    "scope": "account",
    "attempts": 3,
    "earlier_attempt_ambiguous": True,
    "retry_once": True,
}


def own_attributes(cls: type[OppoImageError]) -> dict[str, object]:
    if issubclass(cls, PictureError):
        return {"reports": ({"kind": "big"},)}
    if issubclass(cls, BatchError):
        return {"summary": {"failed": 1}}
    return {"server_message": "no"} if issubclass(cls, ServiceError) else {}


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("move", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])  # noqa: S301
def test_error_can_be_pickled_and_copied(cls: type[OppoImageError], move) -> None:  # type: ignore[no-untyped-def]
    given = GIVEN | own_attributes(cls)
    moved = move(cls("what was found, and what to do", **given))
    assert type(moved) is cls
    assert str(moved) == "what was found, and what to do"
    assert vars(moved) == given


def test_docstring_shows_class_tree() -> None:
    drawn: dict[str, str] = {}
    path: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        head, _, name = line.partition("── ")
        if line.startswith("    OppoImageError"):
            path = ["OppoImageError"]
        elif name:
            depth = (len(head) - 5) // 4 + 1
            path = [*path[:depth], name.split()[0]]
            drawn[path[-1]] = path[-2]
    assert drawn == {cls.__name__: cls.__bases__[0].__name__ for cls in CLASSES if cls is not OppoImageError}


@pytest.mark.parametrize("cls", CLASSES)
def test_error_has_default_permanent(cls: type[OppoImageError]) -> None:
    transient = {
        "PictureAbsentError",
        "RateLimitedError",
        "StorageError",
        "ServiceUnavailableError",
        "UnreadableAnswerError",
        "TransportError",
        "NotSentError",
        "OutcomeUnknownError",
    }
    assert cls("x").permanent == (cls.__name__ not in transient)
    assert cls("x", permanent=True).permanent
    assert not cls("x", permanent=False).permanent


def test_ambiguous_errors_may_have_taken_effect() -> None:
    assert {cls.__name__ for cls in CLASSES if cls.may_have_taken_effect} == {
        "ServiceUnavailableError",
        "UnreadableAnswerError",
        "OutcomeUnknownError",
    }


@pytest.mark.parametrize("cls", CLASSES)
def test_error_has_default_scope(cls: type[OppoImageError]) -> None:
    defaults = {"AccountError": "account", "PictureRefusedError": "picture"}
    expected = "picture" if issubclass(cls, PictureError) else defaults.get(cls.__name__, "request")
    assert cls("x").scope == expected
    assert cls("x", scope="account").scope == "account"


REPORTS = [
    {"state": "ready", "problems": []},
    {"state": "absent", "problems": [{"code": "not_found"}]},
    {"state": "wrong", "problems": [{"code": "wrong_dimensions"}, {"code": "too_heavy"}]},
]


@pytest.mark.parametrize(
    ("error", "code", "fault", "transient"),
    [(PictureWrongError("x", reports=REPORTS), "wrong_dimensions", "picture", False),
     (PictureAbsentError("x"), "picture", "picture", True),
     (PictureRefusedError("x", code=51, http_status=200), "51", "picture", False),
     (AccountError("x", code=23001, http_status=401), "23001", "account", False),
     (AccountError("x", code=33, permanent=False), "33", "account", True),
     (RequestRefusedError("x", code=21003, http_status=400), "21003", "request", False),
     (AccountError("the URL is wrong", code=21001, http_status=404), "21001", "service", False),
     (RequestRefusedError("x", http_status=404), "http_404", "request", False),
     (ConfigurationError("x"), "configuration", "request", False),
     (RateLimitedError("x", code=23008, scope="account"), "23008", "service", True),
     (ServiceUnavailableError("x", http_status=503), "http_503", "service", True),
     (UnreadableAnswerError("x", http_status=200), "unreadable_answer", "service", True),
     (OutcomeUnknownError("x"), "outcome_unknown", "service", True),
     (NotSentError("x"), "not_sent", "service", True),
     (NotSentError("a certificate that does not verify", permanent=True), "not_sent", "service", False)],
)  # fmt: skip
def test_failure_has_code_fault_and_transient(error: OppoImageError, code: str, fault: str, transient: bool) -> None:
    failure = failure_from(error)
    assert (failure.code, failure.fault, failure.transient) == (code, fault, transient)


@pytest.mark.parametrize(
    ("error", "ends"),
    [(AccountError("x", code=23001), True), (AccountError("x", code=34, permanent=False), True),
     (AccountError("x", code=11, permanent=False), False), (RequestRefusedError("x"), False),
     *((RateLimitedError("x", code=code, scope="account"), False) for code in (23008, -2, 13, 55))],
)  # fmt: skip
def test_permanent_account_error_or_spent_limit_ends_a_batch(error: OppoImageError, ends: bool) -> None:
    assert error.ends_batch == ends


def test_failure_message_is_one_short_line() -> None:
    assert failure_from(NotSentError("a\n  b\r\nc")).message == "a; b; c"
    assert failure_from(NotSentError("x" * 5_000)).message == "x" * MAX_MESSAGE_CHARACTERS


@pytest.mark.parametrize(
    ("code", "page"),
    [("wrong_dimensions", "wrong_dimensions"), ("row_url", "row_url"), ("not_sent", "not_sent"), (51, "51"),
     ("51", "51"), (-1, "minus_1"), ("-2", "minus_2"), (4711, "unknown_code"), ("-4711", "unknown_code"),
     ("http_404", "http_status")],
)  # fmt: skip
def test_docs_url_of_code(code: int | str, page: str) -> None:
    assert docs_url(code) == f"{DOCS_URL}/errors/{page}.html"


@pytest.mark.parametrize(
    ("error", "page"),
    [
        (PictureRefusedError("", code=51), "51"),
        (AccountError("", code=-4711, http_status=401), "account"),
        (ServiceUnavailableError("", http_status=502), "service_unavailable"),
        (DuplicatePushError(""), "duplicate_push"),
        (PictureUnseenError(""), "picture_unseen"),
        (PictureAbsentError(""), "picture_absent"),
        (OppoImageError(""), "oppo_image"),
    ],
)
def test_docs_url_of_error(error: OppoImageError, page: str) -> None:
    assert docs_url_for(error) == f"{DOCS_URL}/errors/{page}.html"


def test_docs_url_of_check_error_is_that_of_failure_code() -> None:
    absent, wrong, ready = (
        check_bytes("big", body, "big.png").to_dict() for body in (b"", b"text", artwork.good("big"))
    )
    for reports, code in (
        ([absent], "empty"),
        ([absent, wrong], "wrong_format"),
        ([ready, wrong, absent], "wrong_format"),
        ([ready], "picture"),
        ([], "picture"),
    ):
        error = PictureWrongError("", reports=reports)
        assert failure_from(error).code == code
        assert docs_url_for(error) == docs_url("picture_wrong" if code == "picture" else code)
