"""The check: whether a picture is there, and is what OPPO shows.

::

    >>> report = check_picture("big", "https://cdn.example.com/spring/big.png")
    >>> report.state
    'ready'

Whatever a URL, a host or a file does is a report and never an exception.
"""

from __future__ import annotations

import dataclasses
import hashlib
import math
import os
from pathlib import Path

from airflow_provider_oppo_image.contract import PICTURE_KINDS, PICTURE_RULES, PictureKind, PictureRule
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.net.options import DEFAULT_TRANSPORT_OPTIONS, TransportOptions
from airflow_provider_oppo_image.net.redaction import NOT_A_URL, redact_url
from airflow_provider_oppo_image.pictures.decode import decode, inspect_header, inspect_structure
from airflow_provider_oppo_image.pictures.download import Download, DownloadError, download
from airflow_provider_oppo_image.pictures.image_info import ImageInfo
from airflow_provider_oppo_image.pictures.report import ABSENT_CODES, PictureReport, Problem, State
from airflow_provider_oppo_image.pictures.report_cache import ReportCache
from airflow_provider_oppo_image.pictures.rules import EMPTY, judge_content, judge_weight, warnings
from airflow_provider_oppo_image.pictures.session_pool import SessionPool


def check_picture(
    kind: PictureKind,
    url: str,
    *,
    allow_private_addresses: bool = False,
    transport_options: TransportOptions = DEFAULT_TRANSPORT_OPTIONS,
    timeout: float | None = None,
    memory: ReportCache | None = None,
    lines: SessionPool | None = None,
) -> PictureReport:
    """Download a picture as the service will, and say what is there.

    The download stops soon after the bytes that settle the verdict; a picture with which nothing is wrong is read and
    decoded to its end. Behind a proxy of the environment the proxy decides which hosts may be reached.

    :param kind: "big" or "small".
    :param url: where the picture should be; anything that is no URL is a report that says so.
    :param allow_private_addresses: let loopback and private addresses pass, for sandboxes and private CDNs.
    :param transport_options: timeouts and other options of the download.
    :param timeout: the total timeout in seconds, above 0, in place of the one in `transport_options`.
    :param memory: what earlier checks learned, and this one adds to: what has not changed since is not looked at again.
        None remembers nothing.
    :param lines: connections that are kept between checks; None makes each for itself.
    :raises ConfigurationError: when `kind` is neither, or `timeout` is not a number above 0.
    """
    rule = rule_for(kind)
    if timeout is not None:
        transport_options = _with_timeout(transport_options, timeout)
    known = memory.recall((kind, url)) if memory else None
    shown = redact_url(url) if isinstance(url, str) else NOT_A_URL

    def settles(start: bytes) -> bool | None:
        facts = inspect_header(start)
        return None if facts is None else bool(judge_content(rule, facts))

    try:
        found = download(
            url,
            max_bytes=rule.max_bytes,
            allow_private_addresses=allow_private_addresses,
            transport_options=transport_options,
            settles=settles,
            known=known.stamp if known else None,
            lines=lines,
        )
    except DownloadError as failure:
        return PictureReport(
            kind,
            shown,
            _state_of((failure.problem,)),
            problems=(failure.problem,),
            warnings=warnings(rule, None, url if shown != NOT_A_URL else ""),
            retry_after=failure.retry_after,
        )
    if known and found.unchanged:
        if memory:
            memory.trust((kind, url))
        return known.report
    report = _report(rule, shown, found, url, known.report if known else None)
    if memory:
        memory.keep((kind, url), report, found.stamp)
    return report


def check_file(kind: PictureKind, path: str | os.PathLike[str]) -> PictureReport:
    """Check a local file as if it had been downloaded.

    :param kind: "big" or "small".
    :param path: the file; the report shows it in place of a URL.
    :raises ConfigurationError: when `kind` is neither.
    """
    rule = rule_for(kind)
    shown = os.fspath(path)
    try:
        size = Path(path).stat().st_size
        if not Path(path).is_file():
            return _unreadable(rule, shown, "no regular file")
        if size > rule.max_bytes:
            return _report(rule, shown, Download(b"", whole=False, size=size))
        with Path(path).open("rb") as file:
            body = file.read(rule.max_bytes + 1)
    except FileNotFoundError:
        problem = Problem("not_found", "no such file", "a picture", "Check the path.")
        return PictureReport(kind, shown, "absent", problems=(problem,))
    except (OSError, ValueError) as error:
        return _unreadable(rule, shown, getattr(error, "strerror", None) or "no path")
    return _report(rule, shown, Download(body, whole=True, size=len(body)))


def check_bytes(kind: PictureKind, body: bytes, shown: str) -> PictureReport:
    """Check the content of a file as if it had been downloaded.

    :param kind: "big" or "small".
    :param body: all bytes of the file.
    :param shown: what the report shows in place of a URL.
    :raises ConfigurationError: when `kind` is neither.
    """
    return _report(rule_for(kind), shown, Download(body, whole=True, size=len(body)))


def rule_for(kind: PictureKind) -> PictureRule:
    """Return what is asked of a kind of picture.

    :param kind: "big" or "small".
    :raises ConfigurationError: when it is neither.
    """
    if kind not in PICTURE_KINDS:
        raise ConfigurationError(f"the kind of a picture is {' or '.join(map(repr, PICTURE_KINDS))}, not {kind!r}")
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
    rule: PictureRule, shown: str, found: Download, url: str = "", earlier: PictureReport | None = None
) -> PictureReport:
    sha256 = hashlib.sha256(found.body).hexdigest() if found.whole else None
    if earlier and sha256 and sha256 == earlier.sha256:
        return earlier  # the same bytes: nothing else can be found in them
    facts, problems = _judge(rule, found)
    return PictureReport(
        rule.kind,
        shown,
        _state_of(problems),
        problems=problems,
        warnings=warnings(rule, found.size, url),
        format=facts.format,
        width=facts.width,
        height=facts.height,
        size_bytes=found.size,
        sha256=sha256,
    )


def _judge(rule: PictureRule, found: Download) -> tuple[ImageInfo, tuple[Problem, ...]]:
    """Look as closely as is needed to find something wrong, or to know that nothing is."""
    if not found.whole:
        start = inspect_header(found.body)
        wrong = judge_content(rule, start) if start else ()
        return start or ImageInfo(None), wrong or judge_weight(rule, found.size)
    if not found.body:
        return ImageInfo(None), (EMPTY,)
    facts = inspect_structure(found.body)
    problems = judge_content(rule, facts)
    if not problems:
        facts = decode(found.body, facts)
        problems = judge_content(rule, facts)
    return facts, problems + judge_weight(rule, found.size)


def _state_of(problems: tuple[Problem, ...]) -> State:
    if not problems:
        return "ready"
    return "absent" if all(problem.code in ABSENT_CODES for problem in problems) else "wrong"


def _unreadable(rule: PictureRule, shown: str, found: str) -> PictureReport:
    problem = Problem("unreadable_file", found, "a file that can be read", "Check the path and its permissions.")
    return PictureReport(rule.kind, shown, "wrong", problems=(problem,))
