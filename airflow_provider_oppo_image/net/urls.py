"""Picture URLs, the policy for the addresses of their hosts, and the base URL of the service."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from airflow_provider_oppo_image.contract import DATA_CENTERS, DEFAULT_DATA_CENTER
from airflow_provider_oppo_image.errors import ConfigurationError
from airflow_provider_oppo_image.net.redaction import MAX_URL, NOT_A_URL, redact_url

_Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
_Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

# Refused even if private addresses are allowed.
_ALWAYS_REFUSED: Final = (
    ("a cloud's metadata address", (
        "169.254.169.254", "fd00:ec2::254",  # AWS and others
        "fd20:ce::254",  # Google
        "168.63.129.16",  # Azure: a public address, reachable only from Azure
        "100.100.100.200",  # Alibaba
        "fd00:42::42",  # Scaleway
    )),
    ("the unspecified address, or its network", ("0.0.0.0/8", "::/128")),
    ("a link-local address", ("169.254.0.0/16", "fe80::/10")),
    ("a broadcast or reserved address", ("240.0.0.0/4",)),
    ("a multicast address", ("224.0.0.0/4", "ff00::/8")),
    ("an address for documentation", (
        "192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24", "2001:db8::/32", "3fff::/20",
    )),
    ("an address for benchmarks", ("198.18.0.0/15", "2001:2::/48")),
    ("an address of a protocol", ("192.0.0.0/24", "192.88.99.0/24", "2001::/23")),  # the last one: Teredo, ORCHID...
    ("an IPv4 address in an IPv6 one", ("::ffff:0:0/96", "::/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16")),
    ("an address that discards", ("100::/64",)),
    ("a site-local address", ("fec0::/10",)),
)  # fmt: skip

_PRIVATE: Final = (
    ("a loopback address", ("127.0.0.0/8", "::1/128")),
    ("a private address", ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")),
    ("a carrier's shared address", ("100.64.0.0/10",)),
)

_PUBLIC_IPV6: Final = ipaddress.IPv6Network("2000::/3")


def _networks(rows: tuple[tuple[str, tuple[str, ...]], ...]) -> tuple[tuple[_Network, str], ...]:
    return tuple((ipaddress.ip_network(network), reason) for reason, networks in rows for network in networks)


_PRIVATE_NETWORKS: Final = _networks(_PRIVATE)
_ALWAYS_REFUSED_NETWORKS: Final = _networks(_ALWAYS_REFUSED)


def forbidden_reason(address: str, *, allow_private: bool = False) -> str | None:
    """Return why an address must not be connected to.

    :param address: an IPv4 or IPv6 address in the resolver's form.
    :param allow_private: allow loopback, private and carrier-grade NAT addresses, for sandboxes and private CDNs. Other
        special addresses, such as cloud metadata, are still refused.
    :return: the kind of address; None if it may be connected to. Do not show the kind to whoever chose the URL: it
        would reveal how names resolve inside the network.
    """
    ip = _parse_ip(address)
    if ip is None:
        return "not an IP address"
    if "%" in address:
        return "an address of one network interface"
    private = _first_match(ip, _PRIVATE_NETWORKS)
    # "::1" is in "::/96", so private networks are checked first. Metadata addresses are in private networks.
    if private == "a loopback address":
        return None if allow_private else private
    if reason := _first_match(ip, _ALWAYS_REFUSED_NETWORKS):
        return reason
    if private:
        return None if allow_private else private
    if ip.version == 6 and ip not in _PUBLIC_IPV6:
        return "not a public address"
    return None


def _first_match(ip: _Address, rows: tuple[tuple[_Network, str], ...]) -> str | None:
    return next((reason for network, reason in rows if ip in network), None)


# The last label of a host name is never a number. In an IPv4 address, however it is written, it always is.
_NUMERIC_LABEL: Final = re.compile(r"(0x[0-9a-f]*|[0-9]+)\.?", re.IGNORECASE)

ADDRESS_REFUSED: Final = "the URL's host is at an address that may not be connected to"
"""The same text for every address: it must not tell the author of the URL what is at an internal address."""


class UrlError(NamedTuple):
    """The reason why a URL cannot be a picture's.

    :param code: the code of the problem in a report.
    :param found: what was found, as a noun phrase; it repeats no secret.
    """

    code: Literal["address_refused", "bad_url", "credentials_in_url"]
    found: str


@dataclass(frozen=True, slots=True)
class PictureUrl:
    """A picture's URL. `str()` and `repr()` show the redacted form, since a query can be a signature.

    :param full: the URL with its query; "" for a value that is not text.
    :param redacted: the URL without user info, query and fragment; `NOT_A_URL` for text that is not a URL.
    :param host: the host in lower case, without a final dot; "" if the URL has none.
    :param error: why no picture can be downloaded from it; None for a usable URL.
    :param is_private: the host is a loopback, private or carrier's shared address.
    """

    full: str = field(repr=False)
    redacted: str = field(compare=False)
    host: str = field(compare=False)
    error: UrlError | None = field(compare=False, default=None)
    is_private: bool = field(compare=False, default=False)

    @classmethod
    def parse(cls, value: object) -> PictureUrl:
        """Parse a URL without contacting its host.

        :param value: anything that should be a URL; a `PictureUrl` is returned as it is. Blanks and line breaks around
            text are removed.
        """
        if isinstance(value, PictureUrl):
            return value
        if not isinstance(value, str):
            found = "no URL" if value is None else f"a value of type {type(value).__name__}"
            return cls("", NOT_A_URL, "", UrlError("bad_url", found))
        value = value.strip()
        redacted = redact_url(value)
        host = _host(value)
        if malformed := _malformed(value):
            return cls(value, redacted, host, UrlError("bad_url", malformed))
        if "@" in urlsplit(value).netloc:
            found = f"the URL {redacted} with a user name or a password"
            return cls(value, redacted, host, UrlError("credentials_in_url", found))
        address = _address(urlsplit(value).hostname or "")
        if address and forbidden_reason(address, allow_private=True):
            return cls(value, redacted, host, UrlError("address_refused", ADDRESS_REFUSED))
        return cls(value, redacted, host, is_private=address is not None and forbidden_reason(address) is not None)

    def __str__(self) -> str:
        return self.redacted


def _host(url: str) -> str:
    try:
        return (urlsplit(url).hostname or "").rstrip(".")
    except ValueError:
        return ""


def _malformed(url: str) -> str | None:
    """Return what was found instead of an http or https URL; None for one of these."""
    if not url.strip():
        return "an empty URL"
    if len(url) > MAX_URL:
        return f"a URL of {len(url):,} characters; the maximum is {MAX_URL:,}"
    if not url.isprintable() or " " in url or "\\" in url:
        return "a URL with spaces, control characters or backslashes"
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return "text that is not a URL"
    if not parts.scheme:
        return "text that is not a URL"
    if parts.scheme not in ("http", "https"):
        return f"a URL with the scheme {parts.scheme[:20]}"
    if not host or port == 0 or not is_host(host):
        return "a URL without a valid host"
    return None


def is_this_machine(name: str) -> bool:
    """Return whether a host is this machine.

    :param name: a host name or an address, an IPv6 address with or without brackets.
    """
    ip = _parse_ip(name.strip("[]"))
    return name == "localhost" if ip is None else ip.is_loopback


def is_host(host: str) -> bool:
    """Return True for text with the syntax of a host name or of an IPv6 address."""
    if ":" in host:
        return True
    try:
        labels = host.removesuffix(".").encode("idna").split(b".")
    except UnicodeError:  # a label that is empty or too long
        return False
    return all(labels) and sum(len(label) + 1 for label in labels) <= 254


def _address(host: str) -> str | None:
    """Return the IP address that a host is, or the host itself if it is an address in unusual spelling; else None.

    The addresses of a host name are judged when it is resolved. A proxy resolves it somewhere else, so addresses that
    stand in the URL itself are judged here.
    """
    if not {":", "%"} & set(host) and not _NUMERIC_LABEL.fullmatch(host.removesuffix(".").rpartition(".")[2]):
        return None
    ip = _parse_ip(host)
    return host if ip is None else str(ip)


def _parse_ip(text: str) -> _Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


_SERVICE_HOST: Final = re.compile(
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
    parts = _SERVICE_HOST.fullmatch(f"[{host}]" if isinstance(_parse_ip(host), ipaddress.IPv6Address) else host)
    name = parts["name"].lower() if parts else ""
    if not parts or not _is_host_name(name):
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


def _is_host_name(name: str) -> bool:
    if name.startswith("["):
        return isinstance(_parse_ip(name[1:-1]), ipaddress.IPv6Address)
    return len(name) <= 253 and all(map(_LABEL.fullmatch, name.removesuffix(".").split(".")))
