"""Search for leaks after failed calls: in the error, in its causes, and in logs of any level."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import requests

from airflow_provider_oppo_image.contract import ERROR_CODES
from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.push_body import PushBody
from airflow_provider_oppo_image.errors import OppoImageError
from airflow_provider_oppo_image.net.deadline import TransportOptions
from tests.support.credential_echoes import CREDENTIAL_FORMS, RESPONSE_PARTS, echo_reply
from tests.support.fault_server import FaultServer, Reply, close, refusal, reset, send, stall
from tests.support.leaks import APP_KEY, SECRET, SIGNATURE, TOKEN, dump_error, leaks, signatures, traceback_with_locals
from tests.trust.leaks.conftest import CapturedOutput, RequireNoLeak

URL = f"https://cdn.example.com/big.png?{SIGNATURE}"
MESSAGE = {"to": "all", "body": {"platform": "all"}}
SHORT_TIMEOUTS = TransportOptions(0.2, 0.2, 0.4)

CLIENT_CALLS: Mapping[str, Callable[[EngageLabClient], Any]] = {
    "upload big": lambda client: client.upload("big", URL),
    "upload small": lambda client: client.upload("small", URL),
    "push": lambda client: client.push(PushBody(MESSAGE)),
    "push again": lambda client: client.push(PushBody(MESSAGE).with_cid("1")),
    "validate": lambda client: client.validate_push(PushBody(MESSAGE)),
    "withdraw": lambda client: client.withdraw("1180001"),
    "status": lambda client: client.push_status(["1180001"]),
    "check credentials": lambda client: client.check_credentials(),
}

CONNECTION_FAULTS: Mapping[str, Reply] = {
    "reset": reset,
    "closed": close,
    "reset in the response": [send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), reset],
    "timeout": stall,
}


def call_service(call: str, *replies: Reply, budget: float = 0.0) -> Iterator[tuple[BaseException | None, str]]:
    """Make a call for each reply, and yield its error, or None, and everything that the caller gets."""
    with FaultServer(*replies) as server:
        for _ in replies:
            transport = HttpTransport(server.url, APP_KEY, SECRET, user_agent="test", options=SHORT_TIMEOUTS)
            with EngageLabClient(transport, retry_budget=budget) as client:
                try:
                    result = CLIENT_CALLS[call](client)
                except OppoImageError as error:
                    yield error, dump_error(error)
                else:
                    # The statistics of pushes are returned unchanged.
                    yield None, "" if call == "status" else repr(result)


def test_leaks_finds_every_form() -> None:
    for form in (SECRET, TOKEN, TOKEN.rstrip("="), SECRET[3:11], SECRET[::-1], repr(SECRET), str({"a": SECRET})):
        assert leaks(f"before {form} after")
    assert not leaks(APP_KEY, "a sentence about a master secret and its Base64 form", URL)
    assert signatures(URL)


def test_output_contains_logs_of_other_libraries(output: CapturedOutput) -> None:
    with FaultServer(reset) as server, pytest.raises(requests.ConnectionError) as caught:
        requests.get(f"{server.url}/?{SIGNATURE}", headers={"Authorization": f"Basic {TOKEN}"}, timeout=5)
    assert leaks(output())
    assert leaks(dump_error(caught.value))


@pytest.mark.parametrize("part", RESPONSE_PARTS)
@pytest.mark.parametrize("call", CLIENT_CALLS)
def test_call_hides_echoed_credentials(
    call: str, part: str, output: CapturedOutput, require_no_leak: RequireNoLeak
) -> None:
    for _, result in call_service(call, *(echo_reply(part, form) for form in CREDENTIAL_FORMS)):
        text = output() + result
        require_no_leak("echoes of the credentials, by a call", text)
        assert "urllib3" in text


@pytest.mark.parametrize("code", ERROR_CODES)
@pytest.mark.parametrize("call", CLIENT_CALLS)
def test_call_hides_secrets_in_error_messages(
    call: str, code: int, output: CapturedOutput, require_no_leak: RequireNoLeak
) -> None:
    replies = [refusal(code, status, f"for {URL}: {SECRET} {TOKEN}") for status in ERROR_CODES[code].http_statuses]
    for _, result in call_service(call, *replies):
        require_no_leak("codes of the service, by call", output() + result)


@pytest.mark.parametrize("fault", CONNECTION_FAULTS)
@pytest.mark.parametrize("call", CLIENT_CALLS)
def test_call_hides_secrets_in_connection_errors(
    call: str, fault: str, output: CapturedOutput, require_no_leak: RequireNoLeak
) -> None:
    [(error, result)] = call_service(call, CONNECTION_FAULTS[fault], budget=0.3)
    assert error
    require_no_leak("connection faults, by call", output() + result)


@pytest.mark.parametrize("call", CLIENT_CALLS)
def test_local_variables_contain_no_credentials(call: str, require_no_leak: RequireNoLeak) -> None:
    """Error reporting tools send local variables."""
    replies = (refusal(21003, 400), refusal(51, 200), reset, close, [send(b"no HTTP\r\n\r\n"), close])
    for error, _ in call_service(call, *replies):
        if error:
            require_no_leak("local variables in tracebacks", traceback_with_locals(error), signature=False)
