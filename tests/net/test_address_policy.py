from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from airflow_provider_oppo_image.net.urls import forbidden_reason
from tests.support.addresses import NEVER, PRIVATE, PUBLIC

NO_ADDRESSES = ["", "localhost", "1.1.1", "0177.0.0.1", "0x7f000001", "2130706433", "127.0.0.1."]


@pytest.mark.parametrize("address", PUBLIC)
@pytest.mark.parametrize("allow_private", [False, True])
def test_public_address_is_allowed(address: str, allow_private: bool) -> None:
    assert forbidden_reason(address, allow_private=allow_private) is None


@pytest.mark.parametrize("address", [address for them in PRIVATE.values() for address in them])
def test_private_address_is_allowed_by_option(address: str) -> None:
    assert forbidden_reason(address)
    assert forbidden_reason(address, allow_private=True) is None


@pytest.mark.parametrize(("kind", "address"), [(kind, address) for kind, them in NEVER.items() for address in them])
def test_special_address_is_always_refused(kind: str, address: str) -> None:
    assert forbidden_reason(address), kind
    assert forbidden_reason(address, allow_private=True), kind


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_other_text_is_refused(text: str) -> None:
    assert forbidden_reason(text, allow_private=True)


@given(st.ip_addresses())
def test_non_global_address_is_refused(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if not ip.is_global:
        assert forbidden_reason(str(ip))


@given(st.ip_addresses())
def test_option_refuses_no_other_address(ip: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if forbidden_reason(str(ip)) is None:
        assert forbidden_reason(str(ip), allow_private=True) is None


@given(st.text())
def test_any_text_is_accepted_as_input(text: str) -> None:
    forbidden_reason(text)
