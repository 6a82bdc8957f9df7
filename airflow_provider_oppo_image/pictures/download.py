"""A URL's bytes, guarded and bounded: no address but a public one, no byte more than needed, no wait without an end."""

from __future__ import annotations

import contextlib
import http.client
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias
from urllib.parse import urljoin

import requests
import urllib3.exceptions
from requests.utils import requote_uri

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.net.address_policy import forbidden_reason
from airflow_provider_oppo_image.net.deadline import (
    connections_opened,
    deadline,
    remaining,
)
from airflow_provider_oppo_image.net.options import DEFAULT_TRANSPORT_OPTIONS, TransportOptions
from airflow_provider_oppo_image.net.redaction import redact_url
from airflow_provider_oppo_image.net.retry_after import read_retry_after
from airflow_provider_oppo_image.net.session import AddressPolicy, AddressRefusedError, open_session
from airflow_provider_oppo_image.pictures.download_errors import problem_from_exception, problem_from_status
from airflow_provider_oppo_image.pictures.picture_url import url_problem
from airflow_provider_oppo_image.pictures.report import Problem
from airflow_provider_oppo_image.pictures.report_cache import Validators, read_validators
from airflow_provider_oppo_image.pictures.response_headers import (
    content_coding,
    quote_bare_percent,
    redirect_locations,
)
from airflow_provider_oppo_image.pictures.session_pool import MAX_PER_HOST, SessionPool

MAX_REDIRECTS: Final = 3
"""Redirects that are followed, inclusive."""

_CHUNK_BYTES: Final = 65_536
_NOT_MODIFIED: Final = 304

# What is read of an answer that is not wanted, so that its connection can be used again, and for how long.
_MAX_DRAIN_BYTES: Final = 16_384
_MAX_DRAIN_S: Final = 0.1

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_HEADERS: Final = {
    "User-Agent": f"airflow-provider-oppo-image/{__version__}",
    # What is compressed on the way can be a bomb, and a picture gains nothing from it.
    "Accept-Encoding": "identity",
    "Accept": "*/*",
}

# All that requests, urllib3 and the standard library raise for what a host does; ValueError is what their parsers raise
# on URLs (InvalidURL, LocationParseError, UnicodeError).
_FAILURES: Final = (
    requests.RequestException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
    OSError,
    ValueError,
    AddressRefusedError,
)

ShouldStop: TypeAlias = Callable[[bytes], bool | None]
"""Asked with all bytes so far: True stops the download, False reads on, None reads on and asks again with more."""


class DownloadError(Exception):
    """A URL did not give its bytes.

    :param problem: why.
    :param retry_after: seconds until the host wants to be asked again, at most a day, where it said so.
    """

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.retry_after = retry_after


@dataclass(frozen=True)
class Download:
    """What came.

    :param body: the bytes that were read.
    :param whole: whether they are all.
    :param size: the size of the whole body in bytes, read or announced; None where it is not known.
    :param stamp: how the host marks this version; None where it does not.
    :param unchanged: whether the host sent nothing, since this is the version that was known.
    """

    body: bytes
    whole: bool
    size: int | None
    stamp: Validators | None = None
    unchanged: bool = False


def download(
    url: str,
    *,
    max_bytes: int,
    allow_private_addresses: bool = False,
    transport_options: TransportOptions = DEFAULT_TRANSPORT_OPTIONS,
    settles: ShouldStop = lambda _: False,
    known: Validators | None = None,
    lines: SessionPool | None = None,
) -> Download:
    """Download a URL, until its end or until more of it would change nothing.

    For each connection the name is resolved once, each of its addresses is judged, and only a judged one is connected
    to, at each redirect again. Behind a proxy of the environment the proxy resolves and connects, and so decides; only
    addresses that stand in the URL itself are judged then.

    :param url: where to look.
    :param max_bytes: the longest body, in bytes, inclusive; a longer one is not read to its end.
    :param allow_private_addresses: let loopback and private addresses pass.
    :param transport_options: timeouts and other options of the connections.
    :param settles: looks at the bytes so far, and may stop the download.
    :param known: the version that need not be sent again; asked about only where it was found.
    :param lines: connections to use, and to keep; None makes each for itself.
    :raises DownloadError: when there is no body to speak of, whatever the reason.
    """
    ask = _Fetcher(
        _public_and_private_addresses if allow_private_addresses else _public_addresses, transport_options, lines
    )
    try:
        with deadline(transport_options.total_timeout):
            for _ in range(MAX_REDIRECTS + 1):
                if problem := url_problem(url, allow_private_addresses=allow_private_addresses):
                    raise DownloadError(problem)
                conditions = known.conditions() if known and known.url == url else {}
                with ask(url, _HEADERS | conditions) as response:
                    if conditions and response.status_code == _NOT_MODIFIED:
                        ask.finish(response)
                        return Download(b"", whole=False, size=None, stamp=known, unchanged=True)
                    if response.status_code == 200:
                        return _read(url, response, max_bytes, settles)
                    ask.finish(response)
                    if response.status_code not in _REDIRECTS:
                        retry_after = read_retry_after(response.headers)
                        raise DownloadError(problem_from_status(response.status_code, retry_after), retry_after)
                    url = _redirect_target(url, response)
                # Where a host sends us is judged anew, even if that is the host itself.
                ask = replace(ask, lines=None)
    except _FAILURES as error:
        # Not chained: the texts of these exceptions can hold the addresses that a name leads to.
        raise DownloadError(problem_from_exception(error)) from None
    raise DownloadError(
        Problem(
            "too_many_redirects",
            f"more than {MAX_REDIRECTS} redirects",
            "the picture's own URL",
            "Give the URL to which the redirects lead.",
        )
    )


# Named, so that it is seen whether two sessions may connect to the same addresses.


def _public_addresses(address: str) -> str | None:
    return forbidden_reason(address)


def _public_and_private_addresses(address: str) -> str | None:
    return forbidden_reason(address, allow_private=True)


@dataclass(frozen=True)
class _Fetcher:
    """How hosts are asked: over which connections, and how patiently."""

    permit: AddressPolicy
    transport_options: TransportOptions
    lines: SessionPool | None

    @contextlib.contextmanager
    def __call__(self, url: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        """Ask for a URL, and close its answer in the end."""
        with contextlib.ExitStack() as stack:
            response = self._over_a_kept_one(self.lines, url, headers) if self.lines else None
            if response is None:
                # A session of its own for each host, since the proxy is a host's.
                response = self._get(stack.enter_context(self._open(url)), url, headers)
            yield stack.enter_context(response)

    def _over_a_kept_one(self, lines: SessionPool, url: str, headers: Mapping[str, str]) -> requests.Response | None:
        """Ask over a connection that may have been kept; None if it was, and the host had closed it meanwhile."""
        session = lines.session(url, allowed=(self.permit, self.transport_options), open_one=self._open)
        before = connections_opened()
        try:
            return self._get(session, url, headers)
        except requests.ConnectionError:
            if connections_opened() != before:
                raise
            return None

    def _open(self, url: str) -> requests.Session:
        return open_session(url, self.transport_options, address_policy=self.permit, connections=MAX_PER_HOST)

    def _get(self, session: requests.Session, url: str, headers: Mapping[str, str]) -> requests.Response:
        return session.get(quote_bare_percent(url), headers=headers, stream=True, allow_redirects=False)

    def finish(self, response: requests.Response) -> None:
        """Read the rest of an answer that is not wanted, if it is short and there, so that its connection is kept."""
        if self.lines is None or (response.raw.length_remaining or 0) > _MAX_DRAIN_BYTES:
            return
        with contextlib.suppress(*_FAILURES), deadline(_MAX_DRAIN_S):
            left = _MAX_DRAIN_BYTES
            while left > 0 and (piece := response.raw.read(left, decode_content=False)):
                left -= len(piece)


def _redirect_target(url: str, response: requests.Response) -> str:
    """Return where a redirect leads."""
    locations = redirect_locations(response.raw.headers.getlist("Location"))
    if not locations:
        raise DownloadError(problem_from_status(response.status_code, read_retry_after(response.headers)))
    if len(locations) > 1:
        raise DownloadError(
            Problem(
                "unexpected_status",
                f"HTTP status {response.status_code} with {len(locations)} different Location headers",
                "one Location header",
                "Give the URL to which the redirect leads, or have the host send one header.",
            )
        )
    target = urljoin(url, requote_uri(quote_bare_percent(locations[0])))
    if url.lower().startswith("https:") and target.lower().startswith("http:"):
        raise DownloadError(
            Problem(
                "insecure_redirect",
                f"a redirect from https to {redact_url(target)}",
                "https all the way",
                "Give the URL to which it leads, with https.",
            )
        )
    return target


def _read(url: str, response: requests.Response, max_bytes: int, settles: ShouldStop) -> Download:
    if encoding := content_coding(response.headers.get("Content-Encoding", "")):
        raise DownloadError(
            Problem(
                "encoded_body",
                f"a body with Content-Encoding {encoding[:20]!r}, though none was asked for",
                "the picture's own bytes",
                "Have the host serve pictures uncompressed; a stored file may carry that header as metadata.",
            )
        )
    stamp = read_validators(url, response.headers)
    announced = response.raw.length_remaining
    if announced is not None and announced > max_bytes:
        return Download(b"", whole=False, size=announced, stamp=stamp)
    body = bytearray()
    settled: bool | None = None
    next_look = 0
    while piece := response.raw.read1(_CHUNK_BYTES, decode_content=False):
        remaining(None)  # once more, since sockets to a SOCKS proxy do not keep it
        body += piece
        if len(body) > max_bytes:
            return Download(bytes(body), whole=False, size=None, stamp=stamp)
        if settled is None and len(body) >= next_look:
            settled = settles(bytes(body))
            next_look = len(body) * 9 // 8  # not at each crumb: a header that never ends would be read anew for all
        if settled:
            return Download(bytes(body), whole=False, size=announced, stamp=stamp)
    return Download(bytes(body), whole=True, size=len(body), stamp=stamp)
