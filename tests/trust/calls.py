"""The calls of the hook that are attacked, with a good response for each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import SimpleNamespace
from typing import Any, Final

from airflow_provider_oppo_image.connection import read_settings
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.net.deadline import TransportOptions
from tests.support import artwork
from tests.support.fault_server import Step, answer, refusal

APP_KEY: Final = "an-app-key"
SECRET: Final = "m4ster-s3cret"
PICTURE: Final = "https://cdn.example.com/big.png"
MESSAGE: Final = {"to": "all", "body": {"platform": "all", "options": {"cid": "the-cid"}}}


@dataclass(frozen=True)
class Call:
    name: str
    make: Callable[[OppoImageHook, str], Any]  # with the URL of the hook's server
    good: Step
    succeeded: Callable[[Any], bool]  # whether a value is the result of the good response
    id_key: str | None = None  # the key of the id in the response
    retried: bool = True  # within the client's budget

    def __str__(self) -> str:
        return self.name


def _upload(kind: PictureKind) -> Call:
    key = f"{kind}_picture_id"
    return Call(
        f"upload {kind}",
        lambda hook, _: hook.upload(kind, PICTURE),
        answer(200, {key: "1_a"}),
        "1_a".__eq__,
        id_key=key,
    )


PUSH: Final = Call(
    "push",
    lambda hook, _: hook.push(MESSAGE),
    answer(200, {"request_id": "", "msg_id": "42"}),
    lambda msg_id: msg_id == "42",
    id_key="msg_id",
)
VALIDATE: Final = Call(
    "validate", lambda hook, _: hook.validate_push(MESSAGE), answer(200, {}), lambda nothing: nothing is None
)
WITHDRAW: Final = Call(
    "withdraw", lambda hook, _: hook.withdraw("42"), answer(200, {}), lambda nothing: nothing is None
)
PUSH_STATUS: Final = Call(
    "push status",
    lambda hook, _: hook.push_status(["42"]),
    answer(200, {"42": {"targets": 7}}),
    lambda numbers: numbers["42"].targets == 7,
)
TEST_CONNECTION: Final = Call(
    "test connection",
    lambda hook, _: hook.test_connection(),
    refusal(23002, 400),
    lambda result: result[0] is True,
    retried=False,
)
CHECK: Final = Call(
    "check",
    lambda hook, url: hook.check("big", f"{url}/big.png"),
    answer(200, artwork.good("big"), Content_Type="image/png"),
    lambda report: report.state == "ready" and report.sha256 is not None,
    retried=False,
)

CALLS: Final = (_upload("big"), _upload("small"), PUSH, VALIDATE, WITHDRAW, PUSH_STATUS, TEST_CONNECTION, CHECK)


def make_hook(url: str, timeouts: TransportOptions, retry_budget: float) -> OppoImageHook:
    """Return a hook whose connection points to a server."""
    extra = asdict(timeouts) | {"retry_budget": retry_budget, "allow_private_addresses": True}
    hook = OppoImageHook()
    fields = {"conn_id": "oppo_image_default", "conn_type": "oppo_image", "login": APP_KEY, "password": SECRET}
    connection = SimpleNamespace(**fields, host=url, port=None, schema=None, extra=json.dumps(extra))
    hook.settings = read_settings(connection)
    return hook
