"""Asset events that say which pictures were uploaded, so that another DAG can be scheduled on them and read them."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow_provider_oppo_image.airflow_compat import triggering_asset_events
from airflow_provider_oppo_image.contract import PICTURE_RULES, PictureKind
from airflow_provider_oppo_image.net.redaction import strip_query

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import Context

    from airflow_provider_oppo_image.net.picture_url import PictureUrl
    from airflow_provider_oppo_image.pictures.report import PictureReport


def announce_uploads(
    context: Context,
    outlets: Iterable[object],
    *,
    ids: Mapping[str, str | None],
    pictures: Mapping[PictureKind, PictureUrl],
    reports: Mapping[PictureKind, PictureReport],
) -> None:
    """Put the uploaded pictures into the events of a task's outlets.

    :param context: the context that Airflow hands to `execute`.
    :param outlets: the task's outlets: Assets; an AssetAlias gets an Asset of its own name.
    :param ids: the picture ids, under the names that a push takes.
    :param pictures: the pictures' URLs, by kind.
    :param reports: what the check found, by kind; empty where it was not asked.
    """
    _announce(context, outlets, _facts(ids, pictures, reports))


def announce_batch(context: Context, outlets: Iterable[object], summary: Mapping[str, Any]) -> None:
    """Put how a batch ended into the events of a task's outlets.

    :param context: the context that Airflow hands to `execute`.
    :param outlets: the task's outlets, as for `announce_uploads`.
    :param summary: what the task returns, without rows.
    """
    _announce(context, outlets, {key: summary[key] for key in ("rows", "uploaded", "failed", "results")})


def _announce(context: Context, outlets: Iterable[object], extra: Mapping[str, Any]) -> None:
    from airflow.providers.common.compat.sdk import Asset, AssetAlias

    for outlet in outlets:
        if isinstance(outlet, AssetAlias):
            asset = Asset(uri=f"oppo-image://pictures/{quote(outlet.name, safe='')}")
            context["outlet_events"][outlet].add(asset, extra=dict(extra))
        elif isinstance(outlet, Asset):
            context["outlet_events"][outlet].extra.update(extra)


def uploaded_pictures(context: Context) -> list[dict[str, str | None]]:
    """Return the picture ids in the asset events that started a run, the arguments of a push each.

    :param context: the context of a running task.
    :return: ``{"big_picture_id": ..., "small_picture_id": ...}`` for each event that `OppoImageUploadOperator` made,
        the earliest first; empty where no such event started the run.
    """
    extras = [event.extra for event in triggering_asset_events(context) if event.extra]
    keys = [rule.id_key for rule in PICTURE_RULES.values()]
    return [{key: extra.get(key) for key in keys} for extra in extras if any(extra.get(key) for key in keys)]


def _facts(
    ids: Mapping[str, str | None],
    pictures: Mapping[PictureKind, PictureUrl],
    reports: Mapping[PictureKind, PictureReport],
) -> dict[str, Any]:
    facts: dict[str, Any] = {**ids, "uploaded_at": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds")}
    for kind, url in pictures.items():
        facts[PICTURE_RULES[kind].url_key] = strip_query(url.redacted)
        if kind in reports:
            facts[f"{kind}_picture_sha256"] = reports[kind].sha256
    return facts
