"""Operator that withdraws a push."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_oppo_image.airflow_compat import AirflowSkipException, BaseOperator
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors
from airflow_provider_oppo_image.links.oppo_image import LINKS

if TYPE_CHECKING:
    from airflow.sdk import Context


class OppoImageWithdrawOperator(BaseOperator):
    """Withdraws a push by its message id. The service allows it once, within one day.

    What a withdrawal does on OPPO's channel is not documented: phones that already show the push may keep it.

    Do not make it a teardown: a teardown also runs after success, and would withdraw every push. Run it by hand, or
    with ``trigger_rule="one_failed"`` after the task that judges the push.

    Returns the message id.

    :param msg_id: the message id that the push returned (templated). None skips the task, because the push task then
        returned no id: it sent nothing, or its outcome is unknown.
    :param oppo_image_conn_id: the id of the connection (templated), of the AppKey that pushed.
    """

    template_fields: Sequence[str] = ("msg_id", "oppo_image_conn_id")
    operator_extra_links = LINKS
    ui_color = "#f9dedc"

    def __init__(self, *, msg_id: str, oppo_image_conn_id: str = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.msg_id = msg_id
        self.oppo_image_conn_id = oppo_image_conn_id

    def execute(self, context: Context) -> str:
        """Withdraw the push, and return its message id; called by Airflow."""
        from airflow_provider_oppo_image.engagelab.messages import read_msg_id

        if self.msg_id is None:
            raise AirflowSkipException(
                "There is no message id, so nothing can be withdrawn. If the outcome of the push is unknown, look for "
                "it in EngageLab's console."
            )
        with airflow_errors():
            msg_id = read_msg_id(self.msg_id)
            OppoImageHook(self.oppo_image_conn_id).withdraw(msg_id)
        self.log.info("Withdrew the push %s. Phones that already show it may keep it.", msg_id)
        return msg_id
