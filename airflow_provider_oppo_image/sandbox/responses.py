"""Responses of the sandbox: results, refusals, and the faults that a test injects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Annotated, Any, ClassVar, Final, Literal, TypeAlias

from pydantic import Field

from airflow_provider_oppo_image.contract import ERROR_CODES

CallName: TypeAlias = Literal["upload_big", "upload_small", "upload", "push", "validate", "withdraw", "status"]
"""A request for one picture is "upload_big" or "upload_small". Any other upload is "upload"."""

_SERVER_ERROR: Final = 23100


@dataclass(frozen=True)
class SandboxResponse:
    """One response.

    :param status: the HTTP status.
    :param body: the JSON object.
    """

    status: int
    body: Mapping[str, Any]

    @property
    def code(self) -> int | None:
        """The service's error code; None in a success."""
        code: int | None = self._error.get("code")
        return code

    @property
    def message(self) -> str | None:
        """The error message; None in a success."""
        message: str | None = self._error.get("message")
        return message

    @property
    def _error(self) -> Mapping[str, Any]:
        error: Mapping[str, Any] = self.body.get("error", {})
        return error


class RefusedError(Exception):
    """The service refuses a request. This is a response of the service, not a failure of the sandbox.

    :param code: one of the service's error codes.
    :param message: what was found and what is required; the client receives it.
    :param status: the HTTP status; None for the first status that the contract lists for the code.
    """

    def __init__(self, code: int, message: str, status: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.status = ERROR_CODES[code].status if status is None else status

    @property
    def response(self) -> SandboxResponse:
        """The refusal as a response in the service's format."""
        return SandboxResponse(self.status, {"error": {"code": self.code, "message": self.message}})


@dataclass(frozen=True)
class Fault:
    """One injected fault.

    With a call alone, the response is code 23100. A status without a code and a body has an empty body, as from a
    proxy. A delay alone only delays: the call then continues as usual.

    :param call: the call that fails; "upload" means every upload, "any" every call.
    :param times: how many calls fail, at least 1; None for all calls until the faults are cleared.
    :param status: the HTTP status; by default that of the code.
    :param code: the service's error code.
    :param message: the error message.
    :param body: the complete body of the response, instead of a code and a message.
    :param headers: headers of the response, such as ``Retry-After``; they replace the default ones.
    :param delay: seconds to wait before everything else; with `after`, before the response.
    :param drop: close the connection without sending a byte.
    :param after: process the request first, then fail: its effect stays, and its response is lost.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    call: CallName | Literal["any"] = "any"
    times: Annotated[int, Field(ge=1)] | None = 1
    status: Annotated[int, Field(ge=200, le=599)] | None = None
    code: int | None = None
    message: str | None = None
    body: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    drop: bool = False
    after: bool = False

    def matches(self, call: CallName) -> bool:
        """Return whether the fault applies to a call."""
        return self.call in ("any", call) or (self.call == "upload" and call.startswith("upload"))

    @property
    def only_delays(self) -> bool:
        """Whether the call continues as usual after the delay."""
        content = (self.status, self.code, self.message, self.body)
        return self.delay > 0 and not self.drop and not self.headers and all(part is None for part in content)

    def render(self) -> tuple[int, str]:
        """Return the HTTP status and the body of the response."""
        code = _SERVER_ERROR if self.code is None else self.code
        row = ERROR_CODES.get(code)
        status = self.status or (row.status if row else 500)
        if self.body is not None:
            return status, self.body
        if self.status is not None and self.code is None and self.message is None:
            return status, ""
        message = self.message or (row.meaning if row else "an injected fault")
        return status, json.dumps({"error": {"code": code, "message": message}})


class FaultQueue:
    """The faults that are still to come, in the order in which they were added."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Add a fault."""
        self._faults.append(fault)

    def clear(self) -> None:
        """Remove all faults."""
        self._faults.clear()

    def pop(self, call: CallName) -> Fault | None:
        """Return the first fault that applies to a call, and count it as used; None if there is no such fault."""
        for index, fault in enumerate(self._faults):
            if fault.matches(call):
                if fault.times == 1:
                    del self._faults[index]
                elif fault.times is not None:
                    self._faults[index] = replace(fault, times=fault.times - 1)
                return fault
        return None
