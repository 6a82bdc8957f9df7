"""Demo campaigns, their pictures, a local picture host, and free ports."""

from __future__ import annotations

import contextlib
import functools
import http.server
import socket
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from PIL import Image, ImageChops, ImageDraw, ImageFont

from airflow_provider_oppo_image.contract import LEGACY_BIG_SIZE, PICTURE_RULES

LOOPBACK: Final = "127.0.0.1"

_BIG, _SMALL = PICTURE_RULES["big"], PICTURE_RULES["small"]
_TRIED_PORTS: Final = 20
_CIRCLES: Final = ((0.62, 0.15, 0.16), (0.84, 0.3, 0.42), (0.74, 0.95, 0.34), (0.98, 0.95, 0.28))
"""Light circles on big pictures: x, y and radius, relative to the width, the height and the height."""
_BRIGHTNESS: Final = 50


@dataclass(frozen=True)
class Campaign:
    """A fictional campaign. Its name is in its pictures' file names, its title is drawn on them."""

    name: str
    title: str
    text: str
    colors: tuple[str, str]
    big_size: tuple[int, int] = (_BIG.width, _BIG.height)

    @property
    def big(self) -> str:
        """The file name of its big picture."""
        return f"{self.name}_big.jpg"

    @property
    def small(self) -> str:
        """The file name of its small picture."""
        return f"{self.name}_small.png"

    def parameter(self, pictures: str) -> dict[str, str]:
        """Return the campaign as a parameter of the DAG nightly_campaigns; `pictures` is the picture host's URL."""
        urls = {"big_picture_url": f"{pictures}/{self.big}", "small_picture_url": f"{pictures}/{self.small}"}
        return {"name": self.name, "title": self.title, "text": self.text, **urls}


CAMPAIGNS: Final = (
    Campaign("spring_sale", "Spring sale", "Up to 40 % off, today only", ("#007f5c", "#1fa8d8")),
    Campaign("member_day", "Member day", "Double points until midnight", ("#5a2a9c", "#e2466f")),
)
LAST_YEAR: Final = Campaign(
    "last_year", "Last year", "As good as it was", ("#8a2433", "#d98a3d"), big_size=LEGACY_BIG_SIZE
)
"""A campaign whose big picture has the size that OPPO required earlier."""


def make_pictures(folder: Path, campaigns: Iterable[Campaign]) -> None:
    """Draw the pictures of campaigns into a folder, which is created if it is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for campaign in campaigns:
        _draw(folder / campaign.big, campaign.big_size, campaign.title, campaign.colors)
        _draw(folder / campaign.small, (_SMALL.width, _SMALL.height), campaign.title[0], campaign.colors)


def _draw(path: Path, size: tuple[int, int], text: str, colors: tuple[str, str]) -> None:
    width, height = size
    left, right = (Image.new("RGB", size, color) for color in colors)
    image = Image.composite(right, left, Image.linear_gradient("L").rotate(90).resize(size))
    if len(text) > 1:
        light = Image.new("L", size)
        for across, down, radius in _CIRCLES:
            circle = Image.new("L", size)
            ImageDraw.Draw(circle).circle((across * width, down * height), radius * height, fill=_BRIGHTNESS)
            light = ImageChops.add(light, circle)
        image.paste("white", mask=light)
    font = ImageFont.load_default(height // 2 if len(text) == 1 else height // 4)
    position, anchor = ((width / 2, height / 2), "mm") if len(text) == 1 else ((width * 0.06, height / 2), "lm")
    ImageDraw.Draw(image).text(position, text, fill="white", font=font, anchor=anchor)
    image.save(path, quality=90)


class _QuietHandler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Print nothing."""


class _QuietServer(http.server.ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that disconnect early: the check does, if a picture is too large."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


@contextlib.contextmanager
def picture_host(folder: Path, port: int = 0) -> Iterator[str]:
    """Serve a folder on loopback, and yield the server's URL; port 0 is any free port."""
    handler = functools.partial(_QuietHandler, directory=str(folder))
    with _QuietServer((LOOPBACK, port), handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://{LOOPBACK}:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def free_port(preferred: int = 0) -> int:
    """Return a free port of loopback: the preferred one, or one of the next 20, or any."""
    for port in [*range(preferred, min(preferred + _TRIED_PORTS, 65_536)), 0]:
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            # A port whose server has just ended can be used again.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((LOOPBACK, port))
            return int(probe.getsockname()[1])
    raise OSError(f"no port of {LOOPBACK} is free")
