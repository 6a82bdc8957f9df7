"""The service's documented behaviour as data: picture rules, error codes, data centers, paths and limits.

Each number of the vendor's has a source. *Page* is EngageLab's "Image API v4", *push page* its "Create push" page,
*skill* its `engagelab-apppush` skill, *SDK* its Java SDK 0.0.22 and Python SDK 0.1.1. *OPPO* is the documentation and
the SDK of OPPO's push service, whose error codes are passed on inside an HTTP 200.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final, Literal, TypeAlias

PictureKind: TypeAlias = Literal["big", "small"]
Scope: TypeAlias = Literal["picture", "request", "account"]

PICTURE_KINDS: Final[tuple[PictureKind, ...]] = ("big", "small")
"""The kinds of picture."""


@dataclass(frozen=True)
class PictureRule:
    """Requirements for one kind of picture.

    :param kind: "big" or "small".
    :param width: exact width, in pixels.
    :param height: exact height, in pixels.
    :param max_bytes: maximum size of the file, in bytes, inclusive.
    :param recommended_bytes: maximum size, in bytes, inclusive, under both readings of the page's "1M" and "50k".
    """

    kind: PictureKind
    width: int
    height: int
    max_bytes: int
    recommended_bytes: int

    @property
    def url_key(self) -> str:
        """The key of this picture's URL in an upload request."""
        return f"{self.kind}_picture_url"

    @property
    def id_key(self) -> str:
        """The key of this picture's id in the response to an upload, and in a push."""
        return f"{self.kind}_picture_id"


# Source of dimensions: page. Source of bytes: OPPO's SDK, which accepts 1,048,576 and 51,200, inclusive. The page says
# "1M" and "50k", which can also mean 1,000,000 and 50,000, so sizes in between cause a warning.
PICTURE_RULES: Final = MappingProxyType(
    {
        "big": PictureRule("big", width=984, height=369, max_bytes=1_048_576, recommended_bytes=1_000_000),
        "small": PictureRule("small", width=144, height=144, max_bytes=51_200, recommended_bytes=50_000),
    }
)

PICTURE_FORMATS: Final = ("PNG", "JPEG")
"""The accepted formats by content, with Pillow's names. Source: page."""

LEGACY_BIG_SIZE: Final = (876, 324)
"""Width and height, in pixels, of OPPO's earlier big picture. Source: several OPPO integrations."""

MAX_PICTURE_AGE: Final = datetime.timedelta(days=30)
"""Maximum age of a picture id in a push. Source: the page of the vendor's sibling service, which keeps pictures for 30
days, certainty C; EngageLab does not document the lifetime."""

OLD_PICTURE_AGE: Final = datetime.timedelta(days=25)
"""Age of a picture id above which a push is warned about, and a batch uploads the picture again. Our own limit."""

LONG_URL_CHARACTERS: Final = 300
"""Maximum length of a picture's URL, in characters, inclusive, in OPPO's newer paid API.
Not documented by EngageLab."""


Certainty: TypeAlias = Literal["A", "B", "C", "?"]
"""A: the vendor's own page or SDK, without a conflict. B: one source of the vendor's, or an old one. C: OPPO's, so an
inference for this service. ?: sources conflict, or none says it."""


@dataclass(frozen=True)
class ErrorCode:
    """One row of an error table.

    :param code: the number in the response's ``error.code``.
    :param http_statuses: the documented HTTP statuses; empty if none is documented.
    :param meaning: what went wrong.
    :param advice: what a person can do.
    :param retry: whether the same request can succeed later: "never", "once" (one more try, then it is permanent) or
        "later".
    :param scope: what is broken: this picture, this request, or the account.
    :param source: the source of the row.
    :param certainty: how surely the row is known.
    :param upload_meaning: what went wrong, if the request is an upload; empty for `meaning`.
    :param upload_advice: what a person can do, if the request is an upload; empty for `advice`.
    :param retry_after: seconds before another try can succeed; None if that is not known.
    :param confirmed: the date on which the source was last read.
    """

    code: int
    http_statuses: tuple[int, ...]
    meaning: str
    advice: str
    retry: Literal["never", "once", "later"]
    scope: Scope
    source: str
    certainty: Certainty
    upload_meaning: str = ""
    upload_advice: str = ""
    retry_after: float | None = None
    confirmed: str = "2026-11-28"

    @property
    def permanent(self) -> bool:
        """Whether the same request will fail again later. An error with ``retry="once"`` becomes permanent."""
        return self.retry == "never"

    @property
    def status(self) -> int:
        """The first documented HTTP status; 400 if none is documented."""
        return self.http_statuses[0] if self.http_statuses else 400


# The time zone in which daily limits are reset is not documented.
_DAILY_RETRY_S: Final = 3600.0
_KEY_ADVICE: Final = "Check the AppKey, the master secret and the data center in the Airflow connection."
_OPPO_ADVICE: Final = "Correct the app's OPPO credentials in EngageLab's console."
_GRANT_ADVICE: Final = "Ask the app's manager at OPPO to request the permission in OPPO's console."
_BODY_ADVICE: Final = 'Compare the message with EngageLab\'s page "Create push".'
_ASK_ADVICE: Final = "Try again later. If it happens again, ask EngageLab."
_QUOTA_ADVICE: Final = "Try again tomorrow, or ask OPPO for a higher limit."

_LIVE_ACTIVITY: Final = (
    "`event` is wrong", "the audience is wrong", "`attributes-type` is wrong", "`content-state` is wrong",
    "it cannot be mixed with other content", "the app needs a p8 certificate", "it is for iOS only",
)  # fmt: skip

_ROWS: Final = (
    ErrorCode(21001, (404, 405), "the method is not supported, or the URL is wrong",
              "Check the host in the connection, or leave it empty and choose a data center.",
              "never", "account", "page, skill", "A"),
    ErrorCode(21003, (400,), "a parameter's value is invalid", "Check the picture ids, the message id and the message.",
              "never", "request", "page, skill", "A",
              "a parameter's value is invalid, or the picture cannot be downloaded from its URL",
              "Open the URL from outside your network, because the service downloads the picture."),
    ErrorCode(23001, (401,), "Basic authentication failed", _KEY_ADVICE, "never", "account", "page", "A"),
    ErrorCode(23002, (400,), "a parameter is missing", _BODY_ADVICE, "never", "request", "page", "A",
              upload_advice="Give the URL of a picture."),
    ErrorCode(23008, (400,), "more requests per second than this AppKey may make",
              "Wait. All requests with the AppKey count; limit parallel tasks with an Airflow pool, and set the "
              "connection's `rate` to the AppKey's limit.", "later", "account", "push page, skill", "A"),
    ErrorCode(23009, (400,), "this machine's IP address is not in the app's whitelist",
              "Add the worker's public address in EngageLab's console, or empty the whitelist.",
              "never", "account", "skill", "A"),
    ErrorCode(23100, (500,), "the service had an internal error", "Try again later.", "later", "request", "page", "A"),
    ErrorCode(27000, (500,), "the service timed out, or had a memory error", "Try again later.",
              "later", "request", "page, skill", "A"),
    ErrorCode(51, (200,), "OPPO refused the picture", "Check the picture ids of the message.",
              "never", "picture", "page; OPPO: invalid picture", "A",
              upload_advice="Check it with `oppo-image check`: format (PNG or JPEG), dimensions, size in bytes, and "
              "whether the host returns a file to the service at all. If all are right, ask EngageLab whether the app "
              "needs a big picture of 876 x 324 px, which OPPO's own pages require."),
    # OPPO's own codes, which the service may pass on inside an HTTP 200, like 51.
    ErrorCode(-1, (200,), "OPPO's service is not available", "Try again later.", "later", "request", "OPPO", "C"),
    ErrorCode(-2, (200,), "OPPO limits the flow of requests", "Wait.", "later", "account", "OPPO", "C"),
    ErrorCode(11, (200,), "OPPO does not accept the service's token", _OPPO_ADVICE, "once", "account", "OPPO", "C"),
    ErrorCode(12, (200,), "OPPO does not support the service's request method", _ASK_ADVICE,
              "once", "request", "OPPO", "C"),
    ErrorCode(13, (200,), "too many requests to OPPO", "Wait.", "later", "account", "OPPO", "C"),
    ErrorCode(55, (200,), "too many requests to OPPO in a short time", "Wait.", "later", "account", "OPPO", "C"),
    *(ErrorCode(code, (200,), f"OPPO does not accept the app's credentials: {what}", _OPPO_ADVICE,
                "never", "account", "OPPO", "C")
      for code, what in {14: "no app key", 15: "invalid app key", 16: "no signature", 17: "invalid signature",
                         18: "no time stamp", 19: "invalid time stamp", 29: "no token"}.items()),
    *(ErrorCode(code, (200,), "OPPO does not accept the form of the service's request", _ASK_ADVICE,
                "once", "request", "OPPO", "C") for code in range(20, 26)),
    ErrorCode(26, (200,), "the service's IP address is on OPPO's black list", "Ask EngageLab.",
              "never", "account", "OPPO", "C"),
    ErrorCode(27, (200,), "OPPO has not granted the app the permission for pictures", _GRANT_ADVICE,
              "never", "account", "OPPO", "C"),
    ErrorCode(28, (200,), "the app is disabled at OPPO", "Ask the app's manager at OPPO why, and to enable it.",
              "never", "account", "OPPO", "C"),
    ErrorCode(30, (200,), "OPPO does not let the app push by API at all", _GRANT_ADVICE,
              "never", "account", "OPPO", "C"),
    ErrorCode(31, (200,), "OPPO misses data in the request", _ASK_ADVICE, "never", "request", "OPPO", "C"),
    ErrorCode(32, (200,), "OPPO has the same data already", _ASK_ADVICE, "never", "request", "OPPO", "C"),
    ErrorCode(33, (200,), "OPPO's daily limit of messages for this app is reached", _QUOTA_ADVICE,
              "later", "account", "OPPO", "C", retry_after=_DAILY_RETRY_S),
    ErrorCode(34, (200,), "OPPO's daily limit of pictures for this app is reached", _QUOTA_ADVICE,
              "later", "account", "OPPO", "C", retry_after=_DAILY_RETRY_S),
    ErrorCode(40, (200,), "OPPO misses an argument", _ASK_ADVICE, "never", "request", "OPPO", "C"),
    ErrorCode(41, (200,), "OPPO does not accept an argument", _ASK_ADVICE, "never", "request", "OPPO", "C"),
    ErrorCode(54, (200,), "OPPO does not have the template of private messages",
              "Register the template at OPPO, and give its id.", "never", "request", "a field report", "C"),
    ErrorCode(59, (200,), "the app may not use a second action", "Leave it out.", "never", "request", "OPPO", "C"),
    ErrorCode(67, (200,), "`category` and `notify_level` do not fit", "Leave `notify_level` out of a campaign.",
              "never", "request", "OPPO", "C"),
    # Pushes.
    ErrorCode(1003, (), "a value is invalid", "Check the plan's values.", "never", "request", "skill", "A"),
    ErrorCode(20101, (400,), "a registration id is invalid, or belongs to another AppKey", "Check `to`.",
              "never", "request", "skill", "A"),
    ErrorCode(21002, (400,), "a parameter is missing", _BODY_ADVICE, "never", "request", "skill", "A"),
    ErrorCode(21004, (401,), "Basic authentication failed", _KEY_ADVICE, "never", "account", "skill", "A"),
    ErrorCode(21005, (400,), "`notification` or `message` is longer than 4000 bytes", "Shorten the message.",
              "never", "request", "skill", "A"),
    ErrorCode(21008, (400,), "the AppKey is malformed", _KEY_ADVICE, "never", "account", "skill", "A"),
    ErrorCode(21009, (400,), "the service had an internal error, or a system notification's parameters are invalid",
              _ASK_ADVICE, "once", "request", "skill; push page", "?"),
    ErrorCode(21011, (400,), "nobody matches the push's target", "Check `to`.", "never", "request", "skill", "A"),
    ErrorCode(21015, (400,), "there is a parameter that the service does not expect", _BODY_ADVICE,
              "never", "request", "skill", "A"),
    ErrorCode(21016, (400,), "a parameter's type or length is wrong", _BODY_ADVICE, "never", "request", "skill", "A"),
    ErrorCode(21030, (503,), "an internal call of the service timed out", "Try again later.",
              "later", "request", "skill", "A"),
    ErrorCode(21038, (401,), "the account's membership has expired, or is not active",
              "Renew it in EngageLab's console.", "never", "account", "skill", "A"),
    *(ErrorCode(code, (400,), f"the live activity is not valid: {what}", _BODY_ADVICE, "never", "request", "skill", "A")
      for code, what in enumerate(_LIVE_ACTIVITY, 21050)),
    ErrorCode(21057, (400,), "`voip` cannot be mixed with other content", "Send it alone.",
              "never", "request", "skill", "A"),
    ErrorCode(21058, (400,), "`voip` is for iOS only", "Set `platform` to ios.", "never", "request", "skill", "A"),
    ErrorCode(21059, (401,), "this kind of push does not take `big_push_duration`", "Leave it out.",
              "never", "request", "skill", "A"),
    ErrorCode(21306, (401,), "`notification` and `message` exclude each other", "Send one of them.",
              "never", "request", "skill", "?"),
    ErrorCode(23003, (400,), "the push's `cid` is malformed", "Use 1 to 64 letters, digits, `_` and `-`.",
              "never", "request", "cid page", "B"),
    ErrorCode(23006, (400,), "a parameter's value is invalid, such as `big_push_duration` above 1440", _BODY_ADVICE,
              "never", "request", "skill", "A"),
    ErrorCode(27001, (401,), "the authentication information is empty", _KEY_ADVICE, "never", "account", "skill", "A"),
    ErrorCode(27002, (), "the service had an unknown error", _ASK_ADVICE, "once", "request", "skill", "A"),
    ErrorCode(27008, (401,), "`distribution` is set, but the alert is empty", "Give the notification an alert.",
              "never", "request", "skill", "A"),
    ErrorCode(27009, (401,), "`distribution` is empty or unknown", "Use pns_mtpush or mtpush_pns, or leave it out.",
              "never", "request", "skill", "A"),
    ErrorCode(27303, (), "the plan id is empty", "Give the plan's id.", "never", "request", "skill", "A"),
)  # fmt: skip

ERROR_CODES: Final = MappingProxyType({row.code: row for row in _ROWS})

OPPO_REFUSALS: Final = range(10_000, 20_001)
"""OPPO's codes for refusals of single calls: permanent, of this request. Source: OPPO, certainty C."""

RATE_LIMIT_CODES: Final = frozenset({23008, -2, 13, 55})
"""Codes that require fewer requests; they pass."""

DAILY_LIMIT_CODES: Final = frozenset({33, 34})
"""Codes of a spent daily limit: no other request of that day succeeds."""

DATA_CENTERS: Final = MappingProxyType(
    {
        "singapore": "https://pushapi-sgp.engagelab.com",
        "hong_kong": "https://pushapi-hk.engagelab.com",
        "virginia": "https://pushapi-usva.engagelab.com",
        "frankfurt": "https://pushapi-defra.engagelab.com",
        "japan": "https://pushapi-jpn.engagelab.com",
        "brazil": "https://pushapi-bra.engagelab.com",
    }
)
"""Base URLs by name. Source: the vendor's REST overview."""

DEFAULT_DATA_CENTER: Final = "singapore"
"""Source: default of the SDKs."""

IMAGE_PATH: Final = "/v4/image/oppo"
"""Uploads. Source: page."""

PUSH_PATH: Final = "/v4/push"
"""Pushes. Source: push page, as for the next three."""

VALIDATE_PATH: Final = "/v4/push/validate"
"""Validation of a push, without sending it."""

WITHDRAW_PATH: Final = "/v4/push/withdraw"
"""Withdrawal of a push; the message id follows the path."""

STATUS_PATH: Final = "/v4/status/detail"
"""Statistics of pushes."""

MAX_REQUESTS_PER_SECOND: Final = 500
"""Maximum requests per second for one AppKey, uploads and pushes together; paid AppKeys may get more. Source: push
page, skill."""

MAX_RESPONSE_BYTES: Final = 65_536
"""Our own limit: bytes of a response that are read, inclusive, except for statistics. Documented responses are far
smaller."""

MAX_STATUS_IDS: Final = 100
"""Maximum message ids in one status request, inclusive. Source: push page."""

MAX_STATUS_BYTES: Final = 2_097_152
"""Our own limit: bytes of a response with statistics that are read, inclusive. 100 ids of the documented shape need
about 160,000, and more if the response repeats the pushes."""

MAX_PUSH_CONTENT_BYTES: Final = 4_000
"""Maximum size of `notification` or `message` in a push, in bytes of UTF-8. Source: text of code 21005, certainty B."""

CID_PATTERN: Final = r"[A-Za-z0-9_-]{1,64}"
"""Pattern of a push's `cid`. Source: push page."""

CID_LIFETIME: Final = datetime.timedelta(hours=1)
"""Time for which the service recognises a repeated `cid`. It answers a repeat with the first message id and sends
nothing. Source: EngageLab's page "Avoid duplicate push", in every language; confirmed 2026-11-28."""

BIG_PICTURE_STYLE: Final = 3
"""OPPO's `style` that displays a big picture. Source: Javadoc of the SDK."""

PLAIN_STYLE: Final = 1
"""OPPO's `style` of a notification without a big picture. Source: OPPO."""

CONTENT_LIMITS: Final = MappingProxyType({PLAIN_STYLE: 200, 2: 128, BIG_PICTURE_STYLE: 50})
"""Maximum characters of content by OPPO's `style`: plain, long text, big picture. Source: OPPO, certainty C."""

MAX_TITLE: Final = 50
"""Maximum characters of a title. Source: OPPO, certainty C."""

MAX_SUB_TITLE: Final = 10
"""Maximum characters of a sub title. Source: OPPO, certainty C."""

MAX_RECIPIENTS: Final = 1_000
"""Maximum number of registration ids, and of aliases, in one push. Source: console guide and skill, certainty B."""

MAX_TIME_TO_LIVE: Final = datetime.timedelta(days=15)
"""Maximum `time_to_live` of a push. Source: skill of web pushes, certainty B."""

MAX_BIG_PUSH_MINUTES: Final = 1_440
"""Maximum `big_push_duration` of a push, in minutes. Source: skill and text of code 23006, certainty B."""

MAX_CUSTOM_ARGS: Final = 128
"""Maximum characters of `custom_args`. Source: skill and SDKs; how they are counted is not stated, certainty C."""

DISTRIBUTIONS: Final = MappingProxyType(
    {"pns_mtpush": "all", "mtpush_pns": "offline", "mtpush": "nobody", "fcm_mtpush": "nobody", "mtpush_fcm": "nobody"}
)
"""Values of `third_party_channel.distribution_new`, and which phones get OPPO's picture. Source: push strategy page."""

OLD_DISTRIBUTIONS_WITHOUT_OPPO: Final = ("jpush", "mtpush")
"""Values of the older `oppo.distribution` that never use OPPO's channel. Source: the sibling service, certainty C."""
