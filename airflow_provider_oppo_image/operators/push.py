"""Operator that sends a push with pictures."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal

from airflow_provider_oppo_image.airflow_compat import (
    AirflowSkipException,
    BaseOperator,
    TaskStateStore,
    earlier_try_since,
    is_mapped_instance,
    task_state_store,
)
from airflow_provider_oppo_image.connection import DEFAULT_CONN_ID
from airflow_provider_oppo_image.contract import MAX_PICTURE_AGE
from airflow_provider_oppo_image.engagelab.push_pictures import check_max_age
from airflow_provider_oppo_image.errors import ConfigurationError, DuplicatePushError
from airflow_provider_oppo_image.hooks.lineage import LineageMixin
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, airflow_errors
from airflow_provider_oppo_image.hooks.uploads import picture_ids
from airflow_provider_oppo_image.links.oppo_image import LINKS
from airflow_provider_oppo_image.template_values import (
    check_choice,
    is_blank,
    is_rendered,
    read_flag,
    read_message,
    read_time,
)

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_oppo_image.engagelab.push_body import PushBody
    from airflow_provider_oppo_image.engagelab.push_once import OnUnknownOutcome, StoredPush
    from airflow_provider_oppo_image.hooks.task_record import PushRecord, TaskRecord

PUSH_RETENTION: Final = datetime.timedelta(days=30)
"""Retention of the record of a push. Our own limit: Airflow's default retention of task state."""

_PUSH_KEY: Final = "oppo_image_push"


class OppoImagePushOperator(LineageMixin, BaseOperator):
    """Sends a push that carries the pictures, once, however often the task is tried.

    The push gets a `cid` that is derived from the connection's namespace and the task's DAG, run, name and map index.
    The service recognises a repeat by it for one hour. Within that hour a retry is safe. Later, a push whose outcome is
    not known is not sent again: see `on_unknown_outcome`. Clearing the task returns the first message id and sends
    nothing; to push again, give a new `cid`.

    Returns the message id; None for `validate_only`.

    :param message: the vendor's push body (templated): an object with `to` and `body`, or the name of a
        ``.json`` file, which is rendered and parsed. Values in its OPPO options, and its own `cid`, take precedence.
    :param pictures: the result of an upload task (templated), such as ``upload.output``, instead of the next three
        arguments.
    :param big_picture_id: the big picture's id (templated).
    :param small_picture_id: the small picture's id (templated).
    :param uploaded_at: the time of the upload, with a zone (templated); None if it is not known, and then the age of
        the ids is not checked.
    :param max_picture_age: the maximum age of the ids, inclusive; None for any age. EngageLab does not document how
        long an id is valid.
    :param on_missing_picture: what to do if both ids are empty: "fail", or "text" to push without pictures, with a
        warning.
    :param validate_only: let the service check the push without sending it (templated: "true" or "false").
    :param cid: 1 to 64 letters, digits, ``_`` and ``-`` (templated), instead of the derived one.
    :param on_unknown_outcome: what to do if an earlier try may have sent the push and the service would no longer
        recognise a repeat: "fail", or "send_again", which can send it twice.
    :param not_after: the latest time to send, with a zone (templated), such as ``2026-12-01T20:00:00+08:00``; None for
        no limit.
    :param on_late: what to do after that time: "fail" or "skip".
    :param campaign: the campaign's name (templated), for the page that shows a run's pictures.
    :param oppo_image_conn_id: the id of the connection (templated).
    :raises ConfigurationError: if an argument that is not templated has another value, `pictures` is given beside an
        argument that it replaces, or a time that is not a template has no zone.
    """

    template_fields: Sequence[str] = (
        "message",
        "pictures",
        "big_picture_id",
        "small_picture_id",
        "uploaded_at",
        "validate_only",
        "cid",
        "not_after",
        "campaign",
        "oppo_image_conn_id",
    )
    template_ext: Sequence[str] = (".json",)
    template_fields_renderers = {"message": "json", "pictures": "json"}  # noqa: RUF012  # Airflow's own declaration
    operator_extra_links = LINKS
    ui_color = "#e3f4ea"

    def __init__(
        self,
        *,
        message: Mapping[str, Any] | str,
        pictures: Mapping[str, Any] | None = None,
        big_picture_id: str | None = None,
        small_picture_id: str | None = None,
        uploaded_at: str | datetime.datetime | None = None,
        max_picture_age: datetime.timedelta | None = MAX_PICTURE_AGE,
        on_missing_picture: Literal["fail", "text"] = "fail",
        validate_only: bool | str = False,
        cid: str | None = None,
        on_unknown_outcome: OnUnknownOutcome = "fail",
        not_after: str | datetime.datetime | None = None,
        on_late: Literal["fail", "skip"] = "fail",
        campaign: str | None = None,
        oppo_image_conn_id: str = DEFAULT_CONN_ID,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_choice("on_missing_picture", on_missing_picture, {"fail": "", "text": "push without pictures"})
        check_choice("on_unknown_outcome", on_unknown_outcome, {"fail": "", "send_again": "may push twice"})
        check_choice("on_late", on_late, {"fail": "", "skip": ""})
        check_max_age(max_picture_age)
        if pictures is not None and (big_picture_id, small_picture_id, uploaded_at) != (None, None, None):
            raise ConfigurationError("Give pictures, or big_picture_id, small_picture_id and uploaded_at, not both.")
        for name, time in (("uploaded_at", uploaded_at), ("not_after", not_after)):
            if is_rendered(time):
                read_time(name, time)
        require_audience(self, message)
        self.message = message
        self.pictures = pictures
        self.big_picture_id = big_picture_id
        self.small_picture_id = small_picture_id
        self.uploaded_at = uploaded_at
        self.max_picture_age = max_picture_age
        self.on_missing_picture = on_missing_picture
        self.validate_only = validate_only
        self.cid = cid
        self.on_unknown_outcome: OnUnknownOutcome = on_unknown_outcome
        self.not_after = not_after
        self.on_late = on_late
        self.campaign = campaign
        self.oppo_image_conn_id = oppo_image_conn_id

    @cached_property
    def hook(self) -> OppoImageHook:
        """The hook of the connection."""
        return OppoImageHook(self.oppo_image_conn_id)

    def render_template(self, content: Any, *args: Any, **kwargs: Any) -> Any:
        """Render a value; called by Airflow, whose own error does not say where it looks for files."""
        from jinja2 import TemplateNotFound

        try:
            return super().render_template(content, *args, **kwargs)
        except TemplateNotFound as error:
            with airflow_errors():
                raise ConfigurationError(
                    f"The file {error.name!r} of the message was not found. Write its path relative to the folder of "
                    "the DAG file, or to a folder in the DAG's template_searchpath."
                ) from None

    def execute(self, context: Context) -> str | None:
        """Push, and return the message id; called by Airflow."""
        from airflow_provider_oppo_image.hooks.task_record import record_task

        with airflow_errors(), record_task(context, "push", self.campaign) as record:
            validate_only = read_flag("validate_only", self.validate_only)
            not_after = read_time("not_after", self.not_after)
            push = self._compose(context)
            pushed = _record_push(record, push)
            if validate_only:
                push.check_age(self.max_picture_age)
                self.hook.get_conn().validate_push(push)
                self.log.info("The service would accept this push. It was not sent, since validate_only is set.")
                return None
            pushed.msg_id = self._push(context, push, not_after)
            pushed.sent = True
        ids = picture_ids({picture.kind: picture.picture_id for picture in record.pictures if picture.picture_id})
        self._report_lineage(ids={**ids, "msg_id": pushed.msg_id})
        return pushed.msg_id

    def _compose(self, context: Context) -> PushBody:
        from airflow_provider_oppo_image.engagelab.push_body import compose_push

        push = compose_push(
            read_message(self.message),
            pictures=self.pictures,
            big_picture_id=self.big_picture_id,
            small_picture_id=self.small_picture_id,
            uploaded_at=self.uploaded_at,
            max_picture_age=None,  # checked before sending: a task that is cleared after a success sends nothing
            cid=self._default_cid(context) if is_blank(self.cid) else self.cid,
            on_missing_picture=self.on_missing_picture,
        )
        if not push.picture_ids:
            self.log.warning("NO PICTURE: big_picture_id and small_picture_id are empty. Pushing as plain text.")
        for warning in push.warnings:
            self.log.warning("%s", warning)
        return push

    def _check_before_sending(self, push: PushBody, not_after: datetime.datetime | None, earlier: bool) -> None:
        push.check_age(self.max_picture_age)
        if not_after is None or (now := datetime.datetime.now(datetime.UTC)) <= not_after:
            return
        late = (
            f"It is {now:%Y-%m-%d %H:%M UTC}, later than not_after ({not_after.isoformat()}), so the push was not sent"
        )
        if earlier:
            raise DuplicatePushError(
                f"{late} again. An earlier try may have sent it. Look for the push in EngageLab's console."
            )
        if self.on_late == "skip":
            raise AirflowSkipException(f"{late}.")
        raise ConfigurationError(f"{late}.")

    def _push(self, context: Context, push: PushBody, not_after: datetime.datetime | None) -> str:
        from airflow_provider_oppo_image.engagelab.push_once import IntendedPush, account_of, send_once

        client, settings = self.hook.get_conn(), self.hook.settings
        intended = IntendedPush(
            push.cid,
            push.digest,
            account_of(settings.app_key, settings.base_url),
            cid_was_given=push.cid != self._default_cid(context),
        )
        store = task_state_store(context)
        sent = send_once(
            intended,
            None if store is None else PushState(store),
            lambda cid, until: client.push(push.with_cid(cid), until=min(until, not_after or until)).msg_id,
            check=lambda earlier: self._check_before_sending(push, not_after, earlier),
            earlier_since=earlier_try_since(context),
            on_unknown_outcome=self.on_unknown_outcome,
        )
        if not sent.sent_now:
            self.log.warning(
                "This push was sent before: message id %s. It was not sent again. To push again on purpose, give a new "
                "cid.",
                sent.msg_id,
            )
        return sent.msg_id

    def _default_cid(self, context: Context) -> str:
        from airflow_provider_oppo_image.engagelab.push_once import derive_cid

        ti = context["ti"]
        return derive_cid(self.hook.settings.cid_namespace, ti.dag_id, ti.run_id, ti.task_id, str(ti.map_index))


def require_audience(task: BaseOperator, message: object) -> None:
    """Check that a message names its audience. Text and the arguments of mapped tasks are checked when the task runs.

    :param task: the task that pushes.
    :param message: the value of its argument.
    :raises ConfigurationError: if a message has no `to`.
    """
    if isinstance(message, Mapping) and is_blank(message.get("to")) and not is_mapped_instance(task):
        raise ConfigurationError('`message` has no `to`. It must name the audience, such as "all".')


def _record_push(record: TaskRecord, push: PushBody) -> PushRecord:
    from airflow_provider_oppo_image.hooks.task_record import PictureRecord, PushRecord

    record.pictures += [PictureRecord(kind, picture_id=picture_id) for kind, picture_id in push.picture_ids.items()]
    record.push = PushRecord(push.title, push.text)
    return record.push


class PushState:
    """The record of a task's push, for `engagelab.push_once`, in Airflow's task state store (3.3 and later).

    :param store: the task's state store.
    """

    def __init__(self, store: TaskStateStore) -> None:
        self._store = store

    def load(self) -> StoredPush | None:
        """Return the record of an earlier try; None if no record is stored.

        :raises ConfigurationError: if it cannot be read.
        """
        from airflow_provider_oppo_image.engagelab.push_once import StoredPush

        entry = self._store.get(_PUSH_KEY)
        return None if entry is None else StoredPush.from_dict(entry)

    def save(self, record: StoredPush) -> None:
        """Store the record in place of an earlier one.

        :param record: the record.
        """
        self._store.set(_PUSH_KEY, record.to_dict(), retention=PUSH_RETENTION)
