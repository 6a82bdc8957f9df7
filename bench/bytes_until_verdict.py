"""The bytes of a wrong picture that cross the network before the check has its verdict, over HTTPS.

The host asks its kernel how many bytes each connection sent, TLS included. The pictures are PNG and JPEG files of 1, 5
and 20 MB with the wrong size in pixels, and of the right size but too large a file.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Final
from unittest import mock

from bench.report import Figure, at_most
from bench.servers import WrongPictures

GOAL_KIB: Final = 132.0
"""128 KiB, which is Linux's default receive buffer, and 4 KiB for the TLS handshake and the picture's header."""

BYTES: Final = {
    "wrong-size": (1_000_000, 5_000_000, 20_000_000),
    "too-large": (1_048_577, 5_000_000, 20_000_000),  # the first is one byte above the limit
}


def measure() -> list[Figure]:
    """Check each wrong picture once."""
    with (
        tempfile.TemporaryDirectory() as folder,
        WrongPictures(Path(folder)) as host,
        mock.patch.dict(os.environ, {"REQUESTS_CA_BUNDLE": str(host.certificate), "NO_PROXY": "127.0.0.1"}),
    ):
        pictures = [(what, size, name) for what, sizes in BYTES.items() for size in sizes for name in ("PNG", "JPEG")]
        return [check(host, *picture) for picture in pictures]


def check(host: WrongPictures, what: str, size: int, file_format: str) -> Figure:
    from airflow_provider_oppo_image.pictures.check import check_picture

    report = check_picture("big", f"{host.url}/{what}/{size}/{file_format}", allow_private_addresses=True)
    if report.state != "wrong":
        raise SystemExit(str(report))
    sent, name = host.sent(), f"{file_format} of {size / 1e6:.3g} MB, {what.replace('-', ' ')}"
    note = f"{100 * sent / size:.1f} % of the file; {report.problems[0].code}"
    return at_most(name, sent / 1024, "KiB", GOAL_KIB, note=note)
