"""Where the service is: a connection's host, port, schema and data centre made into one URL. Pure."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from airflow_provider_oppo_image.contract import DATA_CENTERS, DEFAULT_DATA_CENTER
from airflow_provider_oppo_image.errors import ConfigurationError

_HOST: Final = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<name>\[[0-9a-f:.]+\]|[0-9a-z_.-]+)(?::(?P<port>[0-9]{1,5}))?/*", re.IGNORECASE
)
_LABEL: Final = re.compile(r"(?!-)[0-9a-z_-]{1,63}(?<!-)")
_USUAL_PORTS: Final = {"http": 80, "https": 443}


def base_url(
    host: str | None, port: int | None, schema: str | None, data_center: str, *, allow_plain_http: bool = False
) -> str:
    """Return where the service is.

    https unless said otherwise; plain http, which shows the master secret to the network, only to this machine or
    where it is allowed.

    :param host: a host name or address in ASCII, with or without scheme and port; empty means the data centre's.
    :param port: a port; None and 0 mean none (Airflow's form stores 0 for an empty field). One in the host wins.
    :param schema: "http", "https" or empty; one in the host wins.
    :param data_center: a name from `contract.DATA_CENTERS`.
    :param allow_plain_http: whether plain http may go to another machine.
    :return: scheme, host and, where it is not the scheme's own, port; no trailing slash.
    :raises ConfigurationError: if these do not make a base URL.
    """
    host = (host or "").strip()
    if not host:
        return DATA_CENTERS[data_center]
    parts = _HOST.fullmatch(f"[{host}]" if isinstance(_address(host), ipaddress.IPv6Address) else host)
    name = parts["name"].lower() if parts else ""
    if not parts or not _is_name(name):
        # The host is not repeated: a password may be part of it.
        raise ConfigurationError(
            "The connection's host is no host name or address, with or without http:// or https:// and a port. Give "
            f"one such as {DATA_CENTERS[DEFAULT_DATA_CENTER]}, or leave it empty and choose a data centre."
        )
    scheme = (parts["scheme"] or (schema or "").strip() or "https").lower()
    if scheme not in _USUAL_PORTS:
        raise ConfigurationError("The connection's schema must be https, http or empty.")
    if scheme == "http" and not (_is_this_machine(name) or allow_plain_http):
        raise ConfigurationError(
            f"The connection's host {name!r} is asked for over plain http, which would show the master secret to the "
            "network. Use https, or set allow_plain_http in the connection's extra."
        )
    chosen_port = int(parts["port"] or 0) or port or _USUAL_PORTS[scheme]
    if not 1 <= chosen_port <= 65_535:
        raise ConfigurationError("The connection's port must be a number from 1 to 65535, or empty.")
    return f"{scheme}://{name}" + ("" if chosen_port == _USUAL_PORTS[scheme] else f":{chosen_port}")


def _is_name(name: str) -> bool:
    if name.startswith("["):
        return isinstance(_address(name[1:-1]), ipaddress.IPv6Address)
    return len(name) <= 253 and all(map(_LABEL.fullmatch, name.removesuffix(".").split(".")))


def _is_this_machine(name: str) -> bool:
    address = _address(name.strip("[]"))
    return address.is_loopback if address else name == "localhost"


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
