"""How a connection looks at pictures: for sensors in a worker, and for triggers in an event loop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_oppo_image.airflow_compat import AirflowNotFoundException, aget_connection
from airflow_provider_oppo_image.connection import read_settings
from airflow_provider_oppo_image.contract import PictureKind
from airflow_provider_oppo_image.hooks.oppo_image import OppoImageHook, no_such_connection
from airflow_provider_oppo_image.missing import is_missing

if TYPE_CHECKING:
    from airflow_provider_oppo_image.pictures.looking import Check
    from airflow_provider_oppo_image.pictures.report import PictureReport


def check_with(oppo_image_conn_id: str | None) -> Check:
    """Return the check with a connection's timeouts and guard, the connection read.

    :param oppo_image_conn_id: the connection's id; None for the strict defaults, and no connection is read.
    :raises ConfigurationError: if there is no such connection, or it is not usable.
    """
    if oppo_image_conn_id is None or is_missing(oppo_image_conn_id):
        return _check_strictly
    hook = OppoImageHook(oppo_image_conn_id)
    hook.settings  # noqa: B018 - reads the connection, before threads would
    return hook.check


async def acheck_with(oppo_image_conn_id: str | None) -> Check:
    """Return the same check without blocking the event loop; see `check_with`."""
    if oppo_image_conn_id is None or is_missing(oppo_image_conn_id):
        return _check_strictly
    hook = OppoImageHook(oppo_image_conn_id)
    try:
        hook.settings = read_settings(await aget_connection(oppo_image_conn_id))
    except AirflowNotFoundException as error:
        raise no_such_connection(oppo_image_conn_id) from error
    return hook.check


def _check_strictly(kind: PictureKind, url: str) -> PictureReport:
    from airflow_provider_oppo_image.pictures.check import check_picture

    return check_picture(kind, url)
