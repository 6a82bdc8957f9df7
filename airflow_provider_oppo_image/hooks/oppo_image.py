"""The hook: checks, uploads and pushes with a connection, for operators and for users' own tasks."""

from __future__ import annotations

import datetime
import math
from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.airflow_compat import (
    AirflowNotFoundException,
    BaseHook,
    aget_connection,
    airflow_version,
    mask_secret,
)
from airflow_provider_oppo_image.connection import (
    CONN_TYPE,
    DEFAULT_CONN_ID,
    HOOK_NAME,
    Settings,
    describe_unknown_keys,
    read_settings,
)
from airflow_provider_oppo_image.contract import MAX_PICTURE_AGE, PictureKind
from airflow_provider_oppo_image.errors import ConfigurationError, OppoImageError
from airflow_provider_oppo_image.hooks.batch import BatchMixin
from airflow_provider_oppo_image.hooks.push_status import PushStatusMixin
from airflow_provider_oppo_image.hooks.task_record import airflow_errors, connection_not_found
from airflow_provider_oppo_image.hooks.uploads import UploadOutcome, parse_picture_urls, run_concurrently, upload_each
from airflow_provider_oppo_image.template_values import is_blank

if TYPE_CHECKING:
    from airflow_provider_oppo_image.engagelab.client import EngageLabClient
    from airflow_provider_oppo_image.engagelab.push_body import PushBody
    from airflow_provider_oppo_image.engagelab.rate_limiter import RateLimiter
    from airflow_provider_oppo_image.net.urls import PictureUrl
    from airflow_provider_oppo_image.pictures.check_many import Check
    from airflow_provider_oppo_image.pictures.report import PictureReport
    from airflow_provider_oppo_image.pictures.report_cache import ReportCache
    from airflow_provider_oppo_image.pictures.session_pool import SessionPool

__all__ = ["OppoImageHook", "airflow_errors"]

_TEST_TIMEOUT_S = 5.0
"""Seconds for the request of a connection's test. With the start of Airflow, the test answers within 10 seconds."""


class OppoImageHook(BatchMixin, PushStatusMixin, BaseHook):
    """Checks pictures, uploads them to EngageLab for OPPO phones, and pushes.

    It raises this package's errors (`airflow_provider_oppo_image.errors`); `airflow_errors` translates them.

    :param oppo_image_conn_id: the id of an Airflow connection of type ``oppo_image``. With None, only checks are
        possible; they use the default timeouts and refuse private addresses.
    """

    conn_name_attr = "oppo_image_conn_id"
    default_conn_name = DEFAULT_CONN_ID
    conn_type = CONN_TYPE
    hook_name = HOOK_NAME

    def __init__(self, oppo_image_conn_id: str | None = DEFAULT_CONN_ID, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.oppo_image_conn_id = oppo_image_conn_id

    @classmethod
    def get_connection_form_widgets(cls) -> dict[str, Any]:
        """Return the custom fields of Airflow 2's connection form; Airflow 3 reads them from the provider info."""
        from airflow_provider_oppo_image.hooks.connection_form import widgets_for_airflow_2

        return widgets_for_airflow_2()

    @classmethod
    def get_ui_field_behaviour(cls) -> dict[str, Any]:
        """Return the hidden fields, labels and placeholders of Airflow 2's connection form."""
        from airflow_provider_oppo_image.hooks.connection_form import behaviour_for_airflow_2

        return behaviour_for_airflow_2()

    @cached_property
    def settings(self) -> Settings:
        """The validated settings of the connection.

        :raises ConfigurationError: if the connection is not usable; the message says what to correct.
        """
        conn_id = self.oppo_image_conn_id
        if conn_id is None or is_blank(conn_id):
            raise ConfigurationError("oppo_image_conn_id is empty. Give the id of a connection.")
        try:
            settings = read_settings(self.get_connection(conn_id))
        except AirflowNotFoundException as error:
            raise connection_not_found(conn_id) from error
        mask_secret(settings.master_secret)
        if settings.unknown_keys:
            unknown = describe_unknown_keys(settings.unknown_keys)
            self.log.warning("Connection %r has unknown keys in its extra, which are ignored: %s.", conn_id, unknown)
        return settings

    def get_conn(self) -> EngageLabClient:
        """Return the client of the service, created at the first call."""
        return self._client

    @cached_property
    def _client(self) -> EngageLabClient:
        return self.open_client()

    def open_client(
        self, *, connections: int = 10, rate_limiter: RateLimiter | None = None, total_timeout: float = math.inf
    ) -> EngageLabClient:
        """Return a new client of the service, which the caller closes.

        :param connections: maximum number of connections that are kept alive.
        :param rate_limiter: limits the rate of requests; None for the connection's rate.
        :param total_timeout: maximum seconds for one attempt, if the connection allows more.
        """
        from airflow_provider_oppo_image.engagelab.client import EngageLabClient
        from airflow_provider_oppo_image.engagelab.http import HttpTransport
        from airflow_provider_oppo_image.engagelab.messages import basic_auth

        settings = self.settings
        # Airflow masks a connection's password, but not values derived from it.
        mask_secret(basic_auth(settings.app_key, settings.master_secret).removeprefix("Basic "))
        options = settings.transport_options
        transport = HttpTransport(
            settings.base_url,
            settings.app_key,
            settings.master_secret,
            user_agent=f"airflow-provider-oppo-image/{__version__} apache-airflow/{airflow_version()}",
            options=replace(options, total_timeout=min(options.total_timeout, total_timeout)),
            connections=connections,
        )
        rate_limiter = rate_limiter or self.make_rate_limiter()
        return EngageLabClient(transport, retry_budget=settings.retry_budget, rate_limiter=rate_limiter)

    def make_rate_limiter(self, rate: float | None = None) -> RateLimiter:
        """Return a rate limiter, which several clients and threads may share.

        :param rate: maximum requests per second, at least 1; None for the connection's.
        :raises ConfigurationError: if the rate is less than 1, or the connection is not usable.
        """
        from airflow_provider_oppo_image.engagelab.rate_limiter import AdaptiveRate, RateLimiter

        settings = self.settings
        return RateLimiter(AdaptiveRate(settings.rate if rate is None else rate))

    def make_check(self, report_cache: ReportCache | None = None, session_pool: SessionPool | None = None) -> Check:
        """Return a function that checks a picture with the connection's timeouts and address policy.

        It reads the connection now, so that threads can call it.

        :param report_cache: reports of earlier checks; None caches nothing.
        :param session_pool: keeps connections to the pictures' hosts; None opens one for each picture.
        :raises ConfigurationError: if the connection is not usable.
        """
        from airflow_provider_oppo_image.pictures.check import check_picture

        check = partial(check_picture, report_cache=report_cache, session_pool=session_pool)
        if is_blank(self.oppo_image_conn_id):
            return check
        settings = self.settings
        return partial(
            check,
            allow_private_addresses=settings.allow_private_addresses,
            transport_options=settings.transport_options,
        )

    async def amake_check(
        self, report_cache: ReportCache | None = None, session_pool: SessionPool | None = None
    ) -> Check:
        """Return the function of `make_check` without blocking the event loop."""
        if not is_blank(self.oppo_image_conn_id):
            await self.aread_settings()
        return self.make_check(report_cache, session_pool)

    async def aread_settings(self) -> None:
        """Read the connection's settings without blocking the event loop.

        :raises ConfigurationError: if the connection is not usable.
        """
        conn_id = self.oppo_image_conn_id or ""
        try:
            self.settings = read_settings(await aget_connection(self, conn_id))
        except AirflowNotFoundException as error:
            raise connection_not_found(conn_id) from error

    def check(self, kind: PictureKind, url: str | PictureUrl) -> PictureReport:
        """Check a picture as the service and OPPO will.

        :param kind: "big" or "small".
        :param url: the picture's URL.
        :return: the report; a bad URL or host is a problem in it, not an error.
        """
        from airflow_provider_oppo_image.net.urls import PictureUrl

        return self.make_check()(kind, PictureUrl.parse(url))

    def check_each(self, pictures: Mapping[PictureKind, str | PictureUrl]) -> dict[PictureKind, PictureReport]:
        """Check several pictures concurrently.

        :param pictures: URLs by kind.
        """
        from airflow_provider_oppo_image.net.urls import PictureUrl

        return run_concurrently(self.make_check(), {kind: PictureUrl.parse(url) for kind, url in pictures.items()})

    def upload(self, kind: PictureKind, url: str | PictureUrl) -> str:
        """Upload one picture without a check.

        :param kind: "big" or "small".
        :param url: the URL from which the service downloads the picture.
        :return: the picture id.
        :raises OppoImageError: if no id was returned; the type says where the fault is.
        """
        return self._client.upload(kind, url)

    def upload_each(self, pictures: Mapping[PictureKind, str | PictureUrl]) -> UploadOutcome:
        """Upload several pictures concurrently, one request each, without a check.

        :param pictures: URLs by kind.
        """
        return upload_each(self.get_conn(), pictures)

    def upload_pictures(
        self, big_picture_url: str | None = None, small_picture_url: str | None = None
    ) -> dict[str, str | None]:
        """Upload one picture or both, without a check.

        :param big_picture_url: the big picture's URL; None for no picture.
        :param small_picture_url: the small picture's URL; None for no picture.
        :return: ``{"big_picture_id": ..., "small_picture_id": ..., "uploaded_at": ...}``, the arguments of a push, with
            None for a picture that was not requested.
        :raises ConfigurationError: if neither is given.
        :raises OppoImageError: if an upload failed; the id of the other picture is in the log.
        """
        outcome = self.upload_each(parse_picture_urls(big_picture_url, small_picture_url))
        outcome.raise_for_errors()
        return outcome.to_dict()

    def push(
        self,
        message: Mapping[str, Any],
        *,
        pictures: Mapping[str, Any] | None = None,
        big_picture_id: str | None = None,
        small_picture_id: str | None = None,
        uploaded_at: str | datetime.datetime | None = None,
        max_picture_age: datetime.timedelta | None = MAX_PICTURE_AGE,
        cid: str | None = None,
    ) -> str:
        """Send a push that carries the pictures.

        :param message: the vendor's push body.
        :param pictures: the result of an upload, with the next three arguments; None to give them one by one.
        :param big_picture_id: the big picture's id; None for no picture.
        :param small_picture_id: the small picture's id; None for no picture.
        :param uploaded_at: the time of the upload, with a zone; None if it is not known.
        :param max_picture_age: the maximum age of the ids, inclusive; None for any age.
        :param cid: 1 to 64 letters, digits, ``_`` and ``-``. The service recognises a repeat by it for one hour; after
            that hour the same call pushes again. None keeps the message's own; a message without one is protected only
            against repeats within this call.
        :return: the message id.
        :raises ConfigurationError: if the service or OPPO would refuse the push, or the ids are too old.
        :raises OppoImageError: if the push was not accepted, or that is not known.
        """
        push = self._compose(message, pictures, big_picture_id, small_picture_id, uploaded_at, max_picture_age, cid)
        return self._client.push(push).msg_id

    def validate_push(
        self,
        message: Mapping[str, Any],
        *,
        pictures: Mapping[str, Any] | None = None,
        big_picture_id: str | None = None,
        small_picture_id: str | None = None,
        uploaded_at: str | datetime.datetime | None = None,
        max_picture_age: datetime.timedelta | None = MAX_PICTURE_AGE,
        cid: str | None = None,
    ) -> None:
        """Let the service check a push without sending it; the parameters are those of `push`.

        :raises ConfigurationError: if the service or OPPO would refuse the push, or the ids are too old.
        :raises OppoImageError: if the push would not be accepted, or that is not known.
        """
        push = self._compose(message, pictures, big_picture_id, small_picture_id, uploaded_at, max_picture_age, cid)
        self._client.validate_push(push)

    def _compose(self, message: Mapping[str, Any], *arguments: Any) -> PushBody:
        from airflow_provider_oppo_image.engagelab.push_body import compose_push

        names = ("pictures", "big_picture_id", "small_picture_id", "uploaded_at", "max_picture_age", "cid")
        push = compose_push(message, **dict(zip(names, arguments, strict=True)))
        for warning in push.warnings:
            self.log.warning("%s", warning)
        return push

    def test_connection(self) -> tuple[bool, str]:
        """Check the credentials with one request that changes nothing.

        :return: whether they are valid, and a message for the user.
        """
        try:
            return True, self.check_credentials()
        except OppoImageError as error:
            # Airflow tests a copy of the connection, with a random id.
            return False, str(error).replace(f"Connection {self.oppo_image_conn_id!r}", "The connection", 1)

    def check_credentials(self) -> str:
        """Check the connection, and its credentials with one request that changes nothing, within 10 seconds.

        :return: a message for the user.
        :raises OppoImageError: if they are not valid, or that is not known; also if the extra has an unknown key.
        """
        if unknown := describe_unknown_keys(self.settings.unknown_keys):
            raise ConfigurationError(
                f"Connection {self.oppo_image_conn_id!r} has unknown keys in its extra: {unknown}. Correct or remove "
                "them."
            )
        with self.open_client(connections=1, total_timeout=_TEST_TIMEOUT_S) as client:
            client.check_credentials()
        return f"{self.settings.base_url} accepts AppKey {self.settings.app_key} and its master secret."
