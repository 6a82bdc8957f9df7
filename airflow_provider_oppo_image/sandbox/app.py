"""The sandbox over HTTP: the service's paths, its own under ``/sandbox``, and the page."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Final

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException

from airflow_provider_oppo_image.contract import (
    IMAGE_PATH,
    PUSH_PATH,
    STATUS_PATH,
    VALIDATE_PATH,
    WITHDRAW_PATH,
)
from airflow_provider_oppo_image.sandbox import page
from airflow_provider_oppo_image.sandbox.answers import RefusedError, SandboxResponse
from airflow_provider_oppo_image.sandbox.connections import Connections
from airflow_provider_oppo_image.sandbox.faults import Call, Fault, FaultQueue
from airflow_provider_oppo_image.sandbox.memory import Refusal
from airflow_provider_oppo_image.sandbox.options import SandboxOptions
from airflow_provider_oppo_image.sandbox.service import Service
from airflow_provider_oppo_image.sandbox.upload_rules import asked_kinds

_MAX_BODY_BYTES: Final = 65_536
_VIP_PATH: Final = "/v4/app/vip/status"


def create_app(options: SandboxOptions | None = None, connections: Connections | None = None) -> FastAPI:
    """Make the sandbox as an ASGI application.

    :param options: how it behaves; None for the defaults.
    :param connections: the connections of the server that runs it, which a fault may drop; without them such a fault
        ends in a 500.
    """
    sandbox = _Sandbox(Service(options or SandboxOptions()), connections or Connections())

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        yield
        sandbox.service.close()

    app = FastAPI(title="OPPO picture sandbox", lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    for method, path, endpoint in (
        ("POST", IMAGE_PATH, sandbox.upload),
        ("POST", PUSH_PATH, sandbox.push),
        ("POST", VALIDATE_PATH, sandbox.validate),
        ("DELETE", WITHDRAW_PATH + "/{msg_id}", sandbox.withdraw),
        ("GET", STATUS_PATH, sandbox.status),
        ("GET", _VIP_PATH, sandbox.vip_status),
        ("GET", "/sandbox/received", sandbox.received),
        ("DELETE", "/sandbox/received", sandbox.forget),
        ("POST", "/sandbox/faults", sandbox.order_fault),
        ("DELETE", "/sandbox/faults", sandbox.clear_faults),
        ("GET", "/", sandbox.home),
        ("GET", page.STYLE_PATH, sandbox.style),
        ("GET", "/favicon.ico", sandbox.icon),
        ("GET", page.PICTURE_PATH + "/{picture_id}", sandbox.picture),
    ):
        app.add_api_route(path, endpoint, methods=[method], response_model=None)
    app.add_exception_handler(404, sandbox.unknown)
    app.add_exception_handler(405, sandbox.unknown)
    app.add_exception_handler(500, _failed)
    return app


class _Sandbox:
    def __init__(self, service: Service, connections: Connections) -> None:
        self.service = service
        self.connections = connections
        self.faults = FaultQueue()

    # The service.

    async def upload(self, request: Request) -> Response:
        raw = await _body(request)
        return await self._answer(request, _upload_call(raw), lambda: self.service.upload(raw))

    async def push(self, request: Request) -> Response:
        raw = await _body(request)
        return await self._answer(request, "push", _at_once(lambda: self.service.push(raw)))

    async def validate(self, request: Request) -> Response:
        raw = await _body(request)
        return await self._answer(request, "validate", _at_once(lambda: self.service.validate(raw)))

    async def withdraw(self, request: Request, msg_id: str) -> Response:
        return await self._answer(request, "withdraw", _at_once(lambda: self.service.withdraw(msg_id)))

    async def status(self, request: Request, message_ids: str = "") -> Response:
        return await self._answer(request, "status", _at_once(lambda: self.service.status(message_ids)))

    async def vip_status(self, request: Request) -> Response:
        return await self._answer(request, "status", _at_once(self.service.vip_status))

    async def unknown(self, request: Request, error: Exception) -> Response:
        wrong_method = isinstance(error, HTTPException) and error.status_code == 405
        status = 405 if wrong_method and request.url.path.startswith(PUSH_PATH) else 404
        refused = RefusedError(
            21001, f"The method is not supported or url err: {request.method} {request.url.path}", status
        )
        self.service.memory.count("unknown", str(status))
        return JSONResponse(refused.answer.body, status)

    async def _answer(self, request: Request, call: Call, work: Callable[[], Awaitable[SandboxResponse]]) -> Response:
        """Do the work of a call, before, after or instead of the failure that was ordered for it."""
        self.service.arrive()
        fault = self.faults.take(call)
        if fault is None:
            return self._count(call, await self._work(request, call, work))
        done = await self._work(request, call, work) if fault.after else None
        await asyncio.sleep(fault.delay)
        if fault.only_delays:
            return self._count(call, done or await self._work(request, call, work))
        if fault.drop:
            self.service.memory.count(call, "dropped")
            return self.connections.dropped()
        status, body = fault.answer()
        return self._count(call, Response(body, status, {"Content-Type": "application/json", **fault.headers}))

    async def _work(self, request: Request, call: Call, work: Callable[[], Awaitable[SandboxResponse]]) -> Response:
        try:
            self.service.admit(request.headers.get("authorization", ""), 23001 if call.startswith("upload") else 21004)
            answer = await work()
        except RefusedError as refused:
            self.service.memory.refusals.append(Refusal(call, refused.code, refused.why))
            answer = refused.answer
        return JSONResponse(answer.body, answer.status)

    def _count(self, call: Call, response: Response) -> Response:
        self.service.memory.count(call, str(response.status_code))
        return response

    # The sandbox's own.

    async def received(self) -> Response:
        return JSONResponse(self.service.memory.to_dict())

    async def forget(self) -> Response:
        self.service.forget()
        return Response(status_code=204)

    async def order_fault(self, fault: Fault) -> Response:
        self.faults.order(fault)
        return Response(status_code=204)

    async def clear_faults(self) -> Response:
        self.faults.clear()
        return Response(status_code=204)

    async def home(self, request: Request) -> Response:
        url = str(request.base_url).rstrip("/")
        html = page.render(self.service.memory, url, self.service.options.app_key)
        return HTMLResponse(html, headers=page.HEADERS)

    async def style(self) -> Response:
        return Response(page.style(), headers=page.HEADERS, media_type="text/css")

    async def icon(self) -> Response:
        """Have none: browsers ask for it unasked, and write down that it is missing."""
        return Response(status_code=204)

    async def picture(self, picture_id: str) -> Response:
        picture = self.service.memory.pictures.get(picture_id)
        if picture is None:
            raise HTTPException(404)
        return Response(picture.content, headers=page.HEADERS, media_type=picture.media_type)


def _upload_call(raw: bytes) -> Call:
    match asked_kinds(raw):
        case ("big",):
            return "upload_big"
        case ("small",):
            return "upload_small"
        case _:
            return "upload"


def _at_once(work: Callable[[], SandboxResponse]) -> Callable[[], Awaitable[SandboxResponse]]:
    async def done() -> SandboxResponse:
        return work()

    return done


async def _body(request: Request) -> bytes:
    """Return a request's body, cut where it is longer than anything that the service takes."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_BODY_BYTES:
            break
    return bytes(body)


async def _failed(_: Request, error: Exception) -> Response:
    refused = RefusedError(23100, f"The sandbox itself failed: {type(error).__name__}; its log says where")
    return JSONResponse(refused.answer.body, refused.answer.status)
