"""Options of the sandbox. Fast to import, so that `--help` can show the defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from airflow_provider_oppo_image.contract import CID_LIFETIME, MAX_REQUESTS_PER_SECOND

SANDBOX_APP_KEY: Final = "sandbox-app-key"
SANDBOX_MASTER_SECRET: Final = "sandbox-master-secret"  # noqa: S105  # a public default, not a real secret


@dataclass(frozen=True)
class SandboxOptions:
    """Behaviour of one sandbox.

    :param app_key: the AppKey that it accepts.
    :param master_secret: the master secret that it accepts.
    :param both_urls: whether one upload may contain both pictures. The vendor's page shows it, and the vendor's tests
        refuse it.
    :param cid_lifetime: seconds for which a repeated `cid` gets the message id of the first push, and nothing is sent.
    :param singular_counts: whether the statistics of a kind of content say `target` and `click`, and not `targets` and
        `clicks`. Both occur.
    :param oppo_reports_delivery: whether OPPO reports the delivery. It may not do so for broadcasts.
    :param statistics_delay: seconds after a push until its statistics exist. The service's delay is not documented.
    :param requests_per_second: how many requests are accepted in any one second; 0 or None for no limit.
    :param picture_timeout: seconds for the complete download of one picture.
    :param kept_pictures: how many of the last accepted pictures are kept in memory for the page.
    """

    app_key: str = SANDBOX_APP_KEY
    master_secret: str = field(default=SANDBOX_MASTER_SECRET, repr=False)
    both_urls: bool = False
    cid_lifetime: float = CID_LIFETIME.total_seconds()
    singular_counts: bool = False
    oppo_reports_delivery: bool = True
    statistics_delay: float = 0.0
    requests_per_second: int | None = MAX_REQUESTS_PER_SECOND
    picture_timeout: float = 10.0
    kept_pictures: int = 50
