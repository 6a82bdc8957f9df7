"""What urllib3 writes to the log about our requests, shortened to what everybody may read.

At DEBUG it writes each path with its query, which in a picture's URL can be a signature; and at any level it shows
headers that it cannot parse as they came, which can be those that the host was sent.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Final

_LOGGERS: Final = ("urllib3.connection", "urllib3.connectionpool")
_QUERY: Final = re.compile(r"\?\S+")


class _Shortens(logging.Filter):
    def __init__(self, ours: Callable[[], bool]) -> None:
        super().__init__()
        self._ours = ours

    def filter(self, record: logging.LogRecord) -> bool:
        if self._ours():
            # Only of headers that it cannot parse does it show an exception.
            words = str(record.msg).partition(" (")[0] if record.exc_info else record.getMessage()
            record.msg, record.args, record.exc_info = _QUERY.sub("?…", words), (), None
        return True


def shorten(ours: Callable[[], bool]) -> None:
    """Shorten the lines about some requests from now on; those about others stay as they are.

    :param ours: tells whether the request that this thread is making is one of these.
    """
    for name in _LOGGERS:
        logging.getLogger(name).addFilter(_Shortens(ours))
