"""A picture host, in a process of its own: real pictures of about 200 KB, each under as many URLs as one likes.

    with PictureHost() as host:
        ...  # look at f"{host.url}/pictures/1.jpg"

usage: python -m bench.picture_host
"""

from __future__ import annotations

import asyncio
import io
import random
from typing import Final

from PIL import Image

from bench.http_protocol import HEAD_END, Requests
from bench.processes import Server

SIZE: Final = (984, 369)
BYTES: Final = 200_000
PICTURES: Final = 8


def picture(seed: int) -> bytes:
    """Return a JPEG of 984 × 369 px and about 200 KB, as a camera's: shapes, with noise on them."""
    chance = random.Random(seed)  # noqa: S311  # no secret
    layers = []
    for _ in range(3):
        shape = Image.radial_gradient("L").rotate(chance.random() * 360).resize(SIZE)
        layers.append(Image.blend(shape, Image.effect_noise(SIZE, 60), 0.45))
    image = Image.merge("RGB", layers)
    best = b""
    for quality in range(98, 40, -2):
        file = io.BytesIO()
        image.save(file, "JPEG", quality=quality)
        best = file.getvalue()
        if len(best) <= BYTES:
            break
    return best


class PictureHost(Server):
    """The picture host, while the block runs."""

    module = "picture_host"


class Connection(Requests):
    """One connection, which may be used for many requests."""

    def __init__(self, answers: list[bytes]) -> None:
        super().__init__()
        self._answers = answers

    def take(self, head: bytes, body: bytes) -> None:
        """Answer with the picture of that URL."""
        self.transport.write(self._answers[hash(head.partition(b"\r\n")[0]) % len(self._answers)])


async def serve() -> None:
    """Serve on a free port of loopback, and print its URL."""
    bodies = [picture(seed) for seed in range(PICTURES)]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: %d"
    answers = [head % len(body) + HEAD_END + body for body in bodies]
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(answers), "127.0.0.1", 0, backlog=4096)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
