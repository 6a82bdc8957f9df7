"""The tree of errors, and what of each survives a journey to another process."""

from __future__ import annotations

import copy
import pickle

import pytest

from airflow_provider_oppo_image import errors
from airflow_provider_oppo_image.errors import BatchError, OppoImageError, PictureError, ServiceError

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
}


def own_attributes(cls: type[OppoImageError]) -> dict[str, object]:
    if issubclass(cls, PictureError):
        return {"reports": ({"kind": "big"},)}
    if issubclass(cls, BatchError):
        return {"summary": {"failed": 1}}
    return {"said": "no"} if issubclass(cls, ServiceError) else {}


@pytest.mark.parametrize("cls", CLASSES)
@pytest.mark.parametrize("move", [lambda error: pickle.loads(pickle.dumps(error)), copy.copy, copy.deepcopy])  # noqa: S301
def test_an_error_survives_moving_with_all_that_it_knows(cls: type[OppoImageError], move) -> None:  # type: ignore[no-untyped-def]
    given = GIVEN | own_attributes(cls)
    moved = move(cls("what was found, and what to do", **given))
    assert type(moved) is cls
    assert str(moved) == "what was found, and what to do"
    assert vars(moved) == given


def test_the_tree_is_the_one_that_is_drawn() -> None:
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
def test_an_error_is_permanent_unless_it_is_of_a_kind_that_passes(cls: type[OppoImageError]) -> None:
    passing = {
        "PictureAbsentError",
        "RateLimitedError",
        "StorageError",
        "ServiceUnavailableError",
        "UnreadableAnswerError",
        "TransportError",
        "NotSentError",
        "OutcomeUnknownError",
    }
    assert cls("x").permanent == (cls.__name__ not in passing)
    assert cls("x", permanent=True).permanent
    assert not cls("x", permanent=False).permanent


def test_the_service_may_have_acted_where_nobody_saw_it_refuse() -> None:
    assert {cls.__name__ for cls in CLASSES if cls.may_have_taken_effect} == {
        "ServiceUnavailableError",
        "UnreadableAnswerError",
        "OutcomeUnknownError",
    }


@pytest.mark.parametrize("cls", CLASSES)
def test_an_errors_scope_is_what_is_broken(cls: type[OppoImageError]) -> None:
    usual = {"AccountError": "account", "PictureRefusedError": "picture"}
    expected = "picture" if issubclass(cls, PictureError) else usual.get(cls.__name__, "request")
    assert cls("x").scope == expected
    assert cls("x", scope="account").scope == "account"


@pytest.mark.parametrize("cls", CLASSES)
def test_an_error_knows_nothing_that_nobody_told_it(cls: type[OppoImageError]) -> None:
    error = cls("x")
    assert (error.code, error.http_status, error.retry_after) == (None, None, None)
    assert (error.attempts, error.earlier_attempt_ambiguous) == (0, False)
