"""Temporary PostgreSQL, Redis and stub service on free ports of loopback; they stop with the block or with the tests.

Both databases need a password. PostgreSQL does not run as root: if the tests do, it runs as the user `postgres`, which
its package creates.
"""

from __future__ import annotations

import contextlib
import json
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from scripts import processes
from scripts.checkout import ROOT
from scripts.demo_campaigns import free_port
from scripts.processes import Supervisor

_NAME: Final = "airflow"
_START_S: Final = 30.0
_POLL_S: Final = 0.1


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="oppo-image-postgres-"))
    password, port = secrets.token_hex(16), free_port()
    with Supervisor(folder) as supervisor:
        (folder / "password").write_text(password)
        identity = _chown(folder, folder / "password")
        _make_cluster(folder, identity)
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
        options = [f"--{name}={value}" for name, value in settings.items()]
        _serve(
            supervisor,
            [_program("postgres"), "-D", str(folder / "data"), *options],
            log=folder / "postgres.log",
            ready="ready to accept connections",
            stop_signal=signal.SIGQUIT,  # stops its children too, which have their own sessions
            **identity,
        )
        yield f"postgresql+psycopg2://{_NAME}:{password}@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def redis() -> Iterator[str]:
    folder = Path(tempfile.mkdtemp(prefix="oppo-image-redis-"))
    password, port = secrets.token_hex(16), free_port()
    with Supervisor(folder) as supervisor:
        settings = folder / "redis.conf"
        settings.write_text(f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\n')
        _serve(
            supervisor,
            [_program("redis-server"), str(settings)],
            log=folder / "redis.log",
            ready="Ready to accept connections",
            stop_signal=signal.SIGTERM,
        )
        yield f"redis://:{password}@127.0.0.1:{port}/0"


@dataclass(frozen=True)
class Service:
    """The stub of the service of the benchmarks. Each line of its journal is an upload: time, id and body."""

    url: str
    journal: Path

    def taken(self) -> int:
        return self.journal.read_bytes().count(b"\n")


@contextlib.contextmanager
def service(limit: int | None, latency: float = 0.02) -> Iterator[Service]:
    """Run a service that accepts `limit` requests per second, and answers after `latency` seconds."""
    folder = Path(tempfile.mkdtemp(prefix="oppo-image-service-"))
    journal = folder / "journal"
    with Supervisor(folder) as supervisor:
        options = {"latency": latency, "limit": limit, "journal": str(journal)}
        command = [sys.executable, "-m", "tests.support.service_stub", json.dumps(options)]
        output = _serve(supervisor, command, log=folder / "service.log", ready="http://", cwd=ROOT)
        yield Service(output.strip(), journal)


def _chown(*paths: Path) -> dict[str, Any]:
    """Give files to the user that PostgreSQL runs as, and return that user as options for a process."""
    if os.geteuid() != 0:
        return {}
    user = pwd.getpwnam("postgres")
    for path in paths:
        os.chown(path, user.pw_uid, user.pw_gid)
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}


def _make_cluster(folder: Path, identity: dict[str, Any]) -> None:
    options = ["--auth=scram-sha-256", "--encoding=UTF8", "--no-locale", "--no-sync", f"--username={_NAME}"]
    done = subprocess.run(
        [_program("initdb"), "--pgdata=data", "--pwfile=password", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=folder,
        text=True,
        check=False,
        **identity,
    )
    assert not done.returncode, f"initdb failed:\n{done.stdout}"


def _serve(supervisor: Supervisor, command: list[str], *, log: Path, ready: str, **options: Any) -> str:
    """Start a server, wait until its output says that it is ready, and return the output."""
    server = supervisor.start(command, log=log, **options)
    end = time.monotonic() + _START_S
    while ready not in (output := log.read_text()):
        assert not processes.has_ended(server.pid), f"{command[0]} did not start:\n{output}"
        assert time.monotonic() < end, f"{command[0]} was not ready in {_START_S:g} s:\n{output}"
        time.sleep(_POLL_S)
    return output


def _program(name: str) -> str:
    """Find a program. Debian installs PostgreSQL in a folder for each version, which is not on PATH."""
    found = shutil.which(name) or next(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), None)
    assert found, f"There is no {name} here; scripts/packages.sh installs it."
    return found
