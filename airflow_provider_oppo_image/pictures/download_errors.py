"""Translation of exceptions and HTTP statuses of a download into problems."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import Final

from airflow_provider_oppo_image.net.connections import AddressRefusedError, NoTlsError, failed_at_proxy
from airflow_provider_oppo_image.net.session import exception_chain
from airflow_provider_oppo_image.pictures.report import Problem
from airflow_provider_oppo_image.pictures.rules import ADDRESS_REFUSED, BAD_URL, TRUNCATED

_EXPECTED: Final = "a picture"
_BUSY: Final = (202, 408, 420, 423, 425, 429)

_TIMED_OUT: Final = Problem(
    "timed_out", "a timeout of the host", _EXPECTED, "Try again later, or raise the timeouts in the connection."
)
_UNKNOWN_HOST: Final = Problem(
    "unknown_host",
    "a host name that does not resolve",
    "a host with a DNS record that this machine can look up",
    "Check the spelling of the host name. A new DNS record can need hours to become visible.",
)
_FAILED: Final = Problem(
    "connection_failed",
    "no connection to the host, or one that was closed before the end of the picture",
    _EXPECTED,
    "Try again later. Check that the host is up, and that firewalls and proxies let this machine reach it.",
)

_NO_PROXY: Final = Problem(
    "connection_failed",
    "no connection through the proxy of this machine",
    _EXPECTED,
    "Try again later. Check the variables HTTP_PROXY, HTTPS_PROXY and ALL_PROXY of this machine, and that the proxy is "
    "up and lets this machine reach the host.",
)


def problem_from_status(status: int, retry_after: float | None = None) -> Problem:
    """Return the problem for an HTTP status other than 200, including a redirect without a target.

    :param status: the HTTP status.
    :param retry_after: the seconds of its Retry-After header; None without one.
    """
    found = f"HTTP status {status}"
    if status in (401, 403):
        advice = "Make the picture public, or renew the signed URL. Some hosts send this status for a missing file."
        return Problem("access_denied", found, _EXPECTED, advice)
    if status in (404, 410):
        return Problem("not_found", found, _EXPECTED, "Check the path. If the file is not uploaded yet, wait for it.")
    if status in _BUSY or 500 <= status <= 599 or retry_after is not None:
        return Problem("host_busy", found, _EXPECTED, "Try again later.")
    return Problem("unexpected_status", found, "HTTP status 200", "Open the URL in a private window to see the page.")


def problem_from_exception(error: BaseException) -> Problem:
    """Return the problem for an exception from a download.

    It is chosen by the types in the exception chain, never by their texts, which can hold addresses.
    """
    causes = exception_chain(error)

    def has(kind: type[BaseException]) -> bool:
        return any(isinstance(cause, kind) for cause in causes)

    if has(AddressRefusedError):
        return ADDRESS_REFUSED
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return Problem(
                "tls_unverified",
                f"a TLS certificate that cannot be verified: {cause.verify_message}",
                "a certificate that phones and servers trust",
                "Renew the certificate, or send its complete chain.",
            )
        if isinstance(cause, NoTlsError):
            return Problem(
                "tls_unverified",
                "an answer without TLS",
                "an answer with TLS to an https URL",
                "Write http:// in the URL, or set up TLS at the host.",
            )
    if any(map(failed_at_proxy, causes)):
        return _NO_PROXY
    if has(socket.gaierror):
        return _UNKNOWN_HOST
    if has(TimeoutError):  # the built-in type: urllib3's own also covers refused connections
        return _TIMED_OUT
    if has(http.client.IncompleteRead):
        return TRUNCATED
    # Only the root cause counts: requests also raises ValueError for invalid response headers.
    return BAD_URL if isinstance(causes[-1], ValueError) else _FAILED
