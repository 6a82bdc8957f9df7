"""Base URL of the service: scheme, host and port, from a data center's name or a host."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from airflow_provider_oppo_image.contract import DATA_CENTERS, DEFAULT_DATA_CENTER
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.net.picture_url import is_this_machine

_HOST: Final = re.compile(
    r"(?:(?P<scheme>https?)://)?(?P<name>\[[0-9a-f:.]+\]|[0-9a-z_.-]+)(?::(?P<port>[0-9]{1,5}))?/*", re.IGNORECASE
)
_LABEL: Final = re.compile(r"(?!-)[0-9a-z_-]{1,63}(?<!-)")
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def base_url(
    host: str | None, port: int | None, schema: str | None, data_center: str, *, allow_plain_http: bool = False
) -> str:
    """Return the base URL of the service.

    The default scheme is https. Plain http sends the master secret unencrypted, so it is limited to this machine unless
    it is allowed.

    :param host: a host name or address in ASCII, with or without scheme and port; empty for the data center's.
    :param port: a port; None or 0 for none, because Airflow's form stores 0 for an empty field. A port in `host` takes
        precedence.
    :param schema: "http", "https" or empty. A scheme in `host` takes precedence.
    :param data_center: a name from `contract.DATA_CENTERS`.
    :param allow_plain_http: whether plain http to another machine is allowed.
    :return: scheme, host and, if it is not the scheme's default, port; without a trailing slash.
    :raises ConfigurationError: if a part is not valid.
    """
    host = (host or "").strip()
    if not host:
        return DATA_CENTERS[data_center]
    parts = _HOST.fullmatch(f"[{host}]" if isinstance(_address(host), ipaddress.IPv6Address) else host)
    name = parts["name"].lower() if parts else ""
    if not parts or not _is_name(name):
        # The message does not repeat the host, which may contain a password.
        raise ConfigurationError(
            f"The connection's host is not valid. It must be a host such as {DATA_CENTERS[DEFAULT_DATA_CENTER]} with "
            "or without http:// or https:// and a port. Leave it empty to use a data center."
        )
    scheme = (parts["scheme"] or (schema or "").strip() or "https").lower()
    if scheme not in _DEFAULT_PORTS:
        raise ConfigurationError("The connection's schema must be https, http or empty.")
    if scheme == "http" and not (is_this_machine(name) or allow_plain_http):
        raise ConfigurationError(
            f"The connection uses plain http to the host {name!r}, which would send the master secret unencrypted. Use "
            "https, or set allow_plain_http in the connection's extra."
        )
    chosen_port = int(parts["port"] or 0) or port or _DEFAULT_PORTS[scheme]
    if not 1 <= chosen_port <= 65_535:
        raise ConfigurationError("The connection's port must be a number from 1 to 65535, or empty.")
    return f"{scheme}://{name}" + ("" if chosen_port == _DEFAULT_PORTS[scheme] else f":{chosen_port}")


def _is_name(name: str) -> bool:
    if name.startswith("["):
        return isinstance(_address(name[1:-1]), ipaddress.IPv6Address)
    return len(name) <= 253 and all(map(_LABEL.fullmatch, name.removesuffix(".").split(".")))


def _address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None
