"""Asset events with the uploaded pictures, so that another DAG can be scheduled on them and read them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_oppo_image.airflow_compat import triggering_asset_events
from airflow_provider_oppo_image.contract import PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.net.redaction import strip_query

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_oppo_image.net.urls import PictureUrl
    from airflow_provider_oppo_image.pictures.report import PictureReport

_ID_KEYS = [rule.id_key for rule in PICTURE_RULES.values()]
_BATCH_KEYS = ("rows", "uploaded", "sent", "unknown", "failed", "results")


def announce_uploads(
    context: Context,
    outlets: Iterable[object],
    *,
    result: Mapping[str, str | None],
    urls: Mapping[PictureKind, PictureUrl],
    reports: Mapping[PictureKind, PictureReport],
) -> None:
    """Add the uploaded pictures to the events of a task's outlets.

    :param context: the context of the running task.
    :param outlets: the task's outlets: Assets and AssetAliases. An alias gets an Asset that is named after it.
    :param result: the picture ids and the time of the upload, by the names of the push operator's arguments.
    :param urls: the pictures' URLs, by kind.
    :param reports: the reports of the check, by kind; empty without a check.
    """
    extra: dict[str, Any] = dict(result)
    for kind, url in urls.items():
        extra[PICTURE_RULES[kind].url_key] = strip_query(url.redacted)
        if kind in reports:
            extra[f"{kind}_picture_sha256"] = reports[kind].sha256
    _add_to_events(context, outlets, extra)


def announce_batch(context: Context, outlets: Iterable[object], summary: Mapping[str, Any]) -> None:
    """Add the result of a batch to the events of a task's outlets.

    :param context: the context of the running task.
    :param outlets: the task's outlets, as for `announce_uploads`.
    :param summary: the value that the task returns, without its rows.
    """
    _add_to_events(context, outlets, {key: summary[key] for key in _BATCH_KEYS if key in summary})


def uploaded_pictures(context: Context) -> list[dict[str, str | None]]:
    """Return the uploads in the asset events that started a run, each as keyword arguments for a push.

    :param context: the context of a running task.
    :return: ``{"big_picture_id": ..., "small_picture_id": ..., "uploaded_at": ...}`` for each event of an
        `OppoImageUploadOperator`, the earliest first; empty if no such event started the run.
    """
    extras = [event.extra for event in triggering_asset_events(context) if event.extra]
    keys = (*_ID_KEYS, "uploaded_at")
    return [{key: extra.get(key) for key in keys} for extra in extras if any(extra.get(key) for key in _ID_KEYS)]


def _add_to_events(context: Context, outlets: Iterable[object], extra: Mapping[str, Any]) -> None:
    from airflow_provider_oppo_image.airflow_compat import Asset, AssetAlias

    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            asset = Asset(uri=f"oppo-image://pictures/{quote(outlet.name, safe='')}")
            context["outlet_events"][outlet].add(asset, extra=dict(extra))
        elif isinstance(outlet, Asset):
            context["outlet_events"][outlet].extra.update(extra)
