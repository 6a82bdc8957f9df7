"""Every code that a report's problems and warnings can carry: promises to those who write rules on them."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

AbsentCode: TypeAlias = Literal[
    "access_denied",  # HTTP status 401 or 403: many hosts answer so for what is not there
    "connection_failed",  # no connection, or it broke
    "empty",  # zero bytes
    "host_busy",  # HTTP status 408, 425, 429 or 5xx
    "not_found",  # HTTP status 404 or 410, or no such file
    "timed_out",  # too slow, in any part
    "truncated",  # the beginning of a picture: an upload in progress looks like that
    "unknown_host",  # the host's name does not resolve
]
WrongCode: TypeAlias = Literal[
    "address_refused",  # the host is at an address that may not be connected to
    "animated",  # a PNG that moves
    "bad_url",  # not a picture's http or https URL, or a redirect to none
    "broken",  # cannot be decoded
    "cmyk",  # a JPEG in printing colours
    "credentials_in_url",
    "encoded_body",  # sent with a Content-Encoding
    "exif_rotated",  # its EXIF asks for a turn or a mirror
    "insecure_redirect",  # from https to http
    "invisible",  # all of it is transparent
    "too_heavy",  # more bytes than allowed
    "too_many_redirects",
    "tls_unverified",
    "unexpected_status",  # any other HTTP status
    "unreadable_file",  # a file that cannot be read
    "unusual_coding",  # a JPEG that phones cannot decode
    "wrong_dimensions",
    "wrong_format",  # neither PNG nor JPEG
]
WarningCode: TypeAlias = Literal[
    "long_url",  # longer than OPPO is known to take
    "nearly_too_heavy",  # between the two readings of the limit
]
Code: TypeAlias = AbsentCode | WrongCode | WarningCode

ABSENT_CODES: Final[tuple[AbsentCode, ...]] = get_args(AbsentCode)
"""Problems that time may mend."""

WRONG_CODES: Final[tuple[WrongCode, ...]] = get_args(WrongCode)
"""Problems that a person must mend."""

WARNING_CODES: Final[tuple[WarningCode, ...]] = get_args(WarningCode)
"""What the service may accept and a careful person would mend."""
