"""Download of an untrusted URL, with an address policy, a size limit and a deadline."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Final, TypeAlias
from urllib.parse import urljoin

from requests.utils import requote_uri
from urllib3 import BaseHTTPResponse
from urllib3.exceptions import ProtocolError, SSLError

from airflow_provider_oppo_image import __version__
from airflow_provider_oppo_image.errors import OppoImageError
from airflow_provider_oppo_image.net.connections import AddressPolicy
from airflow_provider_oppo_image.net.deadline import (
    DEFAULT_TRANSPORT_OPTIONS,
    TransportOptions,
    connections_opened,
    deadline,
    remaining,
)
from airflow_provider_oppo_image.net.session import (
    Session,
    Validators,
    encode_path,
    open_session,
    read_retry_after,
    read_validators,
)
from airflow_provider_oppo_image.net.urls import PictureUrl, forbidden_reason
from airflow_provider_oppo_image.pictures.download_errors import problem_from_exception, problem_from_status
from airflow_provider_oppo_image.pictures.report import Problem
from airflow_provider_oppo_image.pictures.rules import judge_url
from airflow_provider_oppo_image.pictures.session_pool import SessionPool

MAX_REDIRECTS: Final = 3
"""Maximum number of redirects that are followed, inclusive."""

_CHUNK_BYTES: Final = 65_536
_NOT_MODIFIED: Final = 304

# The limits for reading the rest of a response that is not needed, so that its connection can be reused.
_MAX_DRAIN_BYTES: Final = 16_384
_MAX_DRAIN_S: Final = 0.1

_REDIRECTS: Final = (301, 302, 303, 307, 308)
_HEADERS: Final = {
    "User-Agent": f"airflow-provider-oppo-image/{__version__}",
    # A compressed body can be a decompression bomb, and compression does not make a picture smaller.
    "Accept-Encoding": "identity",
    "Accept": "*/*",
    "Connection": "keep-alive",
}

# https://www.iana.org/assignments/http-parameters, content codings. Browsers ignore all other
# names, and show the bytes unchanged.
_CODINGS: Final = frozenset(
    ("aes128gcm", "br", "compress", "dcb", "dcz", "deflate", "exi", "gzip", "pack200-gzip", "x-compress", "x-gzip",
     "zstd")
)  # fmt: skip
_BLANKS: Final = " \t\r\n\f\v"
_BARE_PERCENT: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")

ShouldStop: TypeAlias = Callable[[bytes], bool | None]
"""Called with all bytes so far. True stops the download, False continues, None continues and asks again later."""


class DownloadError(Exception):
    """A URL could not be downloaded.

    :param problem: the reason.
    :param retry_after: seconds, at most a day, after which the host accepts the next request, if it said so.
    """

    def __init__(self, problem: Problem, retry_after: float | None = None) -> None:
        super().__init__(str(problem))
        self.problem = problem
        self.retry_after = retry_after


@dataclass(frozen=True)
class Download:
    """A downloaded body.

    :param body: the bytes that were read.
    :param complete: whether these are all bytes.
    :param size: the size of the complete body in bytes, read or announced; None if it is not known.
    :param validators: the validators of this version; None if the host sent none.
    :param not_modified: whether the host answered that the file has not changed (HTTP status 304), without a body.
    """

    body: bytes
    complete: bool
    size: int | None
    validators: Validators | None = None
    not_modified: bool = False


def download(
    url: PictureUrl,
    *,
    max_bytes: int,
    allow_private_addresses: bool = False,
    transport_options: TransportOptions = DEFAULT_TRANSPORT_OPTIONS,
    should_stop: ShouldStop = lambda _: False,
    validators: Validators | None = None,
    session_pool: SessionPool | None = None,
) -> Download:
    """Download a URL to its end, or until `should_stop` returns True.

    Each connection, redirects included, resolves the host name once, checks all its addresses, and connects only to
    one that was checked. Behind a proxy from the environment, the proxy resolves and connects; then only addresses in
    the URL itself are checked.

    :param url: the URL.
    :param max_bytes: maximum size of the body in bytes, inclusive; a larger body is not read to its end.
    :param allow_private_addresses: accept loopback and private addresses.
    :param transport_options: timeouts and other options of the connections.
    :param should_stop: called with the bytes so far; may stop the download.
    :param validators: the validators of the version that is already known; sent only to the URL they came from.
    :param session_pool: the pool of open connections; None opens a connection for each request.
    :raises DownloadError: if there is no body, for any reason.
    :raises ConfigurationError: if the proxy or the CA bundle that the environment names is not usable.
    """
    policy = _public_and_private_addresses if allow_private_addresses else _public_addresses
    fetcher = _Fetcher(policy, transport_options, session_pool)
    try:
        with deadline(transport_options.total_timeout):
            for _ in range(MAX_REDIRECTS + 1):
                if problem := judge_url(url, allow_private_addresses=allow_private_addresses):
                    raise DownloadError(problem)
                conditions = validators.conditional_headers() if validators and validators.url == url.full else {}
                with fetcher.get(url.full, _HEADERS | conditions) as response:
                    if response.status == 200:
                        return _read(url.full, response, max_bytes, should_stop)
                    fetcher.drain(response)
                    if conditions and response.status == _NOT_MODIFIED:
                        return Download(b"", complete=False, size=None, validators=validators, not_modified=True)
                    if response.status not in _REDIRECTS:
                        retry_after = read_retry_after(response.headers)
                        raise DownloadError(problem_from_status(response.status, retry_after), retry_after)
                    url = _redirect_target(url, response)
                # A redirect opens a new connection, so its addresses are checked again even on the same host.
                fetcher = replace(fetcher, session_pool=None)
    except (DownloadError, OppoImageError):
        raise
    except Exception as error:  # noqa: BLE001 - callers handle nothing else
        # Not chained: the texts of these exceptions can hold the addresses of a host name.
        raise DownloadError(problem_from_exception(error)) from None
    found, advice = f"more than {MAX_REDIRECTS} redirects", "Give the URL to which the redirects lead."
    raise DownloadError(Problem("too_many_redirects", found, "the picture's own URL", advice))


# Named functions, so that the session pool can compare the policies of two sessions.


def _public_addresses(address: str) -> str | None:
    return forbidden_reason(address)


def _public_and_private_addresses(address: str) -> str | None:
    return forbidden_reason(address, allow_private=True)


@dataclass(frozen=True)
class _Fetcher:
    policy: AddressPolicy
    transport_options: TransportOptions
    session_pool: SessionPool | None

    @contextlib.contextmanager
    def get(self, url: str, headers: Mapping[str, str]) -> Iterator[BaseHTTPResponse]:
        """Request a URL, and close the response at the end of the block."""
        path = encode_path(_quote_bare_percent(url))
        with contextlib.ExitStack() as stack:
            response = self._get_pooled(self.session_pool, url, path, headers) if self.session_pool else None
            if response is None:
                # A new session for each host, because the proxy depends on the host.
                response = stack.enter_context(self._open(url)).request_once("GET", path, headers)
            with response:
                yield response

    def _get_pooled(
        self, session_pool: SessionPool, url: str, path: str, headers: Mapping[str, str]
    ) -> BaseHTTPResponse | None:
        """Request a URL with a session of the pool; return None if the host had closed its kept connection."""
        session = session_pool.get(url, policy=(self.policy, self.transport_options), open_session=self._open)
        before = connections_opened()
        try:
            return session.request_once("GET", path, headers)
        except (ProtocolError, SSLError):
            if connections_opened() != before:
                raise
            return None

    def _open(self, url: str) -> Session:
        connections = self.session_pool.connections if self.session_pool else 1
        return open_session(url, self.transport_options, address_policy=self.policy, connections=connections)

    def drain(self, response: BaseHTTPResponse) -> None:
        """Read the rest of a short response, so that its connection can be reused."""
        if self.session_pool is None or (response.length_remaining or 0) > _MAX_DRAIN_BYTES:
            return
        with contextlib.suppress(Exception), deadline(_MAX_DRAIN_S):
            left = _MAX_DRAIN_BYTES
            while left > 0 and (piece := response.read(left, decode_content=False)):
                left -= len(piece)


def _redirect_target(url: PictureUrl, response: BaseHTTPResponse) -> PictureUrl:
    locations = _redirect_locations(response.headers.getlist("Location"))
    if not locations:
        raise DownloadError(problem_from_status(response.status, read_retry_after(response.headers)))
    if len(locations) > 1:
        found = f"HTTP status {response.status} with {len(locations)} different Location headers"
        advice = "Give the URL to which the redirect leads, or have the host send one header."
        raise DownloadError(Problem("unexpected_status", found, "one Location header", advice))
    target = PictureUrl.parse(urljoin(url.full, requote_uri(_quote_bare_percent(locations[0]))))
    if url.full.lower().startswith("https:") and target.full.lower().startswith("http:"):
        raise DownloadError(
            Problem(
                "insecure_redirect",
                f"a redirect from https to {target} without TLS",
                "https for every redirect",
                "Give the URL to which the redirect leads, with https.",
            )
        )
    return target


def _read(url: str, response: BaseHTTPResponse, max_bytes: int, should_stop: ShouldStop) -> Download:
    if encoding := _content_coding(response.headers.get("Content-Encoding", "")):
        raise DownloadError(
            Problem(
                "encoded_body",
                f"a body with Content-Encoding {encoding[:20]!r}, which was not requested",
                "the bytes of the picture itself",
                "Serve pictures without compression. Object storage can also add this header from a file's metadata.",
            )
        )
    validators = read_validators(url, response.headers)
    announced = response.length_remaining
    if announced is not None and announced > max_bytes:
        return Download(b"", complete=False, size=announced, validators=validators)
    body = bytearray()
    stop: bool | None = None
    next_call = 0
    while piece := response.read1(_CHUNK_BYTES, decode_content=False):
        remaining(None)  # sockets to a SOCKS proxy do not check the deadline themselves
        body += piece
        if len(body) > max_bytes:
            return Download(bytes(body), complete=False, size=None, validators=validators)
        if stop is None and len(body) >= next_call:
            stop = should_stop(bytes(body))
            next_call = len(body) * 9 // 8  # not for each small piece: the header is parsed again each time
        if stop:
            return Download(bytes(body), complete=False, size=announced, validators=validators)
    return Download(bytes(body), complete=True, size=len(body), validators=validators)


def _content_coding(header: str) -> str | None:
    """Return the first content coding that a Content-Encoding names.

    :param header: the header's value; empty if it is missing.
    :return: None where the body is the picture's own bytes. Object storages serve stored files with values such as
        ``base64`` or ``aws-chunked``, which are not codings.
    """
    names = (name.strip(_BLANKS).lower() for name in header.split(","))
    return next((name for name in names if name in _CODINGS), None)


def _redirect_locations(headers: Iterable[str]) -> list[str]:
    """Return the different targets of a redirect, usually one.

    :param headers: the values of its Location headers, decoded as Latin-1.
    """
    # A host that redirects to a name with other letters sends UTF-8.
    targets = (value.strip(_BLANKS).encode("latin-1", "replace").decode("utf-8", "replace") for value in headers)
    return list(dict.fromkeys(target for target in targets if target))


def _quote_bare_percent(url: str) -> str:
    """Encode each ``%`` that does not begin an escape; leave everything else unchanged.

    :param url: a URL.
    """
    return _BARE_PERCENT.sub("%25", url)
