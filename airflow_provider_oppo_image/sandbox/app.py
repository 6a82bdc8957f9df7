"""HTTP interface of the sandbox: the service's paths, the control paths below ``/sandbox``, and the page."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect

from airflow_provider_oppo_image.contract import IMAGE_PATH, PUSH_PATH, STATUS_PATH, VALIDATE_PATH, WITHDRAW_PATH
from airflow_provider_oppo_image.sandbox import page
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.picture_validation import requested_kinds
from airflow_provider_oppo_image.sandbox.responses import CallName, Fault, FaultQueue, RefusedError, SandboxResponse
from airflow_provider_oppo_image.sandbox.service import SandboxService
from airflow_provider_oppo_image.sandbox.state import Refusal

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send

_MAX_BODY_BYTES: Final = 65_536
_VIP_PATH: Final = "/v4/app/vip/status"

Transports: TypeAlias = Mapping[tuple[str, int], asyncio.Transport]
"""The open connections of the server, by the client's address and port."""


def create_app(options: SandboxOptions, transports: Transports) -> FastAPI:
    """Make the sandbox as an ASGI application.

    :param transports: the open connections of the server; a fault can drop one of them.
    """
    handlers = _Handlers(SandboxService(options), transports)

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        handlers.service.close()

    app = FastAPI(title="OPPO picture sandbox", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    for method, path, endpoint in (
        ("POST", IMAGE_PATH, handlers.upload),
        ("POST", PUSH_PATH, handlers.push),
        ("POST", VALIDATE_PATH, handlers.validate),
        ("DELETE", WITHDRAW_PATH + "/{msg_id}", handlers.withdraw),
        ("GET", STATUS_PATH, handlers.status),
        ("GET", _VIP_PATH, handlers.vip_status),
        ("GET", "/sandbox/received", handlers.received),
        ("DELETE", "/sandbox/received", handlers.forget),
        ("POST", "/sandbox/faults", handlers.add_fault),
        ("DELETE", "/sandbox/faults", handlers.clear_faults),
        ("GET", "/", handlers.home),
        ("GET", page.STYLE_PATH, handlers.style),
        ("GET", "/favicon.ico", handlers.icon),
        ("GET", page.PICTURE_PATH + "/{picture_id}", handlers.picture),
    ):
        app.add_api_route(path, endpoint, methods=[method], response_model=None)
    app.add_exception_handler(404, handlers.unknown)
    app.add_exception_handler(405, handlers.unknown)
    app.add_exception_handler(500, _internal_error)
    app.add_exception_handler(RequestValidationError, _invalid_fault)
    app.add_middleware(_RequestGuard)
    return app


class _RequestGuard:
    """Middleware that refuses ambiguous requests and foreign hosts, and ignores clients that leave.

    Web pages whose name leads to a loopback address could otherwise read the sandbox (DNS rebinding).
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and (reason := _why_refused(scope)):
            response = _json(RefusedError(21001, reason, 400).response)
            # The rest of the connection could be read as a second request.
            response.headers["Connection"] = "close"
            await response(scope, receive, send)
            return
        with contextlib.suppress(ClientDisconnect):
            await self._app(scope, receive, send)


def _why_refused(scope: Scope) -> str | None:
    headers = Headers(scope=scope)
    if "transfer-encoding" in headers and "content-length" in headers:
        return "A request must not have both Content-Length and Transfer-Encoding"
    host, server = headers.get("host", ""), scope["server"]
    if server and _is_loopback(server[0]) and not _is_local_host(host):
        return "The Host header must be an IP address or localhost, since the sandbox listens on a loopback address"
    return None


def _is_local_host(host: str) -> bool:
    name = host.rpartition("]")[0].lstrip("[") if host.startswith("[") else host.partition(":")[0]
    if not name or name.lower() == "localhost" or name.lower().endswith(".localhost"):
        return True
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(name))
    return False


def _is_loopback(address: str) -> bool:
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(address).is_loopback
    return False


class _Handlers:
    def __init__(self, service: SandboxService, transports: Transports) -> None:
        self.service = service
        self._transports = transports
        self._faults = FaultQueue()

    # The service's paths.

    async def upload(self, request: Request) -> Response:
        raw = await _read_body(request)
        return await self._respond(request, _upload_call(raw), lambda: self.service.upload(raw))

    async def push(self, request: Request) -> Response:
        raw = await _read_body(request)
        return await self._respond(request, "push", _as_async(lambda: self.service.push(raw)))

    async def validate(self, request: Request) -> Response:
        raw = await _read_body(request)
        return await self._respond(request, "validate", _as_async(lambda: self.service.validate(raw)))

    async def withdraw(self, request: Request, msg_id: str) -> Response:
        return await self._respond(request, "withdraw", _as_async(lambda: self.service.withdraw(msg_id)))

    async def status(self, request: Request, message_ids: str = "") -> Response:
        return await self._respond(request, "status", _as_async(lambda: self.service.status(message_ids)))

    async def vip_status(self, request: Request) -> Response:
        return await self._respond(request, "status", _as_async(self.service.vip_status))

    async def unknown(self, request: Request, error: Exception) -> Response:
        wrong_method = isinstance(error, HTTPException) and error.status_code == 405
        status = 405 if wrong_method and request.url.path.startswith(PUSH_PATH) else 404
        message = f"The method is not supported or url err: {request.method} {request.url.path}"
        self.service.state.count("unknown", str(status))
        return _json(RefusedError(21001, message, status).response)

    async def _respond(
        self, request: Request, call: CallName, action: Callable[[], Awaitable[SandboxResponse]]
    ) -> Response:
        """Process a call, or apply the fault that was injected for it, or both."""
        self.service.record_arrival()
        fault = self._faults.pop(call)
        if fault is None:
            return self._count(call, await self._process(request, call, action))
        done = await self._process(request, call, action) if fault.after else None
        await asyncio.sleep(fault.delay)
        if fault.only_delays:
            return self._count(call, done or await self._process(request, call, action))
        if fault.drop:
            self.service.state.count(call, "dropped")
            return _DroppedConnection(self._transports)
        status, body = fault.render()
        return self._count(call, Response(body, status, {"Content-Type": "application/json", **fault.headers}))

    async def _process(
        self, request: Request, call: CallName, action: Callable[[], Awaitable[SandboxResponse]]
    ) -> Response:
        try:
            self.service.admit(request.headers.get("authorization", ""), 23001 if call.startswith("upload") else 21004)
            return _json(await action())
        except RefusedError as refused:
            self.service.state.refusals.append(Refusal(call, refused.code, refused.message))
            return _json(refused.response)

    def _count(self, call: CallName, response: Response) -> Response:
        self.service.state.count(call, str(response.status_code))
        return response

    # The sandbox's own paths.

    async def received(self) -> Response:
        return JSONResponse(self.service.state.to_dict())

    async def forget(self) -> Response:
        self.service.forget()
        return Response(status_code=204)

    async def add_fault(self, fault: Fault) -> Response:
        self._faults.add(fault)
        return Response(status_code=204)

    async def clear_faults(self) -> Response:
        self._faults.clear()
        return Response(status_code=204)

    async def home(self, request: Request) -> Response:
        url = str(request.base_url).rstrip("/")
        html = page.render(self.service.state, url, self.service.options.app_key)
        return HTMLResponse(html, headers=page.HEADERS)

    async def style(self) -> Response:
        return Response(page.style(), headers=page.HEADERS, media_type="text/css")

    async def icon(self) -> Response:
        """Return an empty response: without it, browsers log an error about the missing icon."""
        return Response(status_code=204)

    async def picture(self, picture_id: str) -> Response:
        picture = self.service.state.pictures.get(picture_id)
        if picture is None:
            raise HTTPException(404)
        return Response(picture.content, headers=page.HEADERS, media_type=picture.media_type)


class _DroppedConnection(Response):
    """Closes the connection without a response.

    ASGI cannot express this: a server responds with 500 if the application does not respond.
    """

    def __init__(self, transports: Transports) -> None:
        super().__init__()
        self._transports = transports

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._transports[tuple(scope["client"])].abort()


def _upload_call(raw: bytes) -> CallName:
    match requested_kinds(raw):
        case ("big",):
            return "upload_big"
        case ("small",):
            return "upload_small"
        case _:
            return "upload"


def _as_async(action: Callable[[], SandboxResponse]) -> Callable[[], Awaitable[SandboxResponse]]:
    async def run() -> SandboxResponse:
        return action()

    return run


async def _read_body(request: Request) -> bytes:
    """Return the body of a request, at most a little more than the service accepts."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            break
    return bytes(body)


def _json(response: SandboxResponse) -> Response:
    return JSONResponse(response.body, response.status)


async def _internal_error(_: Request, error: Exception) -> Response:
    message = f"The sandbox itself failed with {type(error).__name__}; see its log"
    return _json(RefusedError(23100, message).response)


async def _invalid_fault(_: Request, error: Exception) -> Response:
    """Return the problems without the values, which may be NaN and then are not JSON."""
    problems = error.errors() if isinstance(error, RequestValidationError) else ()
    detail = [{"loc": problem["loc"], "msg": problem["msg"]} for problem in problems]
    return JSONResponse({"detail": detail}, 422)
