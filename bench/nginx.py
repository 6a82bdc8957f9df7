"""nginx, from Debian's package, as a host of pictures on loopback: it needs little processor time."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import trustme

from bench.artworks import KINDS

SEEDS: Final = range(10)
_TRIES: Final = 200
# It keeps the user, since the folder is closed to others. Without a master process, one signal ends everything.
_SETTINGS: Final = """daemon off; master_process off; pid nginx.pid; events {{ worker_connections 1024; }}
http {{ access_log off; keepalive_requests 1000000; default_type image/jpeg; sendfile on; open_file_cache max=100;
  client_body_temp_path tmp; proxy_temp_path tmp; fastcgi_temp_path tmp; uwsgi_temp_path tmp; scgi_temp_path tmp;
  server {{ listen 127.0.0.1:{http} backlog=4096; listen 127.0.0.1:{https} ssl backlog=4096; root .;
    ssl_protocols TLSv1.3; ssl_certificate host.pem; ssl_certificate_key host.pem; log_not_found off;
    location = /status {{ stub_status; }}
    location /etag/ {{ rewrite ^/etag/(\\w+)/.*(\\d)\\.jpg$ /$1-$2 break; }}
    location / {{ etag off; add_header Last-Modified ""; rewrite ^/(\\w+)/.*(\\d)\\.jpg$ /$1-$2 break; }} }} }}
"""


@dataclass
class Nginx:
    """A running nginx: /KIND/1.jpg and /etag/KIND/1.jpg for the pictures of `artworks.KINDS`, others are absent.

    :param folder: its files.
    :param http: its URL.
    :param https: its URL with TLS 1.3.
    """

    folder: Path
    http: str
    https: str
    _asked: int = 0

    @property
    def authority(self) -> str:
        """The file of its certificate authority."""
        return str(self.folder / "ca.pem")

    def kilobytes(self, kind: str) -> float:
        """Return the mean size of the pictures of a kind."""
        return sum((self.folder / f"{kind}-{seed}").stat().st_size for seed in SEEDS) / len(SEEDS) / 1000

    def counts(self) -> tuple[int, int]:
        """Return how many connections were opened and how many requests were answered, without those of this method."""
        with urllib.request.urlopen(f"{self.http}/status", timeout=30) as answer:  # noqa: S310  # http on loopback
            numbers = answer.read().split()[7:10]
        self._asked += 1
        return int(numbers[0]) - self._asked, int(numbers[2]) - self._asked


@contextlib.contextmanager
def run_nginx() -> Iterator[Nginx]:
    """Serve the pictures during the block."""
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        folder = Path(name)
        with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
            ports = {"http": one.getsockname()[1], "https": two.getsockname()[1]}
        (folder / "nginx.conf").write_text(_SETTINGS.format(**ports))
        authority = trustme.CA()
        authority.cert_pem.write_to_path(folder / "ca.pem")
        authority.issue_cert("127.0.0.1").private_key_and_cert_chain_pem.write_to_path(folder / "host.pem")
        for kind, draw in KINDS.items():
            for seed in SEEDS:
                (folder / f"{kind}-{seed}").write_bytes(draw(seed))
        environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin"}
        command = ["nginx", "-e", "stderr", "-p", name, "-c", "nginx.conf"]
        server = stack.enter_context(subprocess.Popen(command, env=environment))
        stack.callback(server.kill)
        for _ in range(_TRIES):
            with contextlib.suppress(OSError):
                socket.create_connection(("127.0.0.1", ports["https"])).close()
                break
            time.sleep(0.05)
        yield Nginx(folder, *(f"{scheme}://127.0.0.1:{port}" for scheme, port in ports.items()), _asked=0)
