"""What the sandbox can be told when it starts; quick to import, so that `--help` can show the defaults."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

from airflow_provider_oppo_image.contract import MAX_REQUESTS_PER_SECOND

SANDBOX_APP_KEY: Final = "sandbox-app-key"
SANDBOX_MASTER_SECRET: Final = "sandbox-master-secret"  # noqa: S105  # the stand-in's own, known to everybody


@dataclass(frozen=True)
class SandboxOptions:
    """How one sandbox behaves.

    :param app_key: the AppKey that it accepts.
    :param master_secret: the master secret that it accepts.
    :param both_urls: whether one upload may carry both pictures, as the vendor's page shows and its tests deny.
    :param cid_repeat: what a push with a `cid` that was used before gets: the first push's "answer", or an "error" that
        names the `cid`. Which of the two the live service does is not documented.
    :param requests_per_second: how many requests are accepted in any one second; 0 or None for no limit.
    :param picture_timeout: seconds that the download of one picture may take in all.
    :param kept_pictures: how many of the last accepted pictures are kept in memory for the page.
    """

    app_key: str = SANDBOX_APP_KEY
    master_secret: str = field(default=SANDBOX_MASTER_SECRET, repr=False)
    both_urls: bool = False
    cid_repeat: Literal["answer", "error"] = "answer"
    requests_per_second: int | None = MAX_REQUESTS_PER_SECOND
    picture_timeout: float = 10.0
    kept_pictures: int = 50
