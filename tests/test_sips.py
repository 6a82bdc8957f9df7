"""What crosses the network before a verdict, as the sending kernel counts it."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from airflow_provider_oppo_image import sips
from airflow_provider_oppo_image.pictures.check import check_picture
from airflow_provider_oppo_image.transport import open_session, read_freely
from tests.support import artwork

PATIENT = 30
SENT_AT = 200  # in Linux's struct tcp_info
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


@contextmanager
def sending(body: bytes) -> Iterator[tuple[str, list[int]]]:
    """A host that sends one body to each who asks: its URL, and the bytes that each connection has sent."""
    sent: list[int] = []

    def serve() -> None:
        while True:
            try:
                sock, _ = listener.accept()
            except OSError:
                return
            with sock:
                sock.settimeout(PATIENT)
                sock.recv(65_536)
                with suppress(OSError):
                    sock.sendall(HEAD % len(body) + body)
                    sock.recv(1)
                info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SENT_AT + 8)
                sent.append(struct.unpack_from("Q", info, SENT_AT)[0])

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/", sent
        listener.shutdown(socket.SHUT_RDWR)
    thread.join()


@pytest.mark.parametrize("content", [artwork.png(876, 324), artwork.jpeg(876, 324)])
def test_a_verdict_on_a_wrong_picture_takes_less_than_a_hundredth_of_it(content: bytes) -> None:
    body = content.ljust(1_000_000, b"\0")
    with sending(body) as (url, sent):
        assert check_picture("big", url, allow_private_addresses=True).state == "wrong"
    assert sent[0] < len(body) / 100


def test_so_does_one_on_a_picture_that_says_how_heavy_it_is() -> None:
    with sending(b"\0" * 5_000_000) as (url, sent):
        assert check_picture("big", url, allow_private_addresses=True).problems[0].code == "too_heavy"
    assert sent[0] < 50_000


def test_a_good_picture_comes_whole() -> None:
    body = artwork.jpeg_of_size(1_000_000, 984, 369)
    with sending(body) as (url, sent):
        assert check_picture("big", url, allow_private_addresses=True).state == "ready"
    assert sent[0] >= len(body)


def test_a_picture_is_read_freely_as_soon_as_its_start_is_not_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go: list[socket.socket] = []
    really_end = sips.end
    monkeypatch.setattr(sips, "end", lambda sock: (let_go.append(sock), really_end(sock)))
    with sending(artwork.good("big")) as (url, _):
        assert check_picture("big", url, allow_private_addresses=True).state == "ready"
    assert len(let_go) == 1
    with sending(artwork.png(876, 324)) as (url, _):
        assert check_picture("big", url, allow_private_addresses=True).state == "wrong"
    assert len(let_go) == 1


def test_a_session_sips_until_it_may_read_freely() -> None:
    """Held back for good, each few KB of a good picture would wait until those before them were read."""
    with (
        sending(b"\0" * 1_000_000) as (url, _),
        open_session(url, sip=True) as session,
        session.get(url, stream=True, timeout=PATIENT) as response,
    ):
        sock = response.raw.connection.sock
        response.raw.read(1_000)
        held = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        read_freely()
        while response.raw.read(65_536):
            pass
        freed = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        sock.shutdown(socket.SHUT_RDWR)  # it would be kept
    assert held < 8_000 < 65_536 < freed


@pytest.mark.parametrize("how", ["another system", "an old kernel"])
def test_where_the_kernel_cannot_let_go_nothing_is_held(how: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if how == "another system":
        monkeypatch.setattr(sips.sys, "platform", "darwin")
    else:
        monkeypatch.setattr(sips, "_SO_BUF_LOCK", 0x7FFF)
    with socket.socket() as sock:
        before = sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF)
        sips.prepare(sock)
        sips.begin(sock)
        sips.end(sock)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) == before
