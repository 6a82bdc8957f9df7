"""Options of HTTP connections, passed as one value from the Airflow connection to the session."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True)
class TransportOptions:
    """Options of the connections to the service and to the pictures' hosts.

    :param connect_timeout: seconds to resolve a host name, and to connect to one address.
    :param read_timeout: seconds to wait for the next byte of a response.
    :param total_timeout: seconds for one attempt, including redirects.
    """

    connect_timeout: float = 10.0
    read_timeout: float = 30.0
    total_timeout: float = 60.0


DEFAULT_TRANSPORT_OPTIONS: Final = TransportOptions()
