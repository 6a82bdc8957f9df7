"""Where the documentation has a page on an error or a problem, for messages to lead to."""

from __future__ import annotations

import re
from typing import Final

from airflow_provider_oppo_image.contract import ERROR_CODES
from airflow_provider_oppo_image.errors import OppoImageError, PictureError

DOCS: Final = "https://airflow-provider-oppo-image.readthedocs.io/en/stable"
"""Where the site is, without a slash at its end; the one place that knows it."""


def docs_url(code: int | str) -> str:
    """Return the address of the page that says what a code means, why it comes and what to do.

    :param code: a code of a picture's problem, of a manifest's row, of the service, or of a row that failed, such as
        ``wrong_dimensions``, ``row_url``, 21003, ``"21003"`` or ``http_404``.
    """
    return _address(_page(str(code)))


def docs_url_for(error: OppoImageError) -> str:
    """Return the address of the page that says most about an error.

    Where the check found a problem it is that of the first one to mend; where the service gave a code that a table has,
    that of the code; and that of the error's type otherwise.

    :param error: what was raised.
    """
    if isinstance(error, PictureError) and error.first_to_mend:
        return docs_url(error.first_to_mend["problems"][0]["code"])
    if error.code is not None and error.code in ERROR_CODES:
        return docs_url(error.code)
    return _address(page_of_type(type(error)))


def page_of_type(error_class: type[OppoImageError]) -> str:
    """Return the name of the page on a type of error, such as ``not_sent`` for `NotSentError`.

    :param error_class: the type.
    """
    return re.sub(r"(?<!^)(?=[A-Z])", "_", error_class.__name__.removesuffix("Error")).lower()


def _page(code: str) -> str:
    if re.fullmatch(r"-?\d+", code):
        return code.replace("-", "minus_") if int(code) in ERROR_CODES else "unknown_code"
    return "http_status" if code.startswith("http_") else code


def _address(page: str) -> str:
    return f"{DOCS}/errors/{page}.html"
