"""The bytes of a wrong picture that cross the network before the check has its verdict, over HTTPS.

The host runs in another process and asks its kernel how many bytes each connection sent, TLS included. The pictures are
PNG and JPEG files of 1, 5 and 20 MB with the wrong size in pixels, and of the right size but too large a file.
"""

from __future__ import annotations

import contextlib
import io
import os
import random
import socket
import ssl
import struct
import sys
import tempfile
from pathlib import Path
from typing import Final

import trustme
from PIL import Image

from bench.http_protocol import Server, response
from bench.report import Figure, at_most

GOAL_KIB: Final = 132.0
"""128 KiB, which is Linux's default receive buffer, and 4 KiB for the TLS handshake and the picture's header."""

SIZES: Final = {"wrong size": (2000, 750), "too large": (984, 369)}
BYTES: Final = {
    "wrong size": (1_000_000, 5_000_000, 20_000_000),
    "too large": (1_048_577, 5_000_000, 20_000_000),  # the first is one byte above the limit
}
BYTES_SENT_OFFSET: Final = 200
"""The offset of the number of sent bytes in Linux's struct tcp_info, since 4.19."""


class WrongPictures(Server):
    """The host of wrong pictures; it prints how many bytes each connection sent, and its CA file is `certificate`."""

    module = "bytes_until_verdict"

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.certificate = folder / "ca.pem"

    def sent(self) -> int:
        """Return the number of bytes that the next connection sent, after it has ended."""
        assert self._process.stdout
        return int(self._process.stdout.readline())


def measure() -> list[Figure]:
    """Check each wrong picture once."""
    from airflow_provider_oppo_image.pictures.check import check_picture

    figures = []
    with tempfile.TemporaryDirectory() as folder, WrongPictures(Path(folder)) as host:
        os.environ["REQUESTS_CA_BUNDLE"] = str(host.certificate)
        os.environ["NO_PROXY"] = "127.0.0.1"
        for what, sizes in BYTES.items():
            for size in sizes:
                for file_format in ("PNG", "JPEG"):
                    url = f"{host.url}/{what.replace(' ', '-')}/{size}/{file_format}"
                    report = check_picture("big", url, allow_private_addresses=True)
                    if report.state != "wrong":
                        raise SystemExit(str(report))
                    sent = host.sent()
                    note = f"{100 * sent / size:.1f} % of the file; {report.problems[0].code}"
                    name = f"{file_format} of {size / 1e6:.3g} MB, {what}"
                    figures.append(at_most(name, sent / 1024, "KiB", GOAL_KIB, note=note))
        del os.environ["REQUESTS_CA_BUNDLE"]
    return figures


def wrong_picture(what: str, size: int, file_format: str) -> bytes:
    """Return a wrong picture of exactly `size` bytes: noise, then zeros."""
    width, height = SIZES[what]
    noise = random.Random(size).randbytes(width * height * 3)  # noqa: S311  # no secret
    file = io.BytesIO()
    Image.frombytes("RGB", (width, height), noise).save(file, file_format)
    return file.getvalue()[:size].ljust(size, b"\0")


def serve(folder: Path) -> None:
    """Serve on a free port of loopback, one connection after the other, and print the URL."""
    authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(folder / "ca.pem")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"https://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            connection, _ = listener.accept()
            with contextlib.suppress(OSError), context.wrap_socket(connection, server_side=True) as secured:
                what, size, file_format = secured.recv(65_536).split(b" ")[1].decode().strip("/").split("/")
                body = wrong_picture(what.replace("-", " "), int(size), file_format)
                with contextlib.suppress(OSError):
                    secured.sendall(response(b"200 OK", body, b"Connection: close\r\n"))
                    secured.recv(1)
                info = secured.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, BYTES_SENT_OFFSET + 8)
                print(struct.unpack_from("Q", info, BYTES_SENT_OFFSET)[0], flush=True)


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
