"""Nothing leaks from a call that failed: not in the error, not behind it, and in no log at any level."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest
import requests

from airflow_provider_oppo_image.contract import ERROR_CODES
from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.push_body import PushBody
from airflow_provider_oppo_image.errors import OppoImageError
from airflow_provider_oppo_image.net.deadline import Timeouts
from tests.support.echoes import ECHOES, PLACES, tell
from tests.support.fault_server import FaultServer, Reply, close, refusal, reset, send, stall
from tests.support.leaks import APP_KEY, SECRET, SIGNATURE, TOKEN, everything_about, leaks, signatures, with_locals
from tests.trust.ledger import Ledger

SECTION = "nothing leaks"
URL = f"https://cdn.example.com/big.png?{SIGNATURE}"
MESSAGE = {"to": "all", "body": {"platform": "all"}}
QUICK = Timeouts(connect=0.2, read=0.2, total=0.4)

Call = Callable[[EngageLabClient], Any]
Heard = Callable[[], str]

CALLS: Mapping[str, Call] = {
    "upload big": lambda client: client.upload("big", URL),
    "upload small": lambda client: client.upload("small", URL),
    "push": lambda client: client.push(PushBody(MESSAGE)),
    "push again": lambda client: client.push(PushBody({**MESSAGE, "cid": "1"}), is_retry=True),
    "validate": lambda client: client.validate_push(PushBody(MESSAGE)),
    "withdraw": lambda client: client.withdraw("1180001"),
    "status": lambda client: client.push_status(["1180001"]),
    "prove credentials": lambda client: client.check_credentials(),
}

TROUBLE: Mapping[str, Reply] = {
    "reset": reset,
    "closed": close,
    "reset in the answer": [send(b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"), reset],
    "silence": stall,
}


def ask(call: str, *replies: Reply, budget: float = 0.0) -> Iterator[tuple[BaseException | None, str]]:
    """Make a call for each reply, and yield its error, None when it succeeded, and what it shows to whoever made it."""
    settings: dict[str, Any] = {"user_agent": "test", "timeouts": QUICK, "retry_budget": budget}
    with FaultServer(*replies) as server:
        for _ in replies:
            with EngageLabClient(server.url, APP_KEY, SECRET, **settings) as client:
                try:
                    returned = CALLS[call](client)
                except OppoImageError as error:
                    yield error, everything_about(error)
                else:
                    # What the service says of pushes is handed on as it is.
                    yield None, "" if call == "status" else repr(returned)


def test_the_ears_hear() -> None:
    """What these tests look for, they find."""
    for form in (SECRET, TOKEN, TOKEN.rstrip("="), SECRET[3:11], SECRET[::-1], repr(SECRET), str({"a": SECRET})):
        assert leaks(f"before {form} after")
    assert not leaks(APP_KEY, "a sentence about a master secret and its Base64 form", URL)
    assert signatures(URL)


def test_the_ears_hear_what_others_log(heard: Heard) -> None:
    with FaultServer(reset) as server, pytest.raises(requests.ConnectionError) as caught:
        requests.get(f"{server.url}/?{SIGNATURE}", headers={"Authorization": f"Basic {TOKEN}"}, timeout=5)
    assert leaks(heard())
    assert leaks(everything_about(caught.value))


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("call", CALLS)
def test_what_a_service_echoes_is_told_to_nobody(call: str, place: str, heard: Heard, ledger: Ledger) -> None:
    outcomes = ask(call, *(tell(place, echo) for echo in ECHOES))
    for echo, (_, shown) in zip(ECHOES, outcomes, strict=True):
        said = heard() + shown
        through = bool(leaks(said) or signatures(said))
        ledger.note(SECTION, "echoes of the credentials, by a call and a place", through=through)
        assert not through, (echo, leaks(said), said)
        assert "urllib3" in said


@pytest.mark.parametrize("code", ERROR_CODES)
@pytest.mark.parametrize("call", CALLS)
def test_no_error_of_the_services_table_tells_anything(call: str, code: int, heard: Heard, ledger: Ledger) -> None:
    statuses = ERROR_CODES[code].http_statuses
    for _, shown in ask(call, *(refusal(code, status, f"for {URL}: {SECRET} {TOKEN}") for status in statuses)):
        said = heard() + shown
        through = bool(leaks(said) or signatures(said))
        ledger.note(SECTION, "codes of the service, by call", through=through)
        assert not through, said


@pytest.mark.parametrize("trouble", TROUBLE)
@pytest.mark.parametrize("call", CALLS)
def test_no_trouble_on_the_line_tells_anything(call: str, trouble: str, heard: Heard, ledger: Ledger) -> None:
    [(error, shown)] = ask(call, TROUBLE[trouble], budget=0.3)
    assert error
    said = heard() + shown
    through = bool(leaks(said) or signatures(said))
    ledger.note(SECTION, "trouble on the line, by call", through=through)
    assert not through, said


@pytest.mark.parametrize("call", CALLS)
def test_no_local_variable_of_ours_holds_the_credentials(call: str, ledger: Ledger) -> None:
    """Tools for error reports send local variables along."""
    for error, _ in ask(call, refusal(21003, 400), refusal(51, 200), reset, close, [send(b"no HTTP\r\n\r\n"), close]):
        if error:
            through = bool(leaks(with_locals(error)))
            ledger.note(SECTION, "local variables in tracebacks", through=through)
            assert not through, with_locals(error)
