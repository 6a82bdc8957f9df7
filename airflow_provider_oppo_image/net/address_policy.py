"""IP addresses that pictures must not be downloaded from: all that are not routed on the public internet.

Anybody who may trigger a DAG chooses a picture's URL, and the download starts inside a private network. The property
`is_global` of `ipaddress` misses several ranges (NAT64, 6to4, multicast, Azure's metadata address). The ranges come
from IANA's special-purpose address registries, the metadata addresses from the cloud providers.
"""

from __future__ import annotations

import ipaddress
from typing import Final, TypeAlias

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
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
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


def _first_match(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address, rows: tuple[tuple[_Network, str], ...]
) -> str | None:
    return next((reason for network, reason in rows if ip in network), None)
