"""The operator that pushes with the ids of pictures."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from airflow_provider_oppo_image.airflow_compat import BaseOperator, task_state_store
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.errors import CidAlreadyUsedError, ConfigurationError
from airflow_provider_oppo_image.hooks.lineage import LineageMixin
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors
from airflow_provider_oppo_image.hooks.uploads import picture_ids
from airflow_provider_oppo_image.links.oppo_image import LINKS
from airflow_provider_oppo_image.template_values import is_blank

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_oppo_image.engagelab.push_body import PushBody
    from airflow_provider_oppo_image.hooks.task_record import PushRecord, TaskRecord


class OppoImagePushOperator(LineageMixin, BaseOperator):
    """Sends a push that carries the pictures, once, however often the task is tried.

    The push gets a `cid` made of the connection's namespace and the task's DAG, run, name and map index, by which the
    service tells a repeat while it remembers it. Clearing the task does not push again either: who means to push again
    gives a `cid`. Returns the message id; None, with a warning, where an earlier try sent the push and its answer was
    lost; None for `validate_only`.

    :param message: the vendor's push body (templated): an object with `to` and `body`. What it says in OPPO's options,
        and its own `cid`, win.
    :param big_picture_id: the big picture's id (templated).
    :param small_picture_id: the small picture's id (templated).
    :param on_missing_picture: where neither id is there: "fail", or "text" to push without pictures, with a warning.
    :param validate_only: have the service check the push, and send nothing (templated: "true", "false").
    :param cid: up to 64 letters, digits, ``_`` and ``-`` (templated), instead of the one that is made.
    :param campaign: what people call what the push is for (templated): the page of a run's pictures shows it.
    :param oppo_image_conn_id: the id of the connection (templated).
    :raises ConfigurationError: if `on_missing_picture` is neither of its values.
    """

    template_fields: Sequence[str] = (
        "message",
        "big_picture_id",
        "small_picture_id",
        "validate_only",
        "cid",
        "campaign",
        "oppo_image_conn_id",
    )
    template_fields_renderers = {"message": "json"}  # noqa: RUF012  # Airflow's own declaration
    operator_extra_links = LINKS
    ui_color = "#e3f4ea"

    def __init__(
        self,
        *,
        message: Mapping[str, Any],
        big_picture_id: str | None = None,
        small_picture_id: str | None = None,
        on_missing_picture: Literal["fail", "text"] = "fail",
        validate_only: bool | str = False,
        cid: str | None = None,
        campaign: str | None = None,
        oppo_image_conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        if on_missing_picture not in ("fail", "text"):
            raise ConfigurationError(
                f"on_missing_picture is {on_missing_picture!r}; it must be 'fail' or 'text' (push without pictures)."
            )
        self.message = message
        self.big_picture_id = big_picture_id
        self.small_picture_id = small_picture_id
        self.on_missing_picture = on_missing_picture
        self.validate_only = validate_only
        self.cid = cid
        self.campaign = campaign
        self.oppo_image_conn_id = oppo_image_conn_id

    @cached_property
    def hook(self) -> OppoImageHook:
        """The hook of the connection."""
        return OppoImageHook(self.oppo_image_conn_id)

    def execute(self, context: Context) -> str | None:
        """Push, and return the message id; Airflow calls it.

        :param context: the context of the running task.
        """
        from airflow_provider_oppo_image.hooks.task_record import record_task

        with airflow_errors(), record_task(context, "push", self.campaign) as record:
            validate_only = _read_flag("validate_only", self.validate_only)
            push = self._compose(context)
            noted = _note_push(record, push)
            if validate_only:
                self.hook.get_conn().validate_push(push)
                self.log.info("The service would take this push. Nothing was sent, since validate_only is set.")
                return None
            noted.msg_id = self._push(context, push)
            noted.sent = True
        ids = picture_ids({picture.kind: picture.picture_id for picture in record.pictures if picture.picture_id})
        self._report_lineage(ids={**ids, "msg_id": noted.msg_id})
        return noted.msg_id

    def _compose(self, context: Context) -> PushBody:
        from airflow_provider_oppo_image.engagelab.push_body import compose_push

        push = compose_push(
            self.message,
            big_picture_id=self.big_picture_id,
            small_picture_id=self.small_picture_id,
            cid=self._default_cid(context) if is_blank(self.cid) else self.cid,
            on_missing_picture=self.on_missing_picture,
        )
        if not push.picture_ids:
            self.log.warning("NO PICTURE: big_picture_id and small_picture_id are empty. Pushing as plain text.")
        return push

    def _push(self, context: Context, push: PushBody) -> str | None:
        from airflow_provider_oppo_image.operators.task_memory import PushState

        memory = PushState(task_state_store(context))
        record = memory.recall(push.cid, push.body)
        if record.sent:
            self.log.warning(
                "An earlier try of this task sent this push: message id %s. It is not sent again; to push again, give "
                "a new cid.",
                record.msg_id,
            )
            return record.msg_id
        memory.remember(record)
        try:
            msg_id = self.hook.get_conn().push(push, is_retry=context["ti"].try_number > 1).msg_id
        except CidAlreadyUsedError as error:
            raise ConfigurationError(
                f"{error} This is the task's first try, so it was another push that used the cid {push.cid}: most "
                "likely another Airflow with the same AppKey and the same DAG, run and task. Give each a cid_namespace "
                "of its own in the connection, or give this push a cid."
            ) from error
        memory.remember(dataclasses.replace(record, sent=True, msg_id=msg_id))
        return msg_id

    def _default_cid(self, context: Context) -> str:
        ti = context["ti"]
        parts = (self.hook.settings.cid_namespace, ti.dag_id, ti.run_id, ti.task_id, str(ti.map_index))
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:40]


def _note_push(record: TaskRecord, push: PushBody) -> PushRecord:
    from airflow_provider_oppo_image.hooks.task_record import PictureRecord, PushRecord

    record.pictures += [PictureRecord(kind, picture_id=picture_id) for kind, picture_id in push.picture_ids.items()]
    record.push = PushRecord(push.title, push.text)
    return record.push


def _read_flag(name: str, value: object) -> bool:
    flag = {"true": True, "false": False}.get(str(value).strip().lower())
    if flag is None:
        raise ConfigurationError(f"{name} is {value!r}; it must be true or false.")
    return flag
