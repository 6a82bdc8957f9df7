from __future__ import annotations

from typing import Any

import pytest

from airflow_provider_oppo_image.airflow_compat import AirflowFailException, AirflowSkipException
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.operators.oppo_image import OppoImageWithdrawOperator
from airflow_provider_oppo_image.sandbox.server import SandboxServer
from tests.support.tasks import make_context

pytestmark = pytest.mark.usefixtures("connect")
MESSAGE = {"to": "all", "body": {"platform": "all", "notification": {"android": {"alert": "Spring is here"}}}}


def withdraw(msg_id: Any) -> Any:
    return OppoImageWithdrawOperator(task_id="withdraw", msg_id=msg_id).execute(make_context())


def test_withdraws_once(sandbox: SandboxServer) -> None:
    msg_id = OppoImageHook().push(MESSAGE)
    assert withdraw(int(msg_id)) == msg_id
    assert [push["withdrawn"] for push in sandbox.received()["pushes"]] == [True]
    with pytest.raises(AirflowFailException, match="code 21003"):
        withdraw(msg_id)


@pytest.mark.parametrize(("msg_id", "error"), [(None, AirflowSkipException), ("None", AirflowFailException)])
def test_no_message_id_is_not_sent(sandbox: SandboxServer, msg_id: str | None, error: type[Exception]) -> None:
    with pytest.raises(error, match="message id"):
        withdraw(msg_id)
    assert sandbox.received()["requests"] == {}


def test_refusal_after_a_lost_answer_says_that_it_may_have_worked(sandbox: SandboxServer, connect: Any) -> None:
    msg_id = OppoImageHook().push(MESSAGE)
    connect(extra={"allow_private_addresses": True, "retry_budget": 20})
    sandbox.fail(call="withdraw", drop=True, after=True)
    with pytest.raises(AirflowFailException, match="may have withdrawn it"):
        withdraw(msg_id)
    assert [push["withdrawn"] for push in sandbox.received()["pushes"]] == [True]
