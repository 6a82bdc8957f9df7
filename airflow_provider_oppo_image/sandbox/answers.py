"""What the service answers: a status and a JSON object, or a refusal with a code of its table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from airflow_provider_oppo_image.contract import ERROR_CODES


@dataclass(frozen=True)
class SandboxResponse:
    """One answer.

    :param status: the HTTP status.
    :param body: what is sent as JSON.
    """

    status: int
    body: Mapping[str, Any]

    @property
    def code(self) -> int | None:
        """The service's error code; None in a good answer."""
        code: int | None = self._error.get("code")
        return code

    @property
    def message(self) -> str | None:
        """The words beside the code; None in a good answer."""
        message: str | None = self._error.get("message")
        return message

    @property
    def _error(self) -> Mapping[str, Any]:
        error: Mapping[str, Any] = self.body.get("error", {})
        return error


class RefusedError(Exception):  # an answer of the service, not a failure of the sandbox
    """The service does not take a request.

    :param code: one of the service's error codes.
    :param why: what was found and what is asked for; reaches whoever asked.
    :param status: the HTTP status; None for the first that the table gives for the code.
    """

    def __init__(self, code: int, why: str, status: int | None = None) -> None:
        super().__init__(why)
        self.code = code
        self.why = why
        self.status = ERROR_CODES[code].http_statuses[0] if status is None else status

    @property
    def answer(self) -> SandboxResponse:
        """The refusal as the service words it."""
        return SandboxResponse(self.status, {"error": {"code": self.code, "message": self.why}})
