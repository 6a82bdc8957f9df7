"""Search for leaks from hooks, operators, sensors, triggers and the sandbox's pages, with masking disabled."""

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
from tests.support.credential_echoes import RESPONSE_PARTS, echo_reply
from tests.support.fault_server import FaultServer
from tests.support.leaks import APP_KEY, SECRET, SIGNATURE, dump_error, traceback_with_locals
from tests.support.picture_host import PictureHost
from tests.support.sensor_runs import MODES, Mode, deferred_by, ending, first_event, make_sensor
from tests.support.tasks import MemoryStore, make_context
from tests.trust.leaks.conftest import CapturedOutput, RequireNoLeak

URL = f"https://cdn.example.com/big.png?{SIGNATURE}"
MESSAGE = {"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Today"}}}}

Context = dict[str, Any]
Task = Callable[[Context], Any]

pytestmark = pytest.mark.usefixtures("_masking_disabled")


def upload(url: str = URL, **arguments: Any) -> OppoImageUploadOperator:
    return OppoImageUploadOperator(task_id="upload", big_picture_url=url, **arguments)


def push(**arguments: Any) -> OppoImagePushOperator:
    return OppoImagePushOperator(task_id="push", message=MESSAGE, big_picture_id="1_a", **arguments)


def batch(context: Context) -> str:
    """Upload a manifest; return the result or the error, and the content of all written files."""
    with tempfile.TemporaryDirectory() as folder:
        manifest = Path(folder, "night.csv")
        manifest.write_text(f"name,big_picture_url,small_picture_url\nspring,{URL},\nwrong,{URL},{URL}\n,{URL},\n")
        task = OppoImageBatchUploadOperator(task_id="batch", manifest=str(manifest), check=False)
        try:
            outcome = repr(task.execute(context))
        except Exception as error:  # noqa: BLE001 - any error is searched
            outcome = dump_error(error)
        manifest.unlink()
        written = [path.read_text() for path in Path(folder).rglob("*") if path.is_file()]
        assert written
        return f"{outcome} {written}"


TASKS: Mapping[str, Task] = {
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
def module_sandbox() -> Iterator[SandboxServer]:
    with SandboxServer(SandboxOptions(APP_KEY, SECRET)) as sandbox:
        yield sandbox


@pytest.fixture
def service(module_sandbox: SandboxServer, connect: Callable[[str], None]) -> SandboxServer:
    """Return a sandbox with the secret, which the default connection points to."""
    module_sandbox.forget()
    module_sandbox.recover()
    connect(module_sandbox.url)
    return module_sandbox


def results_of(task: Task) -> str:
    """Run a task; return its result or error, its XComs and its state."""
    context = make_context(MemoryStore())
    try:
        outcome = repr(task(context))
    except Exception as error:  # noqa: BLE001 - any error is searched
        outcome = dump_error(error)
    return f"{outcome} {context['ti'].pushed} {context['task_state_store'].values}"


def pages_of(service: SandboxServer) -> str:
    """Return the sandbox's page and received data."""
    with urllib.request.urlopen(f"{service.url}/", timeout=10) as page:
        return str(page.read().decode()) + json.dumps(service.received())


@pytest.mark.parametrize("part", RESPONSE_PARTS)
@pytest.mark.parametrize("task", TASKS)
def test_task_hides_echoed_credentials(
    task: str,
    part: str,
    connect: Callable[[str], None],
    output: CapturedOutput,
    require_no_leak: RequireNoLeak,
) -> None:
    for form in ("the header", "the secret", "its Base64 without padding"):
        with FaultServer(echo_reply(part, form)) as server:
            connect(server.url)
            require_no_leak("echoes of the credentials, by a task", results_of(TASKS[task]) + output())


def test_successful_campaign_leaks_nothing(
    service: SandboxServer, host: PictureHost, output: CapturedOutput, require_no_leak: RequireNoLeak
) -> None:
    from airflow_provider_oppo_image.airflow_compat import Asset

    big = host.serve(f"/big.png?{SIGNATURE}", artwork.good("big"))
    event = MagicMock(extra={})
    context = make_context(MemoryStore(), outlet_events={Asset("oppo-image://spring"): event})
    operator = upload(big, outlets=[Asset("oppo-image://spring")])
    ids = operator.execute(context)
    pushing = OppoImagePushOperator(task_id="push", message=MESSAGE, big_picture_id=ids["big_picture_id"])
    msg_id = pushing.execute(context)

    texts = {
        "the log": output(),
        "XCom": f"{ids} {msg_id} {context['ti'].pushed}",
        "the task's state": str(context["task_state_store"].values),
        "an asset event": repr(event.extra),
        "the sandbox's pages": pages_of(service),
        "operators": f"{operator!r} {pushing!r} {operator.hook!r} {vars(operator.hook)!r}",
    }
    assert event.extra["big_picture_url"] == big.partition("?")[0]
    assert "Uploaded the big picture" in texts["the log"]
    for name, text in texts.items():
        require_no_leak(f"a successful campaign: {name}", text)
    rendered = repr([getattr(task, name) for task in (operator, pushing) for name in task.template_fields])
    require_no_leak("a successful campaign: rendered templates", rendered, signature=False)


@pytest.mark.parametrize("outcome", ["ready", "wrong", "absent", "refused", "broken", "moved"])
@pytest.mark.parametrize("mode", MODES)
def test_sensor_hides_the_signature(
    mode: Mode,
    outcome: str,
    service: SandboxServer,
    host: PictureHost,
    output: CapturedOutput,
    require_no_leak: RequireNoLeak,
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
    ended, result = ending(mode, big_picture_url=url, timeout=0.2)
    text = dump_error(result) if isinstance(result, BaseException) else repr(result)
    require_no_leak("sensors, by mode and outcome", f"{ended} {text} {output()}")


def test_trigger_contains_no_credentials(
    service: SandboxServer, host: PictureHost, require_no_leak: RequireNoLeak
) -> None:
    from airflow_provider_oppo_image.triggers.oppo_image import OppoImageEventTrigger

    url = host.status(f"/big.png?{SIGNATURE}", 404)
    waiting = deferred_by(make_sensor(deferrable=True, big_picture_url=url)).trigger
    watching = OppoImageEventTrigger(big_picture_url=url)
    for trigger in (waiting, watching):
        stored = json.dumps(trigger.serialize()) + pickle.dumps(trigger).decode(errors="replace")
        require_no_leak("arguments of triggers", stored, repr(vars(trigger)), signature=False)
        require_no_leak("names of triggers in logs", repr(trigger), str(trigger))
    waiting.deadline = time.time()
    require_no_leak("events of triggers", repr(first_event(waiting)))


def test_sandbox_hides_signatures_of_refused_pictures(
    service: SandboxServer, host: PictureHost, output: CapturedOutput, require_no_leak: RequireNoLeak
) -> None:
    for url in (
        host.serve(f"/wrong.png?{SIGNATURE}", artwork.png(876, 324)),
        host.status(f"/absent.png?{SIGNATURE}", 404),
        host.reset(f"/broken.png?{SIGNATURE}"),
        f"http://127.0.0.1:1/closed.png?{SIGNATURE}",
        f"http://nowhere.invalid/unknown.png?{SIGNATURE}",
    ):
        results = results_of(lambda context, url=url: upload(url, check=False).execute(context))  # type: ignore[misc]
        require_no_leak("pictures that a sandbox refuses", results + output() + pages_of(service))


CONNECTION = {"conn_type": "oppo_image", "login": APP_KEY, "password": SECRET, "host": "https://127.0.0.1:1"}


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
def test_error_of_an_invalid_connection_hides_secrets(
    fields: dict[str, Any], output: CapturedOutput, monkeypatch: pytest.MonkeyPatch, require_no_leak: RequireNoLeak
) -> None:
    monkeypatch.setenv(CONNECTION_VARIABLE, json.dumps(CONNECTION | fields))
    for task in ("hook.test_connection", "upload operator", "push operator"):
        require_no_leak("invalid connections", results_of(TASKS[task]) + output(), signature=False)


@pytest.mark.parametrize("fields", [{"host": "not a host"}, {"login": ""}, {"extra": "no JSON"}, {"conn_type": "http"}])
def test_traceback_of_an_invalid_connection_hides_secrets(
    fields: dict[str, Any], monkeypatch: pytest.MonkeyPatch, require_no_leak: RequireNoLeak
) -> None:
    """Error reporting tools send local variables, and Airflow 3 includes the password in a connection's `repr`."""
    monkeypatch.setenv(CONNECTION_VARIABLE, json.dumps(CONNECTION | fields))
    with pytest.raises(ConfigurationError) as caught:
        OppoImageHook().get_conn()
    require_no_leak("local variables in tracebacks", traceback_with_locals(caught.value), signature=False)


def test_error_of_a_missing_ca_bundle_hides_secrets(
    connect: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, require_no_leak: RequireNoLeak
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/not/there.pem")
    connect("https://127.0.0.1:1")
    with pytest.raises(ConfigurationError, match="REQUESTS_CA_BUNDLE") as caught:
        OppoImageHook().get_conn()
    texts = (traceback_with_locals(caught.value), dump_error(caught.value))
    require_no_leak("local variables in tracebacks", *texts, signature=False)
