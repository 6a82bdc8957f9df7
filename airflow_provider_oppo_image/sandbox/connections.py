"""The server's open connections, so that one can be closed without a byte of answer.

ASGI has no such thing: a server answers 500 for an application that does not answer. So the protocol registers its
transport here, under the address that the application sees in ``scope["client"]``.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fastapi import Response
from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send


class Connections:
    """The open connections of one server, by the client's address."""

    def __init__(self) -> None:
        self._transports: dict[tuple[str, int], asyncio.Transport] = {}

    def protocol(self) -> type[asyncio.Protocol]:
        """Return uvicorn's protocol, made to register its connections here."""
        transports = self._transports

        class Registers(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in H11Protocol
                self._address = tuple(transport.get_extra_info("peername")[:2])
                transports[self._address] = transport
                super().connection_made(transport)

            def connection_lost(self, exc: Exception | None) -> None:
                transports.pop(self._address, None)
                super().connection_lost(exc)

        return Registers

    def dropped(self) -> Response:
        """Return a response that closes its connection instead of answering."""
        return _Dropped(self._transports)


class _Dropped(Response):
    def __init__(self, transports: dict[tuple[str, int], asyncio.Transport]) -> None:
        super().__init__()
        self._transports = transports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._transports[tuple(scope["client"])].abort()
        # Until the server has seen the end of the connection, it would answer 500 for us.
        while (await receive())["type"] != "http.disconnect":
            pass
