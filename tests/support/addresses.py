"""Addresses that the address policy allows and refuses, and unusual spellings of addresses."""

from __future__ import annotations

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "168.63.129.15", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"]

# Allowed with `allow_private_addresses`.
PRIVATE = {
    "loopback": ["127.0.0.1", "127.255.255.254", "::1"],
    "private": [
        "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1", "fd12:3456::1",
    ],
    "carrier-grade NAT": ["100.64.0.1", "100.127.255.254"],
}  # fmt: skip

NEVER = {
    "link-local": ["169.254.0.1", "fe80::1"],
    "multicast": ["224.0.0.1", "239.255.255.250", "ff02::1"],
    "unspecified": ["0.0.0.0", "0.1.2.3", "::"],
    "broadcast and reserved": ["255.255.255.255", "240.0.0.1"],
    "documentation": ["192.0.2.1", "198.51.100.7", "203.0.113.9", "2001:db8::1", "3fff::1"],
    "IPv4-mapped": ["::ffff:8.8.8.8", "::ffff:127.0.0.1", "::ffff:7f00:1"],
    "IPv4-compatible": ["::8.8.8.8", "::127.0.0.1"],
    "NAT64": ["64:ff9b::8.8.8.8", "64:ff9b::7f00:1", "64:ff9b:1::1"],
    "6to4": ["2002:7f00:1::1", "2002:808:808::1", "192.88.99.1"],
    "site-local": ["fec0::1", "feff::1"],
    "protocols": ["192.0.0.1", "192.0.0.192"],
    "Teredo": ["2001::1", "2001:0:4136:e378::1"],
    "discard": ["100::1"],
    "benchmarks": ["198.18.0.1", "198.19.255.255", "2001:2::1"],
    "cloud metadata": [
        "169.254.169.254", "169.254.170.2", "fd00:ec2::254", "fd20:ce::254", "fd00:42::42", "100.100.100.200",
        "168.63.129.16",
    ],
    "scopes": ["fe80::1%eth0", "2606:4700::1111%1", "::1%lo"],
    "not routed": ["4000::1", "5f00::1", "8000::1"],
}  # fmt: skip

# Hosts in URLs. The C library reads most of them as addresses, and some of these are public.
SPELLINGS = [
    "2130706433", "0177.0.0.1", "0x7f.1", "0x7f000001", "127.1", "127.0.0.1.", "0", "1.1.1.1.1", "256.1.1.1",
    "134744072", "1.1.1.1.", "host.0x7f", "127.0.0.%31", "[fe80::1%25eth0]", "[::ffff:127.0.0.1]", "[0:0:0:0:0:0:0:0]",
    "169.254.43518", "0251.0376.0251.0376", "0xA9FEA9FE",
]  # fmt: skip

# The same with characters that a resolver normalizes to digits and dots.
OTHER_LETTERS = [
    "①②⑦.⓪.⓪.①", "１２７.０.０.１", "127。0。0。1", "𝟏𝟔𝟗.254.169.254", "🯱🯶🯹.254.169.254", "16\ufe009.254.169.254",
    "ⓛocalhost",
]  # fmt: skip


def as_host(address: str) -> str:
    """Return an address in the form of a URL's host."""
    return f"[{address.replace('%', '%25')}]" if ":" in address else address
