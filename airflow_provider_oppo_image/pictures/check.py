"""Check whether a picture exists, and whether OPPO would display it.

::

    >>> report = check_picture("big", "https://cdn.example.com/spring/big.png")
    >>> report.state
    'ready'

Problems of a URL, a host or a file are in the report, and are not raised.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
from pathlib import Path

from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind, PictureRule
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.net.deadline import DEFAULT_TRANSPORT_OPTIONS, TransportOptions
from airflow_provider_oppo_image.net.urls import PictureUrl
from airflow_provider_oppo_image.pictures.decode import decode, inspect_header, inspect_structure
from airflow_provider_oppo_image.pictures.download import Download, DownloadError, download
from airflow_provider_oppo_image.pictures.image_info import ImageInfo
from airflow_provider_oppo_image.pictures.report import PictureReport, Problem, state_of
from airflow_provider_oppo_image.pictures.report_cache import ReportCache
from airflow_provider_oppo_image.pictures.rules import EMPTY, judge_content, judge_weight, warnings
from airflow_provider_oppo_image.pictures.session_pool import SessionPool


def check_picture(
    kind: PictureKind,
    url: str | PictureUrl,
    *,
    allow_private_addresses: bool = False,
    transport_options: TransportOptions = DEFAULT_TRANSPORT_OPTIONS,
    timeout: float | None = None,
    report_cache: ReportCache | None = None,
    session_pool: SessionPool | None = None,
) -> PictureReport:
    """Download a picture as the service does, and check it.

    The download stops soon after the first bytes that prove the picture wrong. A picture without a problem is read and
    decoded completely. Behind a proxy from the environment, the proxy decides which hosts may be reached.

    :param kind: "big" or "small".
    :param url: the picture's URL; text that is not a URL results in a report too.
    :param allow_private_addresses: accept loopback and private addresses, for sandboxes and private CDNs.
    :param transport_options: timeouts and other options of the download.
    :param timeout: the total timeout in seconds, above 0, in place of the one in `transport_options`.
    :param report_cache: the reports of earlier checks; an unchanged picture is not downloaded again. None keeps none.
    :param session_pool: the pool of open connections; None opens connections for this check only.
    :raises ConfigurationError: if `kind` is neither, or `timeout` is not a number above 0.
    """
    rule = rule_for(kind)
    if timeout is not None:
        transport_options = _with_timeout(transport_options, timeout)
    url = PictureUrl.parse(url)
    cached = report_cache.get((kind, url)) if report_cache else None

    def should_stop(start: bytes) -> bool | None:
        info = inspect_header(start)
        return None if info is None else bool(judge_content(rule, info))

    try:
        found = download(
            url,
            max_bytes=rule.max_bytes,
            allow_private_addresses=allow_private_addresses,
            transport_options=transport_options,
            should_stop=should_stop,
            validators=cached.validators if cached else None,
            session_pool=session_pool,
        )
    except DownloadError as error:
        return PictureReport(
            kind,
            url.redacted,
            state_of((error.problem,)),
            problems=(error.problem,),
            warnings=warnings(rule, None, url),
            retry_after=error.retry_after,
        )
    if cached and found.not_modified:
        if report_cache:
            report_cache.mark_unmodified((kind, url))
        return cached.report
    report = _report(rule, url.redacted, found, url, cached.report if cached else None)
    if report_cache:
        report_cache.put((kind, url), report, found.validators)
    return report


def check_file(kind: PictureKind, path: str | os.PathLike[str]) -> PictureReport:
    """Check a local file as if it had been downloaded.

    :param kind: "big" or "small".
    :param path: the file; the report has it in place of a URL.
    :raises ConfigurationError: if `kind` is neither.
    """
    rule = rule_for(kind)
    display_name = os.fspath(path)
    try:
        size = Path(path).stat().st_size
        if not Path(path).is_file():
            return _unreadable(rule, display_name, "not a regular file")
        if size > rule.max_bytes:
            return _report(rule, display_name, Download(b"", complete=False, size=size))
        with Path(path).open("rb") as file:
            body = file.read(rule.max_bytes + 1)
    except FileNotFoundError:
        problem = Problem("not_found", "no such file", "a picture", "Check the path.")
        return PictureReport(kind, display_name, "absent", problems=(problem,))
    except (OSError, ValueError) as error:
        return _unreadable(rule, display_name, getattr(error, "strerror", None) or "not a valid path")
    return _report(rule, display_name, Download(body, complete=True, size=len(body)))


def check_bytes(kind: PictureKind, body: bytes, display_name: str) -> PictureReport:
    """Check the bytes of a file; see `check_file`.

    :param display_name: what the report has in place of a URL.
    """
    return _report(rule_for(kind), display_name, Download(body, complete=True, size=len(body)))


def rule_for(kind: PictureKind) -> PictureRule:
    """Return the rule for a kind of picture.

    :param kind: "big" or "small".
    :raises ConfigurationError: if it is neither.
    """
    if kind not in PICTURE_KINDS:
        raise ConfigurationError(f"The kind must be {' or '.join(map(repr, PICTURE_KINDS))}, not {kind!r}.")
    return PICTURE_RULES[kind]


def _with_timeout(options: TransportOptions, timeout: float) -> TransportOptions:
    if isinstance(timeout, bool) or not isinstance(timeout, int | float) or not 0 < timeout < math.inf:
        raise ConfigurationError(f"timeout must be a number of seconds above 0, not {timeout!r}.")
    return dataclasses.replace(
        options,
        connect_timeout=min(options.connect_timeout, timeout),
        read_timeout=min(options.read_timeout, timeout),
        total_timeout=timeout,
    )


def _report(
    rule: PictureRule,
    display_name: str,
    found: Download,
    url: PictureUrl | None = None,
    earlier: PictureReport | None = None,
) -> PictureReport:
    sha256 = hashlib.sha256(found.body).hexdigest() if found.complete else None
    if earlier and sha256 and sha256 == earlier.sha256:
        return earlier
    info, problems = _judge(rule, found)
    return PictureReport(
        rule.kind,
        display_name,
        state_of(problems),
        problems=problems,
        warnings=warnings(rule, found.size, url),
        format=info.format,
        width=info.width,
        height=info.height,
        size_bytes=found.size,
        sha256=sha256,
    )


def _judge(rule: PictureRule, found: Download) -> tuple[ImageInfo, tuple[Problem, ...]]:
    """Return what is known about a picture and its problems, after the cheapest inspection that finds any."""
    if not found.complete:
        header = inspect_header(found.body)
        problems = judge_content(rule, header) if header else ()
        return header or ImageInfo(None), problems or judge_weight(rule, found.size)
    if not found.body:
        return ImageInfo(None), (EMPTY,)
    info = inspect_structure(found.body)
    problems = judge_content(rule, info)
    if not problems:
        info = decode(found.body, info)
        problems = judge_content(rule, info)
    return info, problems + judge_weight(rule, found.size)


def _unreadable(rule: PictureRule, display_name: str, found: str) -> PictureReport:
    problem = Problem("unreadable_file", found, "a readable file", "Check the path and its permissions.")
    return PictureReport(rule.kind, display_name, "wrong", problems=(problem,))
