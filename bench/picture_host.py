"""A picture host in a process of its own, with JPEGs of about 200 KB and with pictures that can be cached.

    with PictureHost() as host:
        ...  # check f"{host.url}/pictures/1.jpg", /absent/1.jpg, /etag/1.jpg, /wrong/1.jpg, /wrong-etag/1.jpg
        print(host.answers())

usage: python -m bench.picture_host [--latency SECONDS]
"""

from __future__ import annotations

import argparse
import asyncio
import io
import random
from typing import Final

from PIL import Image

from bench.http_protocol import Connection, Server, response, serve

SIZE: Final = (984, 369)
BYTES: Final = 200_000
PICTURES: Final = 8
ETAG: Final = b'ETag: "0123456789abcdef"\r\n'
JPEG: Final = b"Content-Type: image/jpeg\r\n"


def picture(seed: int) -> bytes:
    """Return a JPEG of 984 x 369 px and about 200 KB: shapes with noise, like a photo."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    layers = []
    for _ in range(3):
        shape = Image.radial_gradient("L").rotate(chance.random() * 360).resize(SIZE)
        layers.append(Image.blend(shape, Image.effect_noise(SIZE, 60), 0.45))
    image = Image.merge("RGB", layers)
    file = io.BytesIO()
    for quality in range(98, 40, -2):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        if file.tell() <= BYTES:
            break
    return file.getvalue()


class PictureHost(Server):
    """The picture host; it waits `latency` seconds before each answer."""

    module = "picture_host"

    def __init__(self, latency: float = 0.0) -> None:
        super().__init__("--latency", latency)

    def answers(self) -> int:
        """Return how many requests for pictures were answered."""
        return int(self.get_counts())


class Pictures:
    """The answers of the host, by the first part of the path."""

    def __init__(self) -> None:
        self.answered = 0
        wrong = io.BytesIO()
        Image.effect_noise((876, 324), 60).convert("RGB").save(wrong, "JPEG", quality=95)
        good = [picture(seed) for seed in range(PICTURES)]
        self._pictures = [response(b"200 OK", body, JPEG) for body in good]
        self._answers = {
            b"absent": response(b"404 Not Found", b"<html><h1>404 Not Found</h1></html>"),
            b"etag": response(b"200 OK", good[0], JPEG + ETAG),
            b"wrong": response(b"200 OK", wrong.getvalue(), JPEG),
            b"wrong-etag": response(b"200 OK", wrong.getvalue(), JPEG + ETAG),
        }

    def answer(self, head: bytes) -> bytes:
        """Return the answer to a request, and count it."""
        kind = head.split(b"/", 2)[1].partition(b" ")[0]
        if kind == b"counts":
            return response(b"200 OK", str(self.answered).encode())
        self.answered += 1
        if kind == b"pictures":
            return self._pictures[hash(head.partition(b"\r\n")[0]) % PICTURES]
        if kind.endswith(b"etag") and b"If-None-Match" in head:
            return b"HTTP/1.1 304 Not Modified\r\n" + ETAG + b"\r\n"
        return self._answers[kind]


class PictureConnection(Connection):
    """A connection to the host."""

    def __init__(self, pictures: Pictures, latency: float) -> None:
        super().__init__()
        self._pictures = pictures
        self._latency = latency

    def answer(self, head: bytes, body: bytes) -> None:
        answer = self._pictures.answer(head)
        asyncio.get_running_loop().call_later(self._latency, self.transport.write, answer)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    latency, pictures = parser.parse_args().latency, Pictures()
    asyncio.run(serve(lambda: PictureConnection(pictures, latency)))
