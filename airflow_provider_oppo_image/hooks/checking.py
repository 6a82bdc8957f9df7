"""How a connection looks at pictures: for sensors and batches in a worker, and for triggers in an event loop."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from airflow_provider_oppo_image.airflow_compat import AirflowNotFoundException, aget_connection
from airflow_provider_oppo_image.connection import read_settings
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook
from airflow_provider_oppo_image.hooks.task_errors import no_such_connection
from airflow_provider_oppo_image.template_values import is_blank

if TYPE_CHECKING:
    from airflow_provider_oppo_image.pictures.check_many import Check
    from airflow_provider_oppo_image.pictures.report_cache import ReportCache
    from airflow_provider_oppo_image.pictures.session_pool import SessionPool


def make_check(oppo_image_conn_id: str | None, memory: ReportCache, lines: SessionPool) -> Check:
    """Return the check with a connection's timeouts and guard, the connection read.

    :param oppo_image_conn_id: the connection's id; None for the strict defaults, and no connection is read.
    :param memory: what earlier checks learned.
    :param lines: the connections to pictures' hosts that are kept.
    :raises ConfigurationError: if there is no such connection, or it is not usable.
    """
    if oppo_image_conn_id is None or is_blank(oppo_image_conn_id):
        return bind_check(None, memory=memory, lines=lines)
    return bind_check(OppoImageHook(oppo_image_conn_id), memory=memory, lines=lines)


async def amake_check(oppo_image_conn_id: str | None, memory: ReportCache, lines: SessionPool) -> Check:
    """Return the same check without blocking the event loop; see `make_check`."""
    if oppo_image_conn_id is None or is_blank(oppo_image_conn_id):
        return bind_check(None, memory=memory, lines=lines)
    hook = OppoImageHook(oppo_image_conn_id)
    try:
        hook.settings = read_settings(await aget_connection(oppo_image_conn_id))
    except AirflowNotFoundException as error:
        raise no_such_connection(oppo_image_conn_id) from error
    return bind_check(hook, memory=memory, lines=lines)


def bind_check(
    hook: OppoImageHook | None, *, memory: ReportCache | None = None, lines: SessionPool | None = None
) -> Check:
    """Return a hook's check, its connection read before there are threads.

    :param hook: the hook; None for the strict defaults.
    :param memory: what earlier checks learned; None remembers nothing.
    :param lines: the connections to pictures' hosts that are kept; None makes each for itself.
    :raises ConfigurationError: if the connection is not usable.
    """
    from airflow_provider_oppo_image.pictures.check import check_picture

    check = partial(check_picture, memory=memory, lines=lines)
    if hook is None:
        return check
    settings = hook.settings
    return partial(
        check,
        allow_private_addresses=settings.allow_private_addresses,
        transport_options=settings.transport_options,
    )
