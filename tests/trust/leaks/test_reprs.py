"""Nothing shows a secret by its `repr`: found by walking through all classes of the package."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping

import pytest

import airflow_provider_oppo_image
from airflow_provider_oppo_image.cli.new_connection import NewConnection
from airflow_provider_oppo_image.connection import Settings
from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.responses import Response
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.net.redaction import SecretRedactor
from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from airflow_provider_oppo_image.sandbox.service import Service
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor
from tests.conftest import CONNECTION_VARIABLE
from tests.support.leaks import APP_KEY, SECRET, SIGNATURE, TOKEN, leaks, signatures
from tests.trust.ledger import Ledger

SECTION = "nothing leaks"
URL = f"https://cdn.example.com/big.png?{SIGNATURE}"
CONNECTION = {"conn_type": "oppo_image", "login": APP_KEY, "password": SECRET, "host": "https://127.0.0.1:1"}

_SECRET = re.compile(r"secret|password|credential|authorization|token", re.IGNORECASE)


def used(hook: OppoImageHook) -> OppoImageHook:
    """Return a hook that has read its connection and made its client."""
    hook.get_conn()
    return hook


def settings() -> Settings:
    return used(OppoImageHook()).settings


def upload_operator() -> OppoImageUploadOperator:
    operator = OppoImageUploadOperator(task_id="upload", big_picture_url=URL)
    used(operator.hook)
    return operator


def push_operator() -> OppoImagePushOperator:
    operator = OppoImagePushOperator(task_id="push", message={})
    used(operator.hook)
    return operator


HOLDERS: Mapping[type, Callable[[], object]] = {
    NewConnection: lambda: NewConnection("oppo_image_default", APP_KEY, SECRET),
    Settings: settings,
    EngageLabClient: lambda: used(OppoImageHook()).get_conn(),
    HttpTransport: lambda: HttpTransport("https://127.0.0.1:1", APP_KEY, SECRET, user_agent="test"),
    SecretRedactor: lambda: SecretRedactor(SECRET, TOKEN),
    Response: lambda: Response(200, f"{SECRET} {TOKEN}".encode(), redactor=SecretRedactor(SECRET)),
    OppoImageHook: lambda: used(OppoImageHook()),
    OppoImageUploadOperator: upload_operator,
    OppoImagePushOperator: push_operator,
    OppoImageSensor: lambda: OppoImageSensor(task_id="wait", big_picture_url=URL),
    SandboxOptions: lambda: SandboxOptions(APP_KEY, SECRET),
    SandboxServer: lambda: SandboxServer(SandboxOptions(APP_KEY, SECRET)),
    Service: lambda: Service(SandboxOptions(APP_KEY, SECRET)),
}


@pytest.fixture(autouse=True)
def _connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONNECTION_VARIABLE, json.dumps(CONNECTION))


def classes() -> Iterator[type]:
    """Yield all classes that the package defines."""
    package = airflow_provider_oppo_image
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if "example_dags" not in module.name:
            for value in vars(importlib.import_module(module.name)).values():
                if inspect.isclass(value) and value.__module__ == module.name:
                    yield value


def is_handed_a_secret(kind: type) -> bool:
    """Tell whether a class is made with a secret, or with something that holds one."""
    if issubclass(kind, BaseException) or not inspect.isfunction(kind.__init__):
        return False
    handed = {name: str(parameter.annotation) for name, parameter in inspect.signature(kind).parameters.items()}
    holders = [
        rf"\b{holder.__name__}\b"
        for holder in (Settings, HttpTransport, EngageLabClient, SecretRedactor, SandboxOptions)
    ]
    return any(
        _SECRET.search(name) or any(re.search(holder, annotation) for holder in holders)
        for name, annotation in handed.items()
    )


def test_every_class_that_is_handed_a_secret_is_looked_at() -> None:
    handed = {kind for kind in classes() if is_handed_a_secret(kind)}
    assert {Settings, EngageLabClient, SandboxOptions} <= handed
    assert handed <= HOLDERS.keys()


@pytest.mark.parametrize("kind", HOLDERS, ids=lambda kind: kind.__name__)
def test_what_holds_a_secret_does_not_show_it(kind: type, ledger: Ledger) -> None:
    holder = HOLDERS[kind]()
    assert type(holder) is kind
    shown = [repr(holder), str(holder), f"{holder}", repr([holder]), repr({"holder": holder})]
    through = bool(leaks(*shown) or signatures(*shown))
    ledger.note(SECTION, "classes with a secret, by repr", through=through)
    assert not through, shown


def test_what_is_made_of_a_connection_shows_no_secret_when_it_is_looked_into(ledger: Ledger) -> None:
    for holder in (used(OppoImageHook()), upload_operator().hook, push_operator().hook):
        shown = repr(vars(holder))
        ledger.note(SECTION, "classes with a secret, looked into", through=bool(leaks(shown)))
        assert not leaks(shown), shown
