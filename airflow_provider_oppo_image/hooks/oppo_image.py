"""The hook: a connection's client and checks, for operators and for anybody's own tasks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.airflow_compat import (
    AirflowNotFoundException,
    BaseHook,
    airflow_version,
    mask_secret,
)
from airflow_provider_oppo_image.connection import (
    CONN_TYPE,
    DEFAULT_CONN_ID,
    HOOK_NAME,
    ConnectionLike,
    Settings,
    read_settings,
)
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.errors import OppoImageError
from airflow_provider_oppo_image.hooks.task_errors import airflow_errors, no_such_connection
from airflow_provider_oppo_image.hooks.uploads import UploadOutcome, parse_picture_urls, picture_ids, run_concurrently
from airflow_provider_oppo_image.net.redaction import redact_url

if TYPE_CHECKING:
    from airflow_provider_oppo_image.engagelab.client import EngageLabClient
    from airflow_provider_oppo_image.engagelab.push_body import PushBody
    from airflow_provider_oppo_image.engagelab.rate_limiter import RateLimiter
    from airflow_provider_oppo_image.net.deadline import Timeouts
    from airflow_provider_oppo_image.pictures.report import PictureReport

__all__ = ["OppoImageHook", "airflow_errors"]


class OppoImageHook(BaseHook):
    """Checks pictures, uploads them to EngageLab for OPPO phones, and pushes.

    It raises this package's errors (`airflow_provider_oppo_image.errors`); `airflow_errors` translates them.

    :param oppo_image_conn_id: the id of an Airflow connection of type ``oppo_image``.
    """

    conn_name_attr = "oppo_image_conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = CONN_TYPE
    hook_name = HOOK_NAME

    def __init__(self, oppo_image_conn_id: str = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.oppo_image_conn_id = oppo_image_conn_id

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the connection form's own fields for Airflow 2; Airflow 3 reads them from the provider info."""
        from airflow_provider_oppo_image.hooks.connection_form import widgets_for_airflow_2

        return widgets_for_airflow_2()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return what Airflow 2's connection form hides and how it calls the rest."""
        from airflow_provider_oppo_image.hooks.connection_form import behaviour_for_airflow_2

        return behaviour_for_airflow_2()

    @cached_property
    def settings(self) -> Settings:
        """The connection, read and checked.

        :raises ConfigurationError: if the connection is not usable; the message says how to mend it.
        """
        settings = read_settings(self._find_connection())
        mask_secret(settings.master_secret)
        if settings.unknown_keys:
            self.log.warning(
                "Connection %r has keys in its extra that mean nothing here: %s.",
                self.oppo_image_conn_id,
                ", ".join(map(repr, settings.unknown_keys)),
            )
        return settings

    def _find_connection(self) -> ConnectionLike:
        try:
            return self.get_connection(self.oppo_image_conn_id)
        except AirflowNotFoundException as error:
            raise no_such_connection(self.oppo_image_conn_id) from error

    @property
    def timeouts(self) -> Timeouts:
        """How long the parts of one attempt may take, from the connection."""
        from airflow_provider_oppo_image.net.deadline import Timeouts

        settings = self.settings
        return Timeouts(settings.connect_timeout, settings.read_timeout, settings.total_timeout)

    def get_conn(self) -> EngageLabClient:
        """Return the client of the service, made once."""
        return self._client

    @cached_property
    def _client(self) -> EngageLabClient:
        return self.open_client()

    def open_client(self, *, connections: int = 10, rate_limiter: RateLimiter | None = None) -> EngageLabClient:
        """Return a client of the service that the caller closes.

        :param connections: how many connections are kept alive.
        :param rate_limiter: lets each request through, at a rate; None sends at once.
        """
        from airflow_provider_oppo_image.engagelab.client import EngageLabClient
        from airflow_provider_oppo_image.engagelab.messages import basic_auth

        settings = self.settings
        # Airflow masks a connection's password, and not what is made of it.
        mask_secret(basic_auth(settings.app_key, settings.master_secret).removeprefix("Basic "))
        return EngageLabClient(
            settings.base_url,
            settings.app_key,
            settings.master_secret,
            user_agent=f"airflow-provider-oppo-image/{__version__} apache-airflow/{airflow_version()}",
            timeouts=self.timeouts,
            retry_budget=settings.retry_budget,
            connections=connections,
            rate_limiter=rate_limiter,
        )

    def check(self, kind: PictureKind, url: str) -> PictureReport:
        """Look at a picture as the service will.

        :param kind: "big" or "small".
        :param url: the picture's URL.
        :return: what was found; never raises for what a URL or its host can do.
        """
        from airflow_provider_oppo_image.pictures.check import check_picture

        return check_picture(
            kind, url, allow_private_addresses=self.settings.allow_private_addresses, timeout=self.timeouts
        )

    def check_each(self, pictures: Mapping[PictureKind, str]) -> dict[PictureKind, PictureReport]:
        """Look at several pictures side by side.

        :param pictures: URLs by kind.
        """
        _ = self.settings  # read once, before there are threads
        return run_concurrently(self.check, pictures)

    def upload(self, kind: PictureKind, url: str) -> str:
        """Upload one picture, unchecked.

        :param kind: "big" or "small".
        :param url: where the service downloads the picture from.
        :return: the picture id.
        :raises OppoImageError: if no id came back; the type says whose fault it is.
        """
        return self._client.upload(kind, url)

    def upload_each(self, pictures: Mapping[PictureKind, str]) -> UploadOutcome:
        """Upload several pictures, unchecked, a request each, side by side.

        :param pictures: URLs by kind.
        """
        client = self.get_conn()  # made once, before there are threads

        def attempt(kind: PictureKind, url: str) -> str | OppoImageError:
            try:
                picture_id = client.upload(kind, url)
            except OppoImageError as error:
                return error
            self.log.info("Uploaded the %s picture %s: %s", kind, redact_url(url), picture_id)
            return picture_id

        outcomes = run_concurrently(attempt, pictures)
        return UploadOutcome(
            ids={kind: outcome for kind, outcome in outcomes.items() if isinstance(outcome, str)},
            errors={kind: outcome for kind, outcome in outcomes.items() if isinstance(outcome, OppoImageError)},
        )

    def upload_pictures(
        self, big_picture_url: str | None = None, small_picture_url: str | None = None
    ) -> dict[str, str | None]:
        """Upload one picture or both, unchecked.

        :param big_picture_url: the big picture's URL; None for none.
        :param small_picture_url: the small picture's URL; None for none.
        :return: ``{"big_picture_id": ..., "small_picture_id": ...}``, None for a picture that was not asked for.
        :raises ConfigurationError: if neither is given.
        :raises OppoImageError: if one was not uploaded; the id of the other is in the log.
        """
        outcome = self.upload_each(parse_picture_urls(big_picture_url, small_picture_url))
        outcome.raise_for_errors()
        return picture_ids(outcome.ids)

    def push(
        self,
        message: Mapping[str, Any],
        *,
        big_picture_id: str | None = None,
        small_picture_id: str | None = None,
        cid: str | None = None,
        is_retry: bool = False,
    ) -> str | None:
        """Send a push that carries the pictures.

        :param message: the vendor's push body.
        :param big_picture_id: the big picture's id; None for none.
        :param small_picture_id: the small picture's id; None for none.
        :param cid: up to 64 letters, digits, ``_`` and ``-``: the service sends one push for each. None leaves it as
            the message has it; where that has none, only repeats within this call are told from another push.
        :param is_retry: whether an earlier try of this very push may have reached the service.
        :return: the message id; None where an earlier request sent the push and its answer was lost.
        :raises ConfigurationError: if the service or OPPO would refuse the push.
        :raises OppoImageError: if it was not accepted, or nobody knows.
        """
        return self._client.push(_compose(message, big_picture_id, small_picture_id, cid), is_retry=is_retry).msg_id

    def validate_push(
        self,
        message: Mapping[str, Any],
        *,
        big_picture_id: str | None = None,
        small_picture_id: str | None = None,
        cid: str | None = None,
    ) -> None:
        """Have the service check a push, and send nothing; the parameters are those of `push`.

        :raises ConfigurationError: if the service or OPPO would refuse the push.
        :raises OppoImageError: if it would not be accepted, or nobody knows.
        """
        self._client.validate_push(_compose(message, big_picture_id, small_picture_id, cid))

    def withdraw(self, msg_id: str) -> None:
        """Recall a push; the service does so within one day, once.

        :param msg_id: the message id.
        :raises OppoImageError: if it was not recalled, or nobody knows.
        """
        self._client.withdraw(msg_id)

    def push_status(self, msg_ids: Sequence[str]) -> dict[str, Any]:
        """Ask how pushes fared.

        :param msg_ids: 1 to 100 message ids.
        :return: the service's numbers by message id.
        :raises OppoImageError: if the service did not tell.
        """
        return self._client.push_status(msg_ids)

    def test_connection(self) -> tuple[bool, str]:
        """Prove the credentials by a call that changes nothing, in one attempt.

        :return: whether they are good, and what to tell the person who asked.
        """
        try:
            self._client.check_credentials()
        except OppoImageError as error:
            # Airflow tests a copy, whose id nobody knows.
            return False, str(error).replace(f"Connection {self.oppo_image_conn_id!r}", "The connection", 1)
        return True, f"{self.settings.base_url} accepts AppKey {self.settings.app_key} and its master secret."


def _compose(
    message: Mapping[str, Any], big_picture_id: str | None, small_picture_id: str | None, cid: str | None
) -> PushBody:
    from airflow_provider_oppo_image.engagelab.push_body import compose_push

    return compose_push(message, big_picture_id=big_picture_id, small_picture_id=small_picture_id, cid=cid)
