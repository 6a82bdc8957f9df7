"""The bytes of a wrong picture that cross the network before the check has its verdict, over HTTPS.

The host asks its kernel how many bytes each connection sent, TLS included. The pictures are PNG and JPEG files of 1, 5
and 20 MB with the wrong size in pixels, and of the right size but too large a file.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import socket
import ssl
import struct
import tempfile
from pathlib import Path
from typing import Final
from unittest import mock

import trustme

from bench.artworks import wrong
from bench.report import Figure, at_most

GOAL_KIB: Final = 132.0
"""128 KiB, which is Linux's default receive buffer, and 4 KiB for the TLS handshake and the picture's header."""

BYTES: Final = {
    "wrong-size": (1_000_000, 5_000_000, 20_000_000),
    "too-large": (1_048_577, 5_000_000, 20_000_000),  # the first is one byte above the limit
}
FORK: Final = multiprocessing.get_context("fork")
BYTES_SENT_OFFSET: Final = 200
"""The offset of the number of sent bytes in Linux's struct tcp_info, since 4.19."""


def measure() -> list[Figure]:
    """Check each wrong picture once."""
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with tempfile.TemporaryDirectory() as folder, socket.create_server(("127.0.0.1", 0)) as listener:
        authority.cert_pem.write_to_path(Path(folder, "ca.pem"))
        trusted = {"REQUESTS_CA_BUNDLE": f"{folder}/ca.pem", "NO_PROXY": "127.0.0.1"}
        pictures = [(what, size, name) for what, sizes in BYTES.items() for size in sizes for name in ("PNG", "JPEG")]
        with mock.patch.dict(os.environ, trusted):
            return [check(listener, context, *picture) for picture in pictures]


def check(listener: socket.socket, context: ssl.SSLContext, what: str, size: int, file_format: str) -> Figure:
    from airflow_provider_oppo_image.pictures.check import check_picture

    sent, body = FORK.SimpleQueue(), wrong(what, size, file_format)
    FORK.Process(target=lambda: sent.put(serve_once(listener, context, body)), daemon=True).start()
    url = f"https://127.0.0.1:{listener.getsockname()[1]}/picture"
    report = check_picture("big", url, allow_private_addresses=True)
    if report.state != "wrong":
        raise SystemExit(str(report))
    count, name = sent.get(), f"{file_format} of {size / 1e6:.3g} MB, {what.replace('-', ' ')}"
    note = f"{100 * count / size:.1f} % of the file; {report.problems[0].code}"
    return at_most(name, count / 1024, "KiB", GOAL_KIB, note=note)


def serve_once(listener: socket.socket, context: ssl.SSLContext, body: bytes) -> int:
    """Answer one request, and return how many bytes were sent."""
    connection, _ = listener.accept()
    with context.wrap_socket(connection, server_side=True) as secured:
        with contextlib.suppress(OSError):
            secured.recv(65_536)
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
            secured.recv(1)
        info = secured.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_SENT_OFFSET + 8)
        return int(struct.unpack_from("Q", info, BYTES_SENT_OFFSET)[0])
