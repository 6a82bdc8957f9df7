"""Lease on a batch's checkpoint: at most one run works on it at a time.

On a local disk, the lease is a lock of the operating system, which ends with the process. In object storage, it is an
object that the run renews. It is written and read back, because not every storage can create an object atomically.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import json
import os
import secrets
import socket
import time
from typing import IO, Final

from airflow_provider_oppo_image.errors import BatchError
from airflow_provider_oppo_image.storage import StoragePath, atomic_write, is_local

LEASE_S: Final = 60.0
"""A lease that was not renewed for this many seconds has expired. Our own limit."""

RENEW_INTERVAL_S: Final = 15.0
"""Seconds between two renewals."""

_MAX_CLOCK_SKEW_S: Final = 300.0
_SETTLE_S: Final = 1.0
"""Seconds between the write of a lease and its confirmation; longer than the time between a read and a write."""

_POLL_INTERVAL_S: Final = 1.0
_NO_LOCKS: Final = (errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS)


class Lease:
    """The right to work on a checkpoint.

    :param path: the file of the lease; its folder must exist.
    :param owner: what the lease is for, in an error message.
    """

    def __init__(self, path: StoragePath, owner: str) -> None:
        self._path = path
        self._owner = owner
        self._token = secrets.token_hex(8)
        self._lock: IO[bytes] | None = None
        self._renewed_at: float | None = None

    def acquire(self) -> None:
        """Acquire the lease. Wait up to a minute for the end of a lease of a run that has crashed.

        :raises BatchError: if another run works on the checkpoint; it is transient.
        """
        if is_local(self._path):
            lock = self._path.open("ab")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                raise self._busy() from None
            except OSError as error:
                lock.close()
                if error.errno not in _NO_LOCKS:
                    raise
            else:
                self._lock = lock
                return
        self._wait_for_expiry()
        self._write()
        time.sleep(_SETTLE_S)
        self._confirm()

    def renew(self) -> None:
        """Renew the lease, if that is due.

        :raises BatchError: if another run has taken it over; it is transient.
        """
        if self._renewed_at is not None and time.monotonic() >= self._renewed_at + RENEW_INTERVAL_S:
            self._confirm()
            self._write()

    def release(self) -> None:
        """Release the lease, so that another run can start at once."""
        if self._lock:
            self._lock.close()
            self._lock = None
        elif self._renewed_at is not None:
            self._renewed_at = None
            with contextlib.suppress(Exception):  # it expires
                if self._read()[0] == self._token:
                    self._path.unlink()

    def _wait_for_expiry(self) -> None:
        """Wait until the lease of another run has expired: it did not change for `LEASE_S`."""
        first, waited = self._read(), 0.0
        while (found := self._read())[0] and found[1] + _MAX_CLOCK_SKEW_S > time.time() and waited < LEASE_S:
            if found != first:
                raise self._busy()
            time.sleep(_POLL_INTERVAL_S)
            waited += _POLL_INTERVAL_S

    def _confirm(self) -> None:
        if self._read()[0] != self._token:
            raise self._busy()

    def _read(self) -> tuple[str, float]:
        """Return the token of the lease and the time at which it expires; an empty token if there is no lease."""
        try:
            content = json.loads(self._path.read_bytes())
            return str(content["token"]), float(content["expires_at"])
        except (FileNotFoundError, ValueError, TypeError, KeyError):
            return "", 0.0

    def _write(self) -> None:
        content = {"token": self._token, "expires_at": time.time() + LEASE_S, "host": socket.gethostname()}
        with atomic_write(self._path) as file:
            file.write(json.dumps({**content, "process": os.getpid()}).encode())
        self._renewed_at = time.monotonic()

    def _busy(self) -> BatchError:
        return BatchError(
            f"Another run is working on {self._owner}. Wait for its end, then run this again: it does only what is "
            "left by then.",
            permanent=False,
        )
