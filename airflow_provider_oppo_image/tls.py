"""TLS contexts with their certificate authorities, loaded once: to load a store takes longer than a whole check."""

from __future__ import annotations

import functools
import ssl
from pathlib import Path
from typing import Final

from urllib3.util.ssl_ import create_urllib3_context

from airflow_provider_oppo_image.attempt import KeepsDeadlineTLS

_CONTEXTS: Final = 8


def trusting(authorities: str) -> ssl.SSLContext:
    """Return the context that trusts some certificate authorities, and whose sockets keep the attempt's deadline.

    It is loaded anew when the file or the directory has changed, so that a long process learns of new authorities.

    :param authorities: a file of certificates, or a directory of them.
    :return: a context that threads and connections share; it verifies certificates and names.
    :raises OSError: if there is no such file, or it cannot be read.
    """
    return _load(authorities, Path(authorities).stat().st_mtime_ns)


@functools.lru_cache(_CONTEXTS)
def _load(authorities: str, _changed: int) -> ssl.SSLContext:
    context = create_urllib3_context()
    context.sslsocket_class = KeepsDeadlineTLS
    kind = "capath" if Path(authorities).is_dir() else "cafile"
    context.load_verify_locations(**{kind: authorities})
    return context
