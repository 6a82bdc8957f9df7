"""Runs the sandbox: in the background for tests and demos, in the foreground for the command line."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit

from airflow_provider_oppo_image.sandbox.options import SandboxOptions

if TYPE_CHECKING:
    import uvicorn

LOOPBACK: Final = "127.0.0.1"

_START_S: Final = 30.0
_ASK_S: Final = 10.0
_GRACE_S: Final = 1
_BACKLOG: Final = 2048


class SandboxServer:
    """A sandbox in a thread of this process, on a loopback port that was free.

    ::

        with SandboxServer() as sandbox:
            sandbox.fail(call="push", code=23008, times=2)
            ...  # use sandbox.url
            assert len(sandbox.received()["pushes"]) == 1

    :param options: how the sandbox behaves; None for the defaults.
    :param port: the port to listen on; 0 for any that is free.
    """

    def __init__(self, options: SandboxOptions | None = None, port: int = 0) -> None:
        self.options = options or SandboxOptions()
        self.url = ""
        self._port = port

    def __enter__(self) -> Self:
        """Start, and come back when it answers.

        :raises OSError: when the port is taken.
        """
        listener = _listen(LOOPBACK, self._port)
        self.url = _url_of(listener)
        ready = threading.Event()
        self._server = _make_server(self.options, ready.set)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True
        )
        self._thread.start()
        if not ready.wait(_START_S):
            raise TimeoutError(f"the sandbox did not start within {_START_S:g} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop, and come back when the port is free."""
        self._server.should_exit = True
        self._thread.join()

    def received(self) -> dict[str, Any]:
        """Return what the sandbox received: uploads, pushes, validations, and counts by call and outcome."""
        answer: dict[str, Any] = self._ask("GET", "/sandbox/received")
        return answer

    def forget(self) -> None:
        """Forget what was received: picture ids, and each `cid` too."""
        self._ask("DELETE", "/sandbox/received")

    def fail(self, **fault: Any) -> None:
        """Order a failure.

        :param fault: the fields of `sandbox.faults.Fault`.
        :raises ValueError: for a field that there is not, or a value that it does not take.
        """
        self._ask("POST", "/sandbox/faults", fault)

    def recover(self) -> None:
        """Take back all failures that are still to come."""
        self._ask("DELETE", "/sandbox/faults")

    def _ask(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=_ASK_S)
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            answer = connection.getresponse()
            content = answer.read()
        if answer.status >= 400:
            raise ValueError(f"the sandbox answered {answer.status}: {content.decode(errors='replace')}")
        return json.loads(content) if content else None


def serve(options: SandboxOptions, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Run a sandbox until Ctrl-C.

    :param options: how it behaves.
    :param host: the address to listen on; anything but loopback lets others in.
    :param port: the port; 0 for any that is free.
    :param on_ready: called with the sandbox's URL once it takes connections.
    :raises OSError: when the port is taken, or the address is not this machine's.
    """
    listener = _listen(host, port)
    with contextlib.suppress(KeyboardInterrupt):
        # From here on whoever connects is answered, if not at once.
        on_ready(_url_of(listener))
        _make_server(options, lambda: None).run(sockets=[listener])


def _make_server(options: SandboxOptions, on_ready: Callable[[], object]) -> uvicorn.Server:
    """Make the server; it is here that the web framework is imported, which takes most of a second."""
    import uvicorn

    from airflow_provider_oppo_image.sandbox.app import create_app
    from airflow_provider_oppo_image.sandbox.connections import Connections

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_ready()

    connections = Connections()
    return Server(
        uvicorn.Config(
            create_app(options, connections),
            http=connections.protocol(),
            loop="asyncio",
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_GRACE_S,
        )
    )


def _listen(host: str, port: int) -> socket.socket:
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _url_of(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
