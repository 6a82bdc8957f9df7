"""How much of a wrong picture crosses the network until the check has its verdict, beside its whole download.

The host is in another process, and asks its kernel how many bytes each connection sent: what it handed to the kernel
and what waits there does not count. Artwork of 1, 5 and 20 MB, PNG and JPEG: of the wrong size in pixels, and of the
right size but too heavy.

usage: python -m bench.bytes_until_verdict
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import random
import socket
import struct
import urllib.request
from typing import Final

from PIL import Image

from bench.http_protocol import HEAD_END
from bench.processes import Server
from bench.report import Figure, table, under

GOAL_PERCENT: Final = 1.0
FORMATS: Final = ("PNG", "JPEG")
SIZES: Final = {"wrong size": (2000, 750), "too heavy": (984, 369)}
BYTES: Final = {
    "wrong size": (1_000_000, 5_000_000, 20_000_000),
    "too heavy": (1_048_577, 5_000_000, 20_000_000),  # the first is one byte above the limit
}

# Where Linux has the bytes sent in its struct tcp_info, since 4.19.
SENT_AT: Final = 200


class Artwork(Server):
    """A host of wrong pictures, while the block runs."""

    module = "bytes_until_verdict"

    def __init__(self) -> None:
        super().__init__("--serve")

    def sent(self) -> list[int]:
        """Return how many bytes each connection for a picture sent."""
        with urllib.request.urlopen(f"{self.url}/sent", timeout=30) as answer:  # noqa: S310  # http, by ourselves
            return list(json.load(answer))


def measure() -> list[Figure]:
    """Measure each wrong picture once."""
    from airflow_provider_oppo_image.pictures.check import check_picture

    figures = []
    with Artwork() as host:
        for what in SIZES:
            for size in BYTES[what]:
                for file_format in FORMATS:
                    url = f"{host.url}/{what.replace(' ', '-')}/{size}/{file_format}"
                    report = check_picture("big", url, allow_private_addresses=True)
                    if report.state != "wrong":
                        raise SystemExit(str(report))
                    sent = host.sent()[-1]
                    words = f"{file_format} of {size / 1e6:.3g} MB, {what}"
                    note = f"{sent:,} bytes; {report.problems[0].code}"
                    figures.append(under(words, 100 * sent / size, "%", GOAL_PERCENT, note=note))
    return figures


def artwork(what: str, size: int, file_format: str) -> bytes:
    """Return a wrong picture of exactly so many bytes: noise, and after its end nothing of meaning."""
    width, height = SIZES[what]
    noise = random.Random(size).randbytes(width * height * 3)  # noqa: S311  # no secret
    file = io.BytesIO()
    Image.frombytes("RGB", (width, height), noise).save(file, file_format)
    return file.getvalue()[:size].ljust(size, b"\0")


def serve() -> None:
    """Serve on a free port of loopback, one connection after the other, and print its URL."""
    sent: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        while True:
            connection, _ = listener.accept()
            with connection:
                path = connection.recv(65_536).split(b" ")[1].decode()
                if path == "/sent":
                    send(connection, json.dumps(sent).encode())
                else:
                    what, size, file_format = path.strip("/").split("/")
                    send(connection, artwork(what.replace("-", " "), int(size), file_format))
                    sent.append(bytes_sent(connection))


def send(connection: socket.socket, body: bytes) -> None:
    """Send an answer, until its end or until the other side has gone."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close" % len(body)
    with contextlib.suppress(OSError):
        connection.sendall(head + HEAD_END + body)
        connection.shutdown(socket.SHUT_WR)
        connection.recv(1)


def bytes_sent(connection: socket.socket) -> int:
    """Return how many bytes a connection sent, as its kernel counts them."""
    info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SENT_AT + 8)
    return int(struct.unpack_from("Q", info, SENT_AT)[0])


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--serve", action="store_true", help=argparse.SUPPRESS)
    if parser.parse_args().serve:
        serve()
    else:
        print(*table(measure()), sep="\n")


if __name__ == "__main__":
    main()
