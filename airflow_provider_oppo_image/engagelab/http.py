"""One attempt: a request out, its answer in, over connections that are kept.

What is the same for all requests is worked out once: the proxy, the certificate authorities, the headers, the target.
A session of requests does that again for each of them, and takes longer for it than for everything else together.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import requests
from urllib3 import BaseHTTPResponse, HTTPConnectionPool, Retry, Timeout
from urllib3.exceptions import ClosedPoolError, ConnectTimeoutError, HTTPError, NewConnectionError
from urllib3.exceptions import TimeoutError as HTTPTimeoutError

from airflow_provider_oppo_image.contract import MAX_RESPONSE_BYTES
from airflow_provider_oppo_image.engagelab import messages
from airflow_provider_oppo_image.engagelab.messages import Request
from airflow_provider_oppo_image.engagelab.responses import REPEAT_ADVICE, Response
from airflow_provider_oppo_image.errors import ConfigurationError, NotSentError, OutcomeUnknownError, TransportError
from airflow_provider_oppo_image.net.deadline import Timeouts, deadline, may_have_been_sent
from airflow_provider_oppo_image.net.redaction import SecretRedactor
from airflow_provider_oppo_image.net.retry_after import read_retry_after
from airflow_provider_oppo_image.net.session import open_session

_CONNECT_ERRORS: Final = (NewConnectionError, ConnectTimeoutError, ClosedPoolError)
_NO_RETRY: Final = Retry(False, redirect=False)


class HttpTransport:
    """The connections to the service, from `open` to `close`. Threads may share them.

    :param base_url: scheme, host and port of the service.
    :param headers: what each request carries; they may be secret.
    :param secrets: what is never quoted of an answer.
    :param timeouts: how long the parts of one attempt may take.
    :param connections: how many connections are kept alive.
    """

    def __init__(
        self,
        base_url: str,
        headers: Mapping[str, str],
        *,
        secrets: SecretRedactor,
        timeouts: Timeouts,
        connections: int,
    ) -> None:
        self._base_url = base_url
        self._headers = dict(headers)
        self._headers_with_body = self._headers | {"Content-Type": "application/json"}
        self._secrets = secrets
        self._timeouts = timeouts
        self._patience = Timeout(connect=timeouts.connect, read=timeouts.read)
        self._connections = connections

    def __repr__(self) -> str:
        return f"Wire({self._base_url!r})"

    def open(self) -> None:
        """Look up the way to the service; it is not connected to yet.

        :raises ConfigurationError: if REQUESTS_CA_BUNDLE names a file that is not there, or a proxy's URL is none.
        """
        self._session = open_session(self._base_url, connections=self._connections)
        if isinstance(self._session.verify, str) and not Path(self._session.verify).exists():
            raise ConfigurationError(
                f"The certificate authorities {self._session.verify} are not there. Mend the environment variable "
                "REQUESTS_CA_BUNDLE or CURL_CA_BUNDLE."
            )
        try:
            self._pool, self._start = _look_up(self._session, self._base_url)
        except (requests.RequestException, HTTPError):
            # Not quoted: a proxy's URL can hold a password.
            raise ConfigurationError(
                f"There is no way to {self._base_url}. Look at the host in the connection, and at the proxy in the "
                "environment variables HTTPS_PROXY, HTTP_PROXY and ALL_PROXY."
            ) from None

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()
        self._session.close()

    def exchange(self, request: Request) -> Response:
        """Send a request, once, and return the answer.

        :raises NotSentError: if it did not leave.
        :raises OutcomeUnknownError: if it may have left, and no whole answer came.
        """
        try:
            with deadline(self._timeouts.total):
                return self._send(request)
        except (requests.RequestException, HTTPError, OSError) as error:
            failure = self._no_answer(request, error)
        # Not in the except block: the library's error holds the request, and with it the master secret.
        raise failure

    def _send(self, request: Request) -> Response:
        with self._pool.urlopen(
            request.method,
            self._start + request.path,
            body=None if request.body is None else messages.to_json(request.body),
            headers=self._headers if request.body is None else self._headers_with_body,
            retries=_NO_RETRY,
            redirect=False,
            assert_same_host=False,
            timeout=self._patience,
            preload_content=False,
            decode_content=False,
        ) as response:
            return self._read(response)

    def _read(self, response: BaseHTTPResponse) -> Response:
        content = b""
        # Until nothing comes: only then is it known that the announced length was reached.
        while piece := response.read(MAX_RESPONSE_BYTES + 1 - len(content), decode_content=False):
            content += piece
        encoding = response.headers.get("Content-Encoding", "identity").strip().lower()
        return Response(
            status=response.status,
            body=content,
            retry_after=read_retry_after(response.headers),
            whole=len(content) <= MAX_RESPONSE_BYTES and encoding == "identity",
            secrets=self._secrets,
        )

    def _no_answer(self, request: Request, error: BaseException) -> TransportError:
        causes = tuple(_causes(error))
        host = self._base_url

        def has(*types: type[BaseException]) -> bool:
            return any(isinstance(cause, types) for cause in causes)

        if has(ssl.SSLCertVerificationError):
            return NotSentError(
                f"{request.what}: {host} has a TLS certificate that does not verify, so nothing was sent. Check the "
                "host in the connection, and REQUESTS_CA_BUNDLE where a proxy re-signs.",
                permanent=True,
            )
        words = [cause.strerror for cause in causes if isinstance(cause, OSError) and isinstance(cause.strerror, str)]
        reason = words[-1] if words else type(causes[-1]).__name__
        if has(*_CONNECT_ERRORS) or not may_have_been_sent():
            return NotSentError(
                f"{request.what}: {host} was not reached ({reason}), so nothing was sent. Check the host in the "
                "connection, the name server and the firewall.",
            )
        if has(TimeoutError, HTTPTimeoutError):
            reason = f"none within {self._timeouts.read:g} s of silence or {self._timeouts.total:g} s in all"
        return OutcomeUnknownError(
            f"{request.what}: the request was sent to {host}, and no whole answer came ({reason}); the service may "
            f"have acted on it. {REPEAT_ADVICE}."
        )


def wire_of(
    base_url: str, app_key: str, master_secret: str, *, user_agent: str, timeouts: Timeouts, connections: int
) -> HttpTransport:
    """Return the connections to the service for one AppKey, not yet open.

    :param base_url: scheme, host and port of the service.
    :param app_key: the AppKey.
    :param master_secret: the master secret.
    :param user_agent: the User-Agent header.
    :param timeouts: how long the parts of one attempt may take.
    :param connections: how many connections are kept alive.
    """
    header = messages.basic_auth(app_key, master_secret)
    return HttpTransport(
        base_url,
        {
            "Authorization": header,
            "User-Agent": user_agent,
            "Accept": "application/json",
            "Accept-Encoding": "identity",
        },
        secrets=SecretRedactor(master_secret, header.removeprefix("Basic ")),
        timeouts=timeouts,
        connections=connections,
    )


def _look_up(session: requests.Session, url: str) -> tuple[HTTPConnectionPool, str]:
    """Return the connections to a host, or to the proxy before it, and what each path begins with there."""
    adapter: Any = session.get_adapter(url)
    request = requests.Request("GET", url).prepare()
    pool = adapter.get_connection_with_tls_context(request, session.verify, proxies=session.proxies)
    adapter.cert_verify(pool, request.url, session.verify, None)
    return pool, adapter.request_url(request, session.proxies).removesuffix("/")


def _causes(error: BaseException) -> Iterator[BaseException]:
    """Walk from an error to its first cause, by whichever way the libraries below left."""
    current: BaseException | None = error
    seen: set[int] = set()
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        inner = getattr(current, "reason", None) or (current.args[0] if current.args else None)
        current = inner if isinstance(inner, BaseException) else current.__cause__ or current.__context__
