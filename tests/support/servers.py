"""A PostgreSQL, a Redis and a service of one's own: on free ports of loopback, and gone afterwards whatever happens.

    with postgres() as database, redis() as broker:
        create_engine(database)

Both databases ask for a password, and keep nothing. PostgreSQL does not run as root: for root it runs as the user
`postgres`, whom its package makes.
"""

from __future__ import annotations

import contextlib
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

from scripts.supervisor import Supervisor
from tests.support import processes
from tests.support.ports import free_port

_ROOT: Final = Path(__file__).resolve().parents[2]
_NAME: Final = "airflow"
_START_S: Final = 30.0
_LOOK_S: Final = 0.1


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """Run a PostgreSQL, and yield the URL of an empty database."""
    folder = Path(tempfile.mkdtemp(prefix="oppo-image-postgres-"))
    password, port = secrets.token_hex(16), free_port()
    with Supervisor(folder) as warden:
        (folder / "password").write_text(password)
        identity = _hand_over(folder, folder / "password")
        _make_cluster(folder, identity)
        settings = {"listen_addresses": "127.0.0.1", "port": port, "unix_socket_directories": "", "fsync": "off"}
        options = [f"--{name}={value}" for name, value in settings.items()]
        _serve(
            warden,
            [_program("postgres"), "-D", str(folder / "data"), *options],
            log=folder / "postgres.log",
            ready="ready to accept connections",
            farewell=signal.SIGQUIT,  # its children, which lead sessions of their own, end with it
            **identity,
        )
        yield f"postgresql+psycopg2://{_NAME}:{password}@127.0.0.1:{port}/postgres"


@contextlib.contextmanager
def redis() -> Iterator[str]:
    """Run a Redis, and yield its URL."""
    folder = Path(tempfile.mkdtemp(prefix="oppo-image-redis-"))
    password, port = secrets.token_hex(16), free_port()
    with Supervisor(folder) as warden:
        settings = folder / "redis.conf"
        settings.write_text(f'bind 127.0.0.1\nport {port}\nrequirepass {password}\nsave ""\n')
        _serve(
            warden,
            [_program("redis-server"), str(settings)],
            log=folder / "redis.log",
            ready="Ready to accept connections",
            farewell=signal.SIGTERM,
        )
        yield f"redis://:{password}@127.0.0.1:{port}/0"


@dataclass(frozen=True)
class Service:
    """The lean stub of the service that the benchmarks have.

    :param url: where it is.
    :param journal: a file with a line for each upload that it took: when, in seconds, the picture's id, and the body.
    """

    url: str
    journal: Path

    def taken(self) -> int:
        """How many uploads it has taken so far."""
        return self.journal.read_bytes().count(b"\n")


@contextlib.contextmanager
def service(limit: int) -> Iterator[Service]:
    """Run a service that takes so many requests in any second."""
    folder = Path(tempfile.mkdtemp(prefix="oppo-image-service-"))
    journal = folder / "journal"
    with Supervisor(folder) as warden:
        command = [sys.executable, "-m", "bench.service", f"--limit={limit}", f"--journal={journal}"]
        said = _serve(warden, command, log=folder / "service.log", ready="http://", cwd=_ROOT)
        yield Service(said.strip(), journal)


def _hand_over(*paths: Path) -> dict[str, Any]:
    """Give what PostgreSQL needs to whom it runs as, and return who that is, for a new process."""
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


def _serve(warden: Supervisor, command: list[str], *, log: Path, ready: str, **options: Any) -> str:
    """Start a server, wait until it says that it is ready, and return all that it said."""
    server = warden.start(command, log=log, **options)
    end = time.monotonic() + _START_S
    while ready not in (said := log.read_text()):
        assert not processes.has_ended(server.pid), f"{command[0]} did not start:\n{said}"
        assert time.monotonic() < end, f"{command[0]} was not ready in {_START_S:g} s:\n{said}"
        time.sleep(_LOOK_S)
    return said


def _program(name: str) -> str:
    """Find a program; Debian keeps PostgreSQL's off the path, in a folder for each version."""
    found = shutil.which(name) or next(map(str, Path("/usr/lib/postgresql").glob(f"*/bin/{name}")), None)
    assert found, f"There is no {name} here; scripts/servers.sh installs it."
    return found
