"""Batch upload from a manifest, with one result for each row. An interrupted batch can be resumed.

The package receives a client and a check function; it does not know the hook or the connection.
"""

from __future__ import annotations

from typing import Final, Literal, TypeAlias, get_args

OnError: TypeAlias = Literal["fail_at_end", "fail_fast", "keep_going"]
"""Effect of a failed row on the batch."""

ON_ERROR: Final[tuple[OnError, ...]] = get_args(OnError)

DEFAULT_THREADS: Final = 64
"""Concurrent pictures: at 100 ms per request, 64 threads reach the service's limit."""
