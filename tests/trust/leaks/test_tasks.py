"""Nothing leaks from hooks, operators, sensors and triggers, nor to the sandbox's pages, though nothing is masked."""

from __future__ import annotations

import json
import pickle
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import MagicMock

import pytest

from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.operators.oppo_image import (
    OppoImageBatchUploadOperator,
    OppoImagePushOperator,
    OppoImageUploadOperator,
)
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.conftest import CONNECTION_VARIABLE
from tests.support import artwork
from tests.support.echoes import PLACES, tell
from tests.support.fault_server import FaultServer
from tests.support.leaks import APP_KEY, SECRET, SIGNATURE, everything_about, leaks, signatures, with_locals
from tests.support.picture_host import PictureHost
from tests.support.tasks import MemoryStore, make_context
from tests.support.waits import MODES, Mode, deferred_by, ending, first_event, make_sensor
from tests.trust.leaks.conftest import Heard
from tests.trust.ledger import Ledger

SECTION = "nothing leaks"
URL = f"https://cdn.example.com/big.png?{SIGNATURE}"
MESSAGE = {"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Today"}}}}

Context = dict[str, Any]
Job = Callable[[Context], Any]

pytestmark = pytest.mark.usefixtures("_unmasked")


def upload(url: str = URL, **arguments: Any) -> OppoImageUploadOperator:
    return OppoImageUploadOperator(task_id="upload", big_picture_url=url, **arguments)


def push(**arguments: Any) -> OppoImagePushOperator:
    return OppoImagePushOperator(task_id="push", message=MESSAGE, big_picture_id="1_a", **arguments)


def batch(context: Context) -> str:
    """Upload a manifest; return what the task returned or raised, and all that it wrote."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder, "night.csv")
        manifest.write_text(f"name,big_picture_url,small_picture_url\nspring,{URL},\nwrong,{URL},{URL}\n,{URL},\n")
        task = OppoImageBatchUploadOperator(task_id="batch", manifest=str(manifest), check=False)
        try:
            outcome = repr(task.execute(context))
        except Exception as error:  # noqa: BLE001 - whatever it is, it is looked through
            outcome = everything_about(error)
        manifest.unlink()
        written = [path.read_text() for path in Path(folder).rglob("*") if path.is_file()]
        assert written
        return f"{outcome} {written}"


JOBS: Mapping[str, Job] = {
    "hook.upload": lambda _: OppoImageHook().upload("big", URL),
    "hook.upload_pictures": lambda _: OppoImageHook().upload_pictures(URL, URL.replace("big", "small")),
    "hook.push": lambda _: OppoImageHook().push(MESSAGE, big_picture_id="1_a"),
    "hook.validate_push": lambda _: OppoImageHook().validate_push(MESSAGE, big_picture_id="1_a"),
    "hook.withdraw": lambda _: OppoImageHook().withdraw("1180001"),
    "hook.test_connection": lambda _: OppoImageHook().test_connection(),
    "upload operator": lambda context: upload(check=False).execute(context),
    "batch operator": batch,
    "batch operator, of a list": lambda context: OppoImageBatchUploadOperator(
        task_id="batch", pictures=[{"name": "spring", "big_picture_url": URL}], check=False, on_error="keep_going"
    ).execute(context),
    "push operator": lambda context: push().execute(context),
    "push operator, validating": lambda context: push(validate_only=True).execute(context),
}


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    def connect(host: str) -> None:
        fields = {"conn_type": "oppo_image", "login": APP_KEY, "password": SECRET, "host": host}
        extra = {"retry_budget": 0, "allow_private_addresses": True}
        monkeypatch.setenv(CONNECTION_VARIABLE, json.dumps({**fields, "extra": extra}))

    return connect


@pytest.fixture(scope="module")
def running() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxOptions(APP_KEY, SECRET)) as running:
        yield running


@pytest.fixture
def service(running: SandboxServer, connect: Callable[[str], None]) -> SandboxServer:
    """A sandbox with the secret, and the default connection to it."""
    running.forget()
    running.recover()
    connect(running.url)
    return running


def shown_by(job: Job) -> str:
    """Do a job; return what it returned or raised, and what it left to Airflow."""
    context = make_context(MemoryStore())
    try:
        outcome = repr(job(context))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is looked through
        outcome = everything_about(error)
    return f"{outcome} {context['ti'].pushed} {context['task_state_store'].values}"


def pages_of(service: SandboxServer) -> str:
    """The sandbox's page, and all that it received."""
    with urllib.request.urlopen(f"{service.url}/", timeout=10) as page:
        return str(page.read().decode()) + json.dumps(service.received())


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("job", JOBS)
def test_what_a_service_echoes_stays_between_it_and_the_client(
    job: str, place: str, connect: Callable[[str], None], heard: Heard, ledger: Ledger
) -> None:
    for echo in ("the header", "the secret", "its Base64 without padding"):
        with FaultServer(tell(place, echo)) as server:
            connect(server.url)
            said = shown_by(JOBS[job]) + heard()
        through = bool(leaks(said) or signatures(said))
        ledger.note(SECTION, "echoes of the credentials, by a task and a place", through=through)
        assert not through, (echo, leaks(said), said)


def test_a_chain_that_succeeds_tells_nothing(
    service: SandboxServer, host: PictureHost, heard: Heard, ledger: Ledger
) -> None:
    from airflow_provider_oppo_image.airflow_compat import Asset

    big = host.serve(f"/big.png?{SIGNATURE}", artwork.good("big"))
    event = MagicMock(extra={})
    context = make_context(MemoryStore(), outlet_events={Asset("oppo-image://spring"): event})
    operator = upload(big, outlets=[Asset("oppo-image://spring")])
    ids = operator.execute(context)
    pushing = OppoImagePushOperator(task_id="push", message=MESSAGE, big_picture_id=ids["big_picture_id"])
    msg_id = pushing.execute(context)

    places = {
        "the log": heard(),
        "XCom": f"{ids} {msg_id} {context['ti'].pushed}",
        "the task's state": str(context["task_state_store"].values),
        "an asset event": repr(event.extra),
        "the sandbox's pages": pages_of(service),
        "operators": f"{operator!r} {pushing!r} {operator.hook!r} {vars(operator.hook)!r}",
    }
    assert event.extra["big_picture_url"] == big.partition("?")[0]
    assert "Uploaded the big picture" in places["the log"]
    for place, text in places.items():
        through = bool(leaks(text) or signatures(text))
        ledger.note(SECTION, f"a chain that succeeds: {place}", through=through)
        assert not through, (place, text)
    rendered = repr([getattr(task, name) for task in (operator, pushing) for name in task.template_fields])
    ledger.note(SECTION, "a chain that succeeds: rendered templates", through=bool(leaks(rendered)))
    assert not leaks(rendered)


@pytest.mark.parametrize("outcome", ["ready", "wrong", "absent", "refused", "broken", "moved"])
@pytest.mark.parametrize("mode", MODES)
def test_no_wait_tells_a_signature(
    mode: Mode, outcome: str, service: SandboxServer, host: PictureHost, heard: Heard, ledger: Ledger
) -> None:
    signed = f"/big.png?{SIGNATURE}"
    url = {
        "ready": lambda: host.serve(signed, artwork.good("big")),
        "wrong": lambda: host.serve(signed, artwork.png(876, 324)),
        "absent": lambda: host.status(signed, 404),
        "refused": lambda: f"http://169.254.169.254{signed}",
        "broken": lambda: host.reset(signed),
        "moved": lambda: host.redirect("/", f"ftp://cdn.example.com{signed}"),
    }[outcome]()
    ended, returned = ending(mode, big_picture_url=url, timeout=0.2)
    shown = everything_about(returned) if isinstance(returned, BaseException) else repr(returned)
    said = f"{ended} {shown} {heard()}"
    through = bool(leaks(said) or signatures(said))
    ledger.note(SECTION, "waits, by mode and outcome", through=through)
    assert not through, said


def test_a_trigger_carries_no_credentials_and_shows_no_signature(
    service: SandboxServer, host: PictureHost, ledger: Ledger
) -> None:
    from airflow_provider_oppo_image.triggers.oppo_image import OppoImageEventTrigger

    url = host.status(f"/big.png?{SIGNATURE}", 404)
    waiting = deferred_by(make_sensor(deferrable=True, big_picture_url=url)).trigger
    watching = OppoImageEventTrigger(big_picture_url=url)
    for trigger in (waiting, watching):
        stored = json.dumps(trigger.serialize()) + pickle.dumps(trigger).decode(errors="replace")
        ledger.note(SECTION, "arguments of triggers", through=bool(leaks(stored, repr(vars(trigger)))))
        assert not leaks(stored, repr(vars(trigger)))
        ledger.note(SECTION, "names of triggers in logs", through=bool(signatures(repr(trigger), str(trigger))))
        assert not signatures(repr(trigger), str(trigger))
    waiting.deadline = time.time()
    event = repr(first_event(waiting))
    ledger.note(SECTION, "events of triggers", through=bool(leaks(event) or signatures(event)))
    assert not leaks(event)
    assert not signatures(event)


def test_what_a_sandbox_refuses_it_shows_without_signatures(
    service: SandboxServer, host: PictureHost, heard: Heard, ledger: Ledger
) -> None:
    for url in (
        host.serve(f"/wrong.png?{SIGNATURE}", artwork.png(876, 324)),
        host.status(f"/absent.png?{SIGNATURE}", 404),
        host.reset(f"/broken.png?{SIGNATURE}"),
        f"http://127.0.0.1:1/closed.png?{SIGNATURE}",
        f"http://nowhere.invalid/unknown.png?{SIGNATURE}",
    ):
        said = shown_by(lambda context, url=url: upload(url, check=False).execute(context))  # type: ignore[misc]
        said += heard() + pages_of(service)
        through = bool(leaks(said) or signatures(said))
        ledger.note(SECTION, "pictures that a sandbox refuses", through=through)
        assert not through, said


@pytest.mark.parametrize(
    "fields",
    [
        {"conn_type": "http"},
        {"login": ""},
        {"host": "not a host"},
        {"host": f"https://user:{SECRET}@host.example"},
        {"host": "127.0.0.1:1", "schema": "gopher"},
        {"extra": {"read_timeout": "soon"}},
        {"extra": {"data_center": "moon"}},
        {"extra": {"no_such_key": SECRET, "retry_budget": 0}},
        {"extra": json.dumps([SECRET])},
        {"extra": f"no JSON {SECRET}"},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_a_connection_that_is_wrong_is_told_without_its_secrets(
    fields: dict[str, Any], heard: Heard, monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    connection = {"conn_type": "oppo_image", "login": APP_KEY, "password": SECRET, "host": "https://127.0.0.1:1"}
    monkeypatch.setenv(CONNECTION_VARIABLE, json.dumps(connection | fields))
    for job in ("hook.test_connection", "upload operator", "push operator"):
        said = shown_by(JOBS[job]) + heard()
        ledger.note(SECTION, "connections that are wrong", through=bool(leaks(said)))
        assert not leaks(said), said


@pytest.mark.parametrize("fields", [{"host": "not a host"}, {"login": ""}, {"extra": "no JSON"}, {"conn_type": "http"}])
def test_nor_by_the_local_variables_of_its_traceback(
    fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    """Tools for error reports send them along, and Airflow 3 puts a connection's password into its `repr`."""
    connection = {"conn_type": "oppo_image", "login": APP_KEY, "password": SECRET, "host": "https://127.0.0.1:1"}
    monkeypatch.setenv(CONNECTION_VARIABLE, json.dumps(connection | fields))
    with pytest.raises(ConfigurationError) as caught:
        OppoImageHook().get_conn()
    shown = with_locals(caught.value)
    ledger.note(SECTION, "local variables in tracebacks", through=bool(leaks(shown)))
    assert not leaks(shown), shown


def test_certificate_authorities_that_are_not_there_are_told_without_secrets(
    connect: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/not/there.pem")
    connect("https://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="REQUESTS_CA_BUNDLE") as caught:
        OppoImageHook().get_conn()
    shown = with_locals(caught.value) + everything_about(caught.value)
    ledger.note(SECTION, "local variables in tracebacks", through=bool(leaks(shown)))
    assert not leaks(shown), shown
