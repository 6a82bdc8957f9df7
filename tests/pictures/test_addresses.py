from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.pictures.addresses import forbidden_reason

PUBLIC = ["1.1.1.1", "8.8.8.8", "93.184.216.34", "168.63.129.15", "172.32.0.1", "2606:4700::1111", "2a00:1450::1"]

PRIVATE = [
    "127.0.0.1", "127.255.255.254", "::1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "fc00::1",
    "fd12:3456::1", "100.64.0.1", "100.127.255.254",
]  # fmt: skip

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
    "metadata": [
        "169.254.169.254", "169.254.170.2", "fd00:ec2::254", "fd20:ce::254", "fd00:42::42", "100.100.100.200",
        "168.63.129.16",
    ],
    "scopes": ["fe80::1%eth0", "2606:4700::1111%1", "::1%lo"],
    "not routed": ["4000::1", "5f00::1", "8000::1"],
    "no addresses": ["", "localhost", "1.1.1", "0177.0.0.1", "0x7f000001", "2130706433", "127.0.0.1."],
}  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
@pytest.mark.parametrize("allow_private", [False, True])
def test_the_public_internet_may_be_reached(address: str, allow_private: bool) -> None:
    assert forbidden_reason(address, allow_private=allow_private) is None


@pytest.mark.parametrize("address", PRIVATE)
def test_private_addresses_need_permission(address: str) -> None:
    assert forbidden_reason(address)
    assert forbidden_reason(address, allow_private=True) is None


@pytest.mark.parametrize(("kind", "address"), [(kind, address) for kind, them in NEVER.items() for address in them])
def test_special_addresses_are_refused_even_where_private_ones_are_allowed(kind: str, address: str) -> None:
    assert forbidden_reason(address), kind
    assert forbidden_reason(address, allow_private=True), kind


@given(st.ip_addresses())
def test_what_the_standard_library_calls_not_global_is_never_public(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if not ip.is_global:
        assert forbidden_reason(str(ip))


@given(st.ip_addresses())
def test_permission_for_private_addresses_forbids_nothing(
    ip: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if forbidden_reason(str(ip)) is None:
        assert forbidden_reason(str(ip), allow_private=True) is None


@given(st.text())
def test_any_text_is_judged(text: str) -> None:
    forbidden_reason(text)
