"""Fuzzing: any bytes and any URL result in a report, in little memory, and Pillow reads each ready picture."""

from __future__ import annotations

import io
import random
import socket
import tracemalloc
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from airflow_provider_oppo_image.pictures.check import check_file, check_picture
from airflow_provider_oppo_image.pictures.report import PictureReport
from tests.support import artwork
from tests.support.bombs import BOMBS
from tests.support.mutations import with_right_checksums, without_metadata

MAX_MEMORY = 64 * 1024 * 1024

SEEDS = (
    artwork.png(144, 144),
    artwork.png(144, 144, "P"),
    artwork.png(144, 144, "RGBA"),
    artwork.jpeg(144, 144),
    artwork.jpeg(144, 144, progressive=True),
    artwork.jpeg(144, 144, orientation=1),
    artwork.other_format("MPO", 144, 144),
    artwork.animated_png(144, 144),
    artwork.with_chunks(artwork.png(144, 144), artwork.chunk(b"zTXt", b"k\0\0" + zlib.compress(bytes(1000)))),
)


@pytest.fixture
def judge(tmp_path: Path) -> Callable[..., PictureReport]:
    path = tmp_path / "picture"

    def judge(content: bytes, kind: Any = "small") -> PictureReport:
        path.write_bytes(content)
        return check_file(kind, path)

    return judge


def assert_pillow_agrees(content: bytes, report: PictureReport) -> None:
    if report.state == "ready":
        with Image.open(io.BytesIO(without_metadata(content)), formats=("PNG", "JPEG")) as image:
            image.load()
            assert (image.format, *image.size) == (report.format, report.width, report.height)


@pytest.mark.parametrize("bomb", BOMBS)
def test_bomb_uses_little_memory(bomb: str, judge: Callable[..., PictureReport]) -> None:
    """Its time is measured in tests/trust, without coverage, which would be most of it."""
    content = BOMBS[bomb]()
    assert len(content) <= 1_048_576
    tracemalloc.start()
    report = judge(content, "big")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < MAX_MEMORY
    assert report.state == "wrong" or "below" in bomb or bomb == "stuffing"
    assert_pillow_agrees(content, report)


_FIXED = settings(suppress_health_check=[HealthCheck.function_scoped_fixture])


@_FIXED
@given(st.one_of(st.binary(), st.binary().map(b"\x89PNG\r\n\x1a\n".__add__), st.binary().map(b"\xff\xd8\xff".__add__)))
def test_any_bytes_result_in_a_report(judge: Callable[..., PictureReport], content: bytes) -> None:
    assert judge(content).state != "ready"


@pytest.mark.parametrize("seed", range(4))
def test_random_changes_result_in_reports(judge: Callable[..., PictureReport], seed: int) -> None:
    """Hypothesis finds small examples; this tries many."""
    rng = random.Random(seed)  # noqa: S311 - no secret
    states = set()
    for _ in range(300):
        content = bytearray(rng.choice(SEEDS))
        for _ in range(rng.choice((1, 1, 2, 8))):
            at = rng.randrange(len(content) if rng.random() < 0.5 else min(len(content), 700))
            content[at : at + rng.choice((0, 1, 1, 4))] = rng.randbytes(rng.choice((0, 1, 1, 4)))
        version = with_right_checksums(bytes(content)) if rng.random() < 0.7 else bytes(content)
        report = judge(version)
        assert_pillow_agrees(version, report)
        states.add(report.state)
    assert states == {"ready", "absent", "wrong"}


@given(st.one_of(st.text(), st.text().map("http://".__add__), st.text().map(lambda text: f"https://{text}.example/")))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_url_results_in_a_report(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    def getaddrinfo(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "unknown")

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    report = check_picture("big", url)
    assert report.state in ("absent", "wrong")
    assert {problem.code for problem in report.problems} <= {
        "bad_url", "credentials_in_url", "address_refused", "unknown_host",
    }  # fmt: skip
