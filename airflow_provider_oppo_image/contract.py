"""The service's documented behaviour as data: picture rules, error codes, data centers, paths and limits.

Each number of the vendor's has a source. *Page* is EngageLab's "Image API v4", *push page* its "Create push" page,
*SDK* EngageLab's Java SDK 0.0.22 and Python SDK 0.1.1. *OPPO* is the documentation and the SDK of OPPO's push service,
whose error codes are passed on inside an HTTP 200.
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
"""Age of a picture id above which a push is warned about. Our own limit."""

LONG_URL_CHARACTERS: Final = 300
"""Maximum length of a picture's URL, in characters, inclusive, in OPPO's newer paid API.
Not documented by EngageLab."""


@dataclass(frozen=True)
class ErrorCode:
    """One row of an error table.

    :param code: the number in the response's ``error.code``.
    :param http_statuses: the documented HTTP statuses.
    :param meaning: what went wrong.
    :param advice: what a person can do.
    :param permanent: whether the same request will fail again later.
    :param scope: what is broken: this picture, this request, or the account.
    :param source: the source of the row.
    :param retry_after: seconds before another try can succeed; None if that is not known.
    """

    code: int
    http_statuses: tuple[int, ...]
    meaning: str
    advice: str
    permanent: bool
    scope: Scope
    source: str
    retry_after: float | None = None


# The time zone in which daily limits are reset is not documented.
_DAILY_RETRY_S: Final = 3600.0
_KEY_ADVICE: Final = "Check the AppKey, the master secret and the data center in the Airflow connection."
_OPPO_ADVICE: Final = "Ask the app's manager at OPPO to check its permissions and credentials in the console."

_ROWS: Final = (
    ErrorCode(21001, (404, 405), "the method is not supported, or the URL is wrong",
              "Check the host in the connection, or leave it empty and choose a data center.", True, "request", "page"),
    ErrorCode(21003, (400,), "a parameter's value is invalid, or the picture cannot be downloaded from its URL",
              "For an upload, open the URL from outside your network, because the service downloads the picture. "
              "For a push, check the picture ids and the message.",
              True, "request", "page"),
    ErrorCode(23001, (401,), "Basic authentication failed", _KEY_ADVICE, True, "account", "page"),
    ErrorCode(23002, (400,), "a parameter is missing", "Give the URL of a picture.", True, "request", "page"),
    ErrorCode(23008, (400,), "more than 500 requests per second for this AppKey",
              "Wait. Uploads and pushes share the limit; use an Airflow pool to limit parallel tasks.",
              False, "request", "push page"),
    ErrorCode(23009, (400,), "this machine's IP address is not in the app's whitelist",
              "Add the worker's public address in EngageLab's console, or empty the whitelist.",
              True, "account", "push page"),
    ErrorCode(23100, (500,), "the service had an internal error", "Try again later.", False, "request", "page"),
    ErrorCode(27000, (500,), "the service timed out", "Try again later.", False, "request", "page"),
    ErrorCode(51, (200,), "OPPO refused the picture",
              "Check the picture with `oppo-image check`; usually its dimensions or its size in bytes are wrong.",
              True, "picture", "page; OPPO: invalid picture"),
    # OPPO's own codes, which the service may pass on inside an HTTP 200, like 51.
    ErrorCode(-1, (200,), "OPPO's service is busy", "Try again later.", False, "request", "OPPO"),
    ErrorCode(-2, (200,), "OPPO's service is busy", "Try again later.", False, "request", "OPPO"),
    ErrorCode(11, (200,), "OPPO does not accept the service's token", _OPPO_ADVICE, True, "account", "OPPO"),
    ErrorCode(13, (200,), "too many requests to OPPO", "Wait.", False, "request", "OPPO"),
    ErrorCode(55, (200,), "too many requests to OPPO", "Wait.", False, "request", "OPPO"),
    ErrorCode(27, (200,), "OPPO has not granted the app this permission", _OPPO_ADVICE, True, "account", "OPPO"),
    ErrorCode(28, (200,), "OPPO has not granted the app this permission", _OPPO_ADVICE, True, "account", "OPPO"),
    ErrorCode(30, (200,), "OPPO has not granted the app this permission", _OPPO_ADVICE, True, "account", "OPPO"),
    ErrorCode(33, (200,), "OPPO's daily limit for this app is reached",
              "Try again tomorrow, or ask OPPO for a higher limit.", False, "account", "OPPO", _DAILY_RETRY_S),
    ErrorCode(34, (200,), "OPPO's daily limit of picture uploads is reached",
              "Try again tomorrow, or ask OPPO for a higher limit.", False, "account", "OPPO", _DAILY_RETRY_S),
    # Pushes.
    ErrorCode(20101, (400,), "the push's registration id is invalid", "Check `to`.", True, "request", "push page"),
    ErrorCode(21002, (400,), "a parameter of the push is missing", "Compare the message with the push page.",
              True, "request", "push page"),
    ErrorCode(21004, (401,), "Basic authentication failed", _KEY_ADVICE, True, "account", "push page"),
    ErrorCode(21005, (400,), "the notification or the message is longer than 4000 bytes", "Shorten the message.",
              True, "request", "push page"),
    ErrorCode(21008, (400,), "the AppKey is invalid or does not exist", _KEY_ADVICE, True, "request", "push page"),
    ErrorCode(21009, (400,), "a system notification's parameters are invalid",
              "Compare the message with the push page.", True, "request", "push page"),
    ErrorCode(21011, (400,), "nobody matches the push's target", "Check `to`.", True, "request", "push page"),
    ErrorCode(21015, (400,), "the push has a parameter that the service does not know",
              "Compare the message with the push page.", True, "request", "push page"),
    ErrorCode(21016, (400,), "the push is not valid JSON", "Compare the message with the push page.",
              True, "request", "push page"),
    ErrorCode(21030, (503,), "the service's internal call timed out", "Try again later.",
              False, "request", "push page"),
    ErrorCode(21038, (401,), "the account's membership has expired", "Renew it in EngageLab's console.",
              True, "account", "push page"),
    ErrorCode(21306, (401,), "`notification` and `message` exclude each other", "Send one of them.",
              True, "request", "push page"),
    ErrorCode(23003, (400,), "the push's `cid` is malformed", "Use 1 to 64 letters, digits, `_` and `-`.",
              True, "request", "push page"),
    ErrorCode(23006, (400,), "a parameter's value is invalid", "Compare the message with the push page.",
              True, "request", "push page"),
    ErrorCode(27001, (401,), "a parameter is invalid", "Compare the message with the push page.",
              True, "request", "push page"),
    ErrorCode(27008, (401,), "`distribution` is set, but the alert is empty", "Give the notification an alert.",
              True, "request", "push page"),
    ErrorCode(27009, (401,), "`distribution` is invalid", "Use pns_mtpush or mtpush_pns, or leave it out.",
              True, "request", "push page"),
)  # fmt: skip

ERROR_CODES: Final = MappingProxyType({row.code: row for row in _ROWS})

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
"""Maximum requests per second for one AppKey, uploads and pushes together. Source: push page."""

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

DISTRIBUTIONS: Final = MappingProxyType(
    {"pns_mtpush": "all", "mtpush_pns": "offline", "mtpush": "nobody", "fcm_mtpush": "nobody", "mtpush_fcm": "nobody"}
)
"""Values of `third_party_channel.distribution_new`, and which phones get OPPO's picture. Source: push strategy page."""

OLD_DISTRIBUTIONS_WITHOUT_OPPO: Final = ("jpush", "mtpush")
"""Values of the older `oppo.distribution` that never use OPPO's channel. Source: the sibling service, certainty C."""
