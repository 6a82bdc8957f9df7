"""What our guard and libraries for the same purpose do with the addresses that no picture may be fetched from.

Each library is installed into an environment of its own, in a temporary directory. No packet leaves this machine: names
lead where the table says, 93.184.216.34 leads to a server on loopback, and every other connection fails and is counted
as one that the guard let through.

usage: python bench/address_guards.py [UV]
"""

from __future__ import annotations

import argparse
import asyncio
import errno
import http.server
import importlib.util
import json
import os
import platform
import re
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import unquote

ROOT = Path(__file__).parents[1]
PUBLIC_HOST = "93.184.216.34"
PUBLIC_NAME = "public.example"

WAYS = ("direct", "by name", "by redirect", "by redirect to a name")

Get = Callable[[str], object]
"""Asks for a URL as its library's page says, redirects followed where it follows them."""

Row = tuple[str, int, list[str]]
"""What was tried, how often, and what was let through or wrong otherwise."""


def _ours() -> Get:
    from airflow_provider_oppo_image.pictures.check import check_picture

    return lambda url: check_picture("big", url)


def _requests_hardened() -> Get:
    from requests_hardened import Config, Manager

    config = Config(
        ip_filter_enable=True, ip_filter_allow_loopback_ips=False, never_redirect=False, default_timeout=(2, 5)
    )
    return lambda url: Manager(config).send_request("GET", url)


def _safehttpx() -> Get:
    import safehttpx

    return lambda url: asyncio.run(safehttpx.get(url))


def _microsoft_antissrf() -> Get:
    from AntiSSRF import AntiSSRFPolicy, PolicyConfigOptions

    policy = AntiSSRFPolicy(PolicyConfigOptions.EXTERNAL_ONLY_LATEST)
    policy.allow_plain_text_http = True
    return lambda url: policy.get_antissrf_session().get(url, timeout=5)


def _ssrfguard() -> Get:
    from ssrfguard import Policy
    from ssrfguard.requests import Session

    return lambda url: Session(policy=Policy()).get(url, timeout=5)


def _httpx_secure() -> Get:
    import httpx
    from httpx_secure import httpx_ssrf_protection

    async def get(url: str) -> object:
        async with httpx_ssrf_protection(httpx.AsyncClient(follow_redirects=True, timeout=5)) as client:
            return await client.get(url)

    return lambda url: asyncio.run(get(url))


def _drawbridge() -> Get:
    import drawbridge.sync

    return lambda url: drawbridge.sync.get(url)


GUARDS: dict[str, tuple[str | None, Callable[[], Get]]] = {
    "ours": (None, _ours),
    "requests-hardened": ("requests-hardened==1.3.0", _requests_hardened),
    "safehttpx": ("safehttpx==0.2.0", _safehttpx),
    "microsoft-antissrf": ("microsoft-antissrf==1.0.0", _microsoft_antissrf),
    "ssrfguard": ("ssrfguard[requests]==0.4.1", _ssrfguard),
    "httpx-secure": ("httpx-secure==2.0.0", _httpx_secure),
    "drawbridge": ("drawbridge==0.1.2", _drawbridge),
}
"""What is measured: what to install, None for nothing, and how to ask for a URL with it."""


class Network:
    """All that this process can reach: a public host, and nothing else.

    `reached` lists the addresses that were connected to, `location` is where the host redirects to.
    """

    def __init__(self) -> None:
        self.names: dict[str, list[list[str]]] = {}
        self.asked: list[str] = []
        self.reached: list[str] = []
        self.location = ""
        self.said = ""
        server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self._resolve, self._connect, self._peer = socket.getaddrinfo, socket.socket.connect, socket.socket.getpeername
        socket.getaddrinfo = self._look_up
        socket.socket.connect = lambda sock, address: self._reach(sock, address)
        socket.socket.getpeername = lambda sock: self._seen_as(sock)

    def _look_up(self, host: Any, port: Any, *_: Any, **__: Any) -> list[Any]:
        host = host.decode() if isinstance(host, bytes) else host
        self.asked.append(host)
        if host == PUBLIC_NAME:
            return [_entry(PUBLIC_HOST, port)]
        if host in self.names:
            answers = self.names[host]
            return [_entry(found, port) for found in answers[min(self.asked.count(host), len(answers)) - 1]]
        return self._resolve(host, port, type=socket.SOCK_STREAM, flags=socket.AI_NUMERICHOST)

    def _reach(self, sock: socket.socket, address: Any) -> None:
        self.reached.append(address[0])
        if address[0] != PUBLIC_HOST:
            raise OSError(errno.ECONNREFUSED, "nothing is there")
        self._connect(sock, ("127.0.0.1", self._port))

    def _seen_as(self, sock: socket.socket) -> Any:
        peer = self._peer(sock)
        return (PUBLIC_HOST, 80) if peer[1] == self._port else peer

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        network = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                moved = self.path.startswith("/moved")
                self.send_response(302 if moved else 200)
                if moved:
                    self.send_header("Location", network.location)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Stay quiet."""

        return Handler

    def ask(self, get: Get, url: str, name_leads_to: list[list[str]] | None = None) -> set[str]:
        """Ask for a URL, and return the addresses that were connected to; "name.example" leads to the given ones."""
        self.names = {"name.example": name_leads_to} if name_leads_to else {}
        self.asked.clear()
        self.reached.clear()
        try:
            self.said = str(get(url))
        except Exception as error:  # noqa: BLE001 - a refusal, whatever the library calls it
            self.said = repr(error)
        return set(self.reached)

    def goes_out(self, get: Get, host: str, way: str) -> bool:
        """Tell whether a host is connected to that nobody should connect to."""
        named = "name" in way
        url = f"http://{'name.example' if named else host}/"
        if "redirect" in way:
            self.location, url = url, f"http://{PUBLIC_NAME}/moved"
        return bool(self.ask(get, url, [[unquote(host.strip("[]"))]] if named else None) - {PUBLIC_HOST})


def _entry(address: str, port: Any) -> tuple[Any, ...]:
    family, tail = (socket.AF_INET6, (0, 0)) if ":" in address else (socket.AF_INET, ())
    return (family, socket.SOCK_STREAM, 6, "", (address, int(port or 80), *tail))


def addresses() -> ModuleType:
    """Return the module with the addresses that the tests try."""
    spec = importlib.util.spec_from_file_location("addresses", ROOT / "tests" / "support" / "addresses.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measure(get: Get) -> Iterator[Row]:
    """Try everything on a guard."""
    network, known = Network(), addresses()
    get(f"http://{PUBLIC_NAME}/")
    if set(network.reached) != {PUBLIC_HOST}:
        raise SystemExit(f"the public host was not reached, but {network.reached}")

    for kind, them in {**known.PRIVATE, **known.NEVER}.items():
        wrong = [address for address in them for way in WAYS if network.goes_out(get, known.as_host(address), way)]
        yield kind, len(them) * len(WAYS), wrong
    # One of the spellings is a public address.
    hosts = [host for host in (*known.SPELLINGS, *known.OTHER_LETTERS) if host != "134744072"]
    yield "spellings", len(hosts), [host for host in hosts if network.goes_out(get, host, "direct")]

    url = "http://name.example/"
    pairs = [[PUBLIC_HOST, "10.0.0.1"], ["10.0.0.1", PUBLIC_HOST]]
    asked = [pair for pair in pairs if network.ask(get, url, [pair])]
    yield "names with a public and a private address", len(pairs), [" and ".join(pair) for pair in asked]
    changed = network.ask(get, url, [[PUBLIC_HOST], ["127.0.0.1"]]) - {PUBLIC_HOST}
    yield "a name that changes", 1, sorted(changed)
    yield "a password in the URL", 1, sorted(network.ask(get, f"http://user:password@{PUBLIC_NAME}/"))
    network.ask(get, url, [["10.9.8.7"]])
    yield "words that tell where a name leads", 1, ["10.9.8.7"] if "10.9.8.7" in network.said else []
    refused = [address for address in known.PUBLIC if not network.ask(get, f"http://{known.as_host(address)}/")]
    yield "public addresses that are refused", len(known.PUBLIC), refused


def measure_in(python: Path | str, name: str) -> list[Row]:
    """Measure a guard in an interpreter of its own."""
    environment = {key: value for key, value in os.environ.items() if not key.lower().endswith("_proxy")}
    done = subprocess.run(
        [python, __file__, "--guard", name],
        capture_output=True,
        text=True,
        env={**environment, "PYTHONPATH": str(ROOT)},
    )
    if done.returncode:
        raise SystemExit(f"{name}: {done.stderr}")
    rows: list[Row] = json.loads(done.stdout.splitlines()[-1])
    return rows


def measure_all(uv: str) -> dict[str, list[Row]]:
    """Measure each guard, after installing it."""
    columns = {}
    with tempfile.TemporaryDirectory() as directory:
        for name, (requirement, _) in GUARDS.items():
            python: Path | str = sys.executable
            if requirement:
                python = Path(directory, name, "bin", "python")
                install = [uv, "pip", "install", "--quiet", "--system-certs", "--python", python, requirement]
                subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, python.parents[1]], check=True)
                subprocess.run(install, check=True)
            columns[name] = measure_in(python, name)
    return columns


def main() -> None:
    """Print a table of all guards, and below it what each let through."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("uv", nargs="?", default=str(Path(sys.executable).parent / "uv"), help="uv, to install with")
    parser.add_argument("--guard", choices=GUARDS, help="measure only this one, which is installed, for this program")
    arguments = parser.parse_args()
    if arguments.guard:
        print(json.dumps(list(measure(GUARDS[arguments.guard][1]()))))
        return
    columns = measure_all(arguments.uv)
    heads = [
        re.sub(r"\[.*]|==", " ", requirement or name).replace("  ", " ") for name, (requirement, _) in GUARDS.items()
    ]
    print(f"{datetime.now(UTC):%Y-%m-%d}, Python {platform.python_version()}\n")
    print(f"| what | tries | {' | '.join(heads)} |")
    print(f"| --- | ---: |{' ---: |' * len(heads)}")
    for rows in zip(*columns.values(), strict=True):
        print(f"| {rows[0][0]} | {rows[0][1]} | {' | '.join(str(len(wrong)) for *_, wrong in rows)} |")
    for name, found in columns.items():
        wrong = [f"{what}: {', '.join(dict.fromkeys(them))}" for what, _, them in found if them]
        print(f"\n{name}:", *wrong, sep="\n  ")


if __name__ == "__main__":
    main()
