"""Server of the sandbox: in a thread for tests and demos, in the foreground for the command line."""

from __future__ import annotations

import asyncio
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

_START_TIMEOUT_S: Final = 30.0
_REQUEST_TIMEOUT_S: Final = 10.0
_SHUTDOWN_TIMEOUT_S: Final = 1
_BACKLOG: Final = 2048


class SandboxServer:
    """A sandbox in a thread of this process, on a loopback port.

    ::

        with SandboxServer() as sandbox:
            sandbox.fail(call="push", code=23008, times=2)
            ...  # use sandbox.url
            assert len(sandbox.received()["pushes"]) == 1

    :param options: behaviour of the sandbox; None for the defaults.
    :param port: the port to listen on; 0 for any free port.
    """

    def __init__(self, options: SandboxOptions | None = None, port: int = 0) -> None:
        self.options = options or SandboxOptions()
        self.url = ""
        self._port = port

    def __enter__(self) -> Self:
        """Start the server, and return when it accepts requests.

        :raises OSError: if the port is in use.
        """
        listener = _listen(LOOPBACK, self._port)
        self.url = _listener_url(listener)
        ready = threading.Event()
        self._server = _make_server(self.options, ready.set)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listener]}, name="sandbox", daemon=True
        )
        self._thread.start()
        if not ready.wait(_START_TIMEOUT_S):
            raise TimeoutError(f"The sandbox did not start within {_START_TIMEOUT_S:g} s")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Stop the server, and return when the port is free."""
        self._server.should_exit = True
        self._thread.join()

    def received(self) -> dict[str, Any]:
        """Return the received uploads, pushes and validations, and the request counts by call and outcome."""
        received: dict[str, Any] = self._request("GET", "/sandbox/received")
        return received

    def forget(self) -> None:
        """Delete everything that was received, including picture ids and `cid`s."""
        self._request("DELETE", "/sandbox/received")

    def fail(self, **fault: Any) -> None:
        """Inject a fault.

        :param fault: the fields of `sandbox.responses.Fault`.
        :raises ValueError: for an unknown field or an invalid value.
        """
        self._request("POST", "/sandbox/faults", fault)

    def recover(self) -> None:
        """Remove all faults that are still to come."""
        self._request("DELETE", "/sandbox/faults")

    def _request(self, method: str, path: str, body: Any = None) -> Any:
        connection = http.client.HTTPConnection(urlsplit(self.url).netloc, timeout=_REQUEST_TIMEOUT_S)
        with contextlib.closing(connection):
            connection.request(method, path, json.dumps(body), {"Content-Type": "application/json"})
            response = connection.getresponse()
            content = response.read()
        if response.status >= 400:
            raise ValueError(f"The sandbox responded with HTTP {response.status}: {content.decode(errors='replace')}")
        return json.loads(content) if content else None


def serve(options: SandboxOptions, host: str, port: int, on_ready: Callable[[str], None]) -> None:
    """Run a sandbox until Ctrl-C.

    :param host: the address to listen on. With any address but loopback, other machines can use the sandbox.
    :param port: the port; 0 for any free port.
    :param on_ready: called with the sandbox's URL once it accepts connections.
    :raises OSError: if the port is in use, or the address does not belong to this machine.
    """
    listener = _listen(host, port)
    with contextlib.suppress(KeyboardInterrupt):
        # The socket already listens: earlier connections wait in the backlog.
        on_ready(_listener_url(listener))
        _make_server(options, lambda: None).run(sockets=[listener])


def _make_server(options: SandboxOptions, on_ready: Callable[[], object]) -> uvicorn.Server:
    """Make the server. The web framework is imported here, since that takes most of a second."""
    import uvicorn
    from uvicorn.protocols.http.h11_impl import H11Protocol

    from airflow_provider_oppo_image.sandbox.app import create_app

    transports: dict[tuple[str, int], asyncio.Transport] = {}

    class RegisteredProtocol(H11Protocol):
        """Registers each connection, so that a fault can drop it."""

        def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in H11Protocol
            self._address = tuple(transport.get_extra_info("peername")[:2])
            transports[self._address] = transport
            super().connection_made(transport)

        def connection_lost(self, exc: Exception | None) -> None:
            transports.pop(self._address, None)
            super().connection_lost(exc)

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            on_ready()

    return Server(
        uvicorn.Config(
            create_app(options, transports),
            http=RegisteredProtocol,
            loop="asyncio",
            ws="none",
            log_config=None,
            log_level="warning",
            access_log=False,
            proxy_headers=False,
            backlog=_BACKLOG,
            timeout_graceful_shutdown=_SHUTDOWN_TIMEOUT_S,
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


def _listener_url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
