"""The sandbox's statistics of a push, in the documented shape.

Each push goes to one Android phone of OPPO, or to one iPhone if its platform is iOS only. Source of the shape: the
vendor's statistics page and Java SDK 0.0.22.
"""

from __future__ import annotations

from typing import Any, Final

from airflow_provider_oppo_image.contract import DISTRIBUTIONS
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.push_rules import Push, oppo_options, part

_KINDS: Final = ("notification", "message", "live_activity", "voip", "inapp_message")
_CHANNELS: Final = {
    "sub_android": ("engageLab_android", "xiaomi", "huawei", "honor", "meizu", "oppo", "vivo", "fcm"),
    "sub_ios": ("engageLab_ios", "apns"),
    "sub_hmos": ("engageLab_hmos", "harmonyos"),
}
_PLURAL: Final = ("targets", "sent", "delivered", "impressions", "clicks")
_SINGULAR: Final = ("target", "sent", "delivered", "impressions", "click")


def statistics_of(push: Push, options: SandboxOptions) -> dict[str, Any]:
    """Return the statistics of one push.

    :param push: the push that was sent.
    :param options: how the service spells numbers, and whether OPPO reports the delivery.
    """
    group, channel = _route(push)
    delivered = int(channel != "oppo" or options.oppo_reports_delivery)
    # OPPO reports neither impressions nor clicks.
    counts = (1, 1, delivered, int(channel != "oppo"), 0)
    sent_kind = next(kind for kind in _KINDS if part(push, "body", kind))
    sub: dict[str, Any] = {kind: {} for kind in _KINDS}
    sub[sent_kind] = dict(zip(_SINGULAR if options.singular_counts else _PLURAL, counts, strict=True)) | {
        name: {one: dict(zip(_PLURAL, counts if one == channel else (0,) * 5, strict=True)) for one in channels}
        if name == group
        else {one: {} for one in channels}
        for name, channels in _CHANNELS.items()
    }
    return {**dict(zip(_PLURAL, counts, strict=True)), "plan_id": "", "pushContent": {}, "sub": sub}


def _route(push: Push) -> tuple[str, str]:
    """Return the group of channels, and the channel, that a push takes."""
    platform = push["body"].get("platform", "all")
    if platform != "all" and "android" not in platform:
        return ("sub_ios", "apns") if "ios" in platform else ("sub_hmos", "harmonyos")
    third_party = part(push, "body", "options", "third_party_channel")
    value = third_party.get("distribution_new") or oppo_options(push).get("distribution_new") or "pns_mtpush"
    return "sub_android", "oppo" if DISTRIBUTIONS[value] == "all" else "engageLab_android"
