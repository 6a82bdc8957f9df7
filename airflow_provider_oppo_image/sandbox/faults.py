"""Failures that somebody ordered: what goes wrong, with which call, and how often."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, ClassVar, Final, Literal, TypeAlias

from pydantic import Field

from airflow_provider_oppo_image.contract import ERROR_CODES

Call: TypeAlias = Literal["upload_big", "upload_small", "upload", "push", "validate", "withdraw", "status"]
"""What can be called. A request for one picture is "upload_big" or "upload_small", any other upload is "upload"."""

_SERVER_ERROR: Final = 23100


@dataclass(frozen=True)
class Fault:
    """One ordered failure.

    Nothing but a call means an answer with code 23100. A status without a code or a body is answered bare, as a proxy
    does. A delay alone is only a delay: the call then goes on as usual.

    :param call: which call fails; "upload" stands for every upload, "any" for every call.
    :param times: how often, one or more; None until the faults are cleared.
    :param status: the HTTP status; by default that of the code.
    :param code: the service's error code.
    :param message: the words beside the code.
    :param body: the answer's body as it is, instead of a code and words.
    :param headers: headers of the answer, such as ``Retry-After``; they stand over the usual ones.
    :param delay: seconds to wait before anything else; with `after`, before the answer.
    :param drop: close the connection and answer not a byte.
    :param after: do the work first, and fail then: what was done stays done, and its answer is lost.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    call: Call | Literal["any"] = "any"
    times: Annotated[int, Field(ge=1)] | None = 1
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    code: int | None = None
    message: str | None = None
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: Annotated[float, Field(ge=0)] = 0.0
    drop: bool = False
    after: bool = False

    def strikes(self, call: Call) -> bool:
        """Say whether a call is one of those that fail.

        :param call: what was called.
        """
        return self.call in ("any", call) or (self.call == "upload" and call.startswith("upload"))

    @property
    def only_delays(self) -> bool:
        """Whether the call goes on as usual after the delay."""
        says = (self.status, self.code, self.message, self.body)
        return self.delay > 0 and not self.drop and not self.headers and all(part is None for part in says)

    def answer(self) -> tuple[int, str]:
        """Return the HTTP status and the body to answer."""
        code = _SERVER_ERROR if self.code is None else self.code
        row = ERROR_CODES.get(code)
        status = self.status or (row.http_statuses[0] if row else 500)
        if self.body is not None:
            return status, self.body
        if self.status is not None and self.code is None and self.message is None:
            return status, ""
        message = self.message or (row.meaning if row else "an ordered failure")
        return status, json.dumps({"error": {"code": code, "message": message}})


class FaultQueue:
    """The failures that are still to come, first ordered, first struck."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def order(self, fault: Fault) -> None:
        """Add a failure.

        :param fault: the failure.
        """
        self._faults.append(fault)

    def clear(self) -> None:
        """Take all failures back."""
        self._faults.clear()

    def take(self, call: Call) -> Fault | None:
        """Return the failure that strikes a call, and use it up.

        :param call: what was called.
        :return: the failure; None when the call goes on as usual.
        """
        for index, fault in enumerate(self._faults):
            if fault.strikes(call):
                if fault.times == 1:
                    del self._faults[index]
                elif fault.times is not None:
                    self._faults[index] = replace(fault, times=fault.times - 1)
                return fault
        return None
