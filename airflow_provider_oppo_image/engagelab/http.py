"""HTTP transport: sends one request to the service and returns the response, over connections that are kept alive."""

from __future__ import annotations

import ssl
from typing import Final

from urllib3 import BaseHTTPResponse
from urllib3.exceptions import ClosedPoolError, ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as HTTPTimeoutError

from airflow_provider_oppo_image.engagelab import messages
from airflow_provider_oppo_image.engagelab.messages import Request
from airflow_provider_oppo_image.engagelab.responses import RETRY_ADVICE, Response
from airflow_provider_oppo_image.errors import NotSentError, OppoImageError, OutcomeUnknownError, TransportError
from airflow_provider_oppo_image.net.connections import NoTlsError, failed_at_proxy
from airflow_provider_oppo_image.net.deadline import (
    DEFAULT_TRANSPORT_OPTIONS,
    TransportOptions,
    deadline,
    may_have_been_sent,
)
from airflow_provider_oppo_image.net.redaction import SecretRedactor
from airflow_provider_oppo_image.net.session import exception_chain, open_session, read_retry_after

_CONNECT_ERRORS: Final = (NewConnectionError, ConnectTimeoutError, ClosedPoolError)


class HttpTransport:
    """Connections to the service with one AppKey. Threads may share it.

    :param base_url: scheme, host and port of the service. It is not connected to yet.
    :param app_key: the AppKey.
    :param master_secret: the master secret.
    :param user_agent: the User-Agent header.
    :param options: timeouts and other options of the connections.
    :param connections: maximum number of connections that are kept alive.
    :raises ConfigurationError: if the proxy or the CA bundle that the environment names is not usable.
    """

    def __init__(
        self,
        base_url: str,
        app_key: str,
        master_secret: str,
        *,
        user_agent: str,
        options: TransportOptions = DEFAULT_TRANSPORT_OPTIONS,
        connections: int = 10,
    ) -> None:
        authorization = messages.basic_auth(app_key, master_secret)
        self._redactor = SecretRedactor(master_secret, authorization.removeprefix("Basic "))
        self._headers = {
            "Authorization": authorization,
            "User-Agent": user_agent,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        }
        # Error trackers show local variables.
        del master_secret, authorization
        self._base_url = base_url
        self._app_key = app_key
        self._options = options
        self._session = open_session(base_url, options, connections=connections)

    def __repr__(self) -> str:
        return f"HttpTransport({self._base_url!r}, app_key={self._app_key!r})"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def send(self, request: Request) -> Response:
        """Send a request once, and return the response.

        :raises ConfigurationError: if the proxy or the CA bundle that the environment names is not usable.
        :raises NotSentError: if the request was not sent.
        :raises OutcomeUnknownError: if the request may have been sent, and no complete response was received.

        No other exception leaves it, because callers handle only this package's: the standard library raises ValueError
        for a malformed chunk, and RuntimeError if no thread can start.
        """
        try:
            with deadline(self._options.total_timeout):
                return self._send(request)
        except OppoImageError:
            raise
        except Exception as error:  # noqa: BLE001 - see above
            failure = self._transport_error(request, error)
            cause = exception_chain(error)[-1]
            # urllib3's errors contain the connection, and frames have local variables, both with the headers.
            if not isinstance(cause, HTTPError) and not self._redactor.contains_secret(f"{cause} {cause.args!r}"):
                cause.__cause__ = cause.__context__ = None
                failure.__cause__ = cause.with_traceback(None)
        # Not raised in the except block, where Python would add the library's error as the context.
        raise failure

    def _send(self, request: Request) -> Response:
        body, headers = None, self._headers
        if request.body is not None:
            body, headers = messages.to_json(request.body), headers | {"Content-Type": "application/json"}
        with self._session.request_once(request.method, request.path, headers, body) as response:
            return self._read(response, request.max_response_bytes)

    def _read(self, response: BaseHTTPResponse, max_bytes: int) -> Response:
        content = b""
        # Read until nothing is left: only then has urllib3 checked the announced length.
        while chunk := response.read(max_bytes + 1 - len(content), decode_content=False):
            content += chunk
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        return Response(
            status=response.status,
            body=content,
            retry_after=read_retry_after(response.headers),
            complete=len(content) <= max_bytes and encoding == "identity",
            redactor=self._redactor,
        )

    def _transport_error(self, request: Request, error: BaseException) -> TransportError:
        causes = exception_chain(error)
        url = self._base_url

        def has(*types: type[BaseException]) -> bool:
            return any(isinstance(cause, types) for cause in causes)

        if has(ssl.SSLCertVerificationError):
            return NotSentError(
                f"{request.action}: the TLS certificate of {url} cannot be verified, so nothing was sent. Check the "
                "host in the connection, and set REQUESTS_CA_BUNDLE if a proxy signs certificates itself.",
                permanent=True,
            )
        if has(NoTlsError):
            return NotSentError(
                f"{request.action}: {url} answers without TLS, so nothing was sent. Write http:// before the host in "
                "the connection; a host that is not this machine also needs allow_plain_http in the extra.",
                permanent=True,
            )
        texts = [cause.strerror for cause in causes if isinstance(cause, OSError) and isinstance(cause.strerror, str)]
        reason = texts[-1] if texts else type(causes[-1]).__name__
        if has(*_CONNECT_ERRORS) or not may_have_been_sent():
            where = f"{url} through the proxy of this machine" if any(map(failed_at_proxy, causes)) else url
            return NotSentError(
                f"{request.action}: cannot connect to {where} ({reason}), so nothing was sent. Check the host in the "
                "connection, the name server, the proxy and the firewall.",
            )
        if has(TimeoutError, HTTPTimeoutError):
            options = self._options
            reason = f"timed out: {options.read_timeout:g} s without a byte, or {options.total_timeout:g} s in total"
        return OutcomeUnknownError(
            f"{request.action}: the request was sent to {url} but no complete response was received ({reason}); the "
            f"service may have processed it. {RETRY_ADVICE}."
        )
