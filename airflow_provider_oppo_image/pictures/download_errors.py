"""What a host did instead of sending a picture, in words."""

from __future__ import annotations

import http.client
import socket
import ssl
from typing import Final

from airflow_provider_oppo_image.net.session import AddressRefusedError, exception_chain
from airflow_provider_oppo_image.pictures.picture_url import ADDRESS_REFUSED, BAD_URL
from airflow_provider_oppo_image.pictures.report import Problem
from airflow_provider_oppo_image.pictures.rules import TRUNCATED

_EXPECTED: Final = "a picture"
_BUSY: Final = (202, 408, 420, 423, 425, 429)

_TIMED_OUT: Final = Problem(
    "timed_out", "the host was too slow", _EXPECTED, "Try again later, or raise the connection's timeouts."
)
_UNKNOWN_HOST: Final = Problem(
    "unknown_host",
    "the URL's host has no address",
    "a host that this machine's name server knows",
    "Check the spelling of the host's name; a new name can take hours to be known.",
)
_FAILED: Final = Problem(
    "connection_failed",
    "no connection to the host, or it broke before the picture was there",
    _EXPECTED,
    "Try again later; check that the host is up, and that a firewall or a proxy lets this machine reach it.",
)


def problem_from_status(status: int, retry_after: float | None = None) -> Problem:
    """Return the problem that an HTTP status other than 200 is.

    :param status: the HTTP status, redirects that lead nowhere included.
    :param retry_after: seconds until the host wants to be asked again; None where it does not say so.
    """
    found = f"HTTP status {status}"
    if status in (401, 403):
        advice = "Make the picture public, or renew the URL's signature; some hosts answer so until a file is there."
        return Problem("access_denied", found, _EXPECTED, advice)
    if status in (404, 410):
        return Problem("not_found", found, _EXPECTED, "Check the path; if the upload is still to come, wait for it.")
    if status in _BUSY or 500 <= status <= 599 or retry_after is not None:
        return Problem("host_busy", found, _EXPECTED, "Try again later.")
    return Problem("unexpected_status", found, "HTTP status 200", "Open the URL in a private window and see.")


def problem_from_exception(error: BaseException) -> Problem:
    """Return the problem that an exception is, told by its types and never by its text, which can hold addresses.

    :param error: what a download raised.
    """
    causes = exception_chain(error)

    def has(kind: type[BaseException]) -> bool:
        return any(isinstance(cause, kind) for cause in causes)

    if has(AddressRefusedError):
        return ADDRESS_REFUSED
    for cause in causes:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return _unverified(cause.verify_message)
    if has(socket.gaierror):
        return _UNKNOWN_HOST
    if has(TimeoutError):  # the built-in one: urllib3 counts a refused connection among its own
        return _TIMED_OUT
    if has(http.client.IncompleteRead):
        return TRUNCATED
    # The first cause: requests makes a ValueError of an answer's nonsensical headers too.
    return BAD_URL if isinstance(causes[-1], ValueError) else _FAILED


def _unverified(reason: str) -> Problem:
    return Problem(
        "tls_unverified",
        f"the host's TLS certificate does not verify: {reason}",
        "a certificate that phones and servers trust",
        "Renew the certificate, or serve its whole chain.",
    )
