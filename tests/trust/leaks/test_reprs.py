"""Search for secrets in the `repr` of every class of the package that receives one."""

from __future__ import annotations

import importlib
import inspect
import json
import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping

import pytest

import airflow_provider_oppo_image
from airflow_provider_oppo_image.cli.connection import NewConnection
from airflow_provider_oppo_image.connection import Settings
from airflow_provider_oppo_image.engagelab.client import EngageLabClient
from airflow_provider_oppo_image.engagelab.http import HttpTransport
from airflow_provider_oppo_image.engagelab.responses import Response
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.net.redaction import SecretRedactor
from airflow_provider_oppo_image.operators.oppo_image import OppoImagePushOperator, OppoImageUploadOperator
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from airflow_provider_oppo_image.sandbox.service import SandboxService
from airflow_provider_oppo_image.sensors.oppo_image import OppoImageSensor
from tests.conftest import CONNECTION_VARIABLE
from tests.support.leaks import APP_KEY, SECRET, SIGNATURE, TOKEN
from tests.trust.leaks.conftest import RequireNoLeak

URL = f"https://cdn.example.com/big.png?{SIGNATURE}"
CONNECTION = {"conn_type": "oppo_image", "login": APP_KEY, "password": SECRET, "host": "https://127.0.0.1:1"}

_SECRET_NAME = re.compile(r"secret|password|credential|authorization|token", re.IGNORECASE)


def connected(hook: OppoImageHook) -> OppoImageHook:
    hook.get_conn()
    return hook


def settings() -> Settings:
    return connected(OppoImageHook()).settings


def upload_operator() -> OppoImageUploadOperator:
    operator = OppoImageUploadOperator(task_id="upload", big_picture_url=URL)
    connected(operator.hook)
    return operator


def push_operator() -> OppoImagePushOperator:
    operator = OppoImagePushOperator(task_id="push", message={"to": "all"})
    connected(operator.hook)
    return operator


HOLDERS: Mapping[type, Callable[[], object]] = {
    NewConnection: lambda: NewConnection("oppo_image_default", APP_KEY, SECRET),
    Settings: settings,
    EngageLabClient: lambda: connected(OppoImageHook()).get_conn(),
    HttpTransport: lambda: HttpTransport("https://127.0.0.1:1", APP_KEY, SECRET, user_agent="test"),
    SecretRedactor: lambda: SecretRedactor(SECRET, TOKEN),
    Response: lambda: Response(200, f"{SECRET} {TOKEN}".encode(), redactor=SecretRedactor(SECRET)),
    OppoImageHook: lambda: connected(OppoImageHook()),
    OppoImageUploadOperator: upload_operator,
    OppoImagePushOperator: push_operator,
    OppoImageSensor: lambda: OppoImageSensor(task_id="wait", big_picture_url=URL),
    SandboxOptions: lambda: SandboxOptions(APP_KEY, SECRET),
    SandboxServer: lambda: SandboxServer(SandboxOptions(APP_KEY, SECRET)),
    SandboxService: lambda: SandboxService(SandboxOptions(APP_KEY, SECRET)),
}


@pytest.fixture(autouse=True)
def _connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONNECTION_VARIABLE, json.dumps(CONNECTION))


def classes() -> Iterator[type]:
    package = airflow_provider_oppo_image
    for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if "example_dags" not in module.name:
            for value in vars(importlib.import_module(module.name)).values():
                if inspect.isclass(value) and value.__module__ == module.name:
                    yield value


def receives_a_secret(kind: type) -> bool:
    """Return whether a class is constructed with a secret, or with an object that contains one."""
    if issubclass(kind, BaseException) or not inspect.isfunction(kind.__init__):
        return False
    if kind.__init__.__module__.startswith("urllib3."):
        return False  # its parameter `key_password` is not ours
    annotations = {name: str(parameter.annotation) for name, parameter in inspect.signature(kind).parameters.items()}
    secret_types = (Settings, HttpTransport, EngageLabClient, SecretRedactor, SandboxOptions)
    holders = [rf"\b{holder.__name__}\b" for holder in secret_types]
    return any(
        _SECRET_NAME.search(name) or any(re.search(holder, annotation) for holder in holders)
        for name, annotation in annotations.items()
    )


def test_holders_include_every_class_with_a_secret() -> None:
    found = {kind for kind in classes() if receives_a_secret(kind)}
    assert {Settings, EngageLabClient, SandboxOptions} <= found
    assert found <= HOLDERS.keys()


@pytest.mark.parametrize("kind", HOLDERS, ids=lambda kind: kind.__name__)
def test_repr_contains_no_secret(kind: type, require_no_leak: RequireNoLeak) -> None:
    holder = HOLDERS[kind]()
    assert type(holder) is kind
    texts = [repr(holder), str(holder), f"{holder}", repr([holder]), repr({"holder": holder})]
    require_no_leak("classes with a secret, by repr", *texts)


def test_attributes_of_a_hook_contain_no_secret(require_no_leak: RequireNoLeak) -> None:
    for holder in (connected(OppoImageHook()), upload_operator().hook, push_operator().hook):
        require_no_leak("attributes of hooks", repr(vars(holder)), signature=False)
