"""Attacks with addresses that are not public, through every entry point of the check."""

from __future__ import annotations

import itertools

import pytest

from airflow_provider_oppo_image.pictures.rules import ADDRESS_REFUSED, BAD_URL
from tests.conftest import CONNECTION_VARIABLE
from tests.support.addresses import NEVER, OTHER_LETTERS, PRIVATE, SPELLINGS, as_host
from tests.support.check_entry_points import ENTRY_POINTS, CheckOutcome, connection_json
from tests.support.fake_dns import patch_dns
from tests.support.public_host import ADDRESS, PublicHost
from tests.support.url_probe import UrlProbe
from tests.trust.attack_report import AttackReport

SECTION = "addresses are refused"
REFUSED = CheckOutcome("wrong", (str(ADDRESS_REFUSED),))
ROUTES = ("direct", "by name", "by redirect", "by redirect to a name")


def require_refusal(probe: UrlProbe, attacks: AttackReport, attack: str, address: str, route: str) -> None:
    """Check an address by a route, and require a refusal without a connection."""
    by_name = route.endswith("name")
    outcome = probe.check(
        probe.url("name.example" if by_name else as_host(address)),
        dns_answers=([address],) if by_name else (),
        via_redirect="redirect" in route,
    )
    attacks.require(SECTION, attack, not probe.has_connected() and outcome == REFUSED, (address, outcome))


@pytest.mark.parametrize("kind", [*PRIVATE, *NEVER])
@pytest.mark.parametrize("route", ROUTES)
def test_non_public_address_is_refused(route: str, kind: str, probe: UrlProbe, attacks: AttackReport) -> None:
    for address in {**PRIVATE, **NEVER}[kind]:
        require_refusal(probe, attacks, f"addresses, {route}", address, route)


@pytest.mark.parametrize("kind", NEVER)
@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize("probe", [name for name in ENTRY_POINTS if name != "check_picture"], indirect=True)
def test_special_address_is_refused_if_private_is_allowed(
    route: str, kind: str, probe: UrlProbe, monkeypatch: pytest.MonkeyPatch, attacks: AttackReport
) -> None:
    monkeypatch.setenv(CONNECTION_VARIABLE, connection_json("https://service.example", allow_private_addresses=True))
    for address in NEVER[kind]:
        require_refusal(probe, attacks, "special addresses, private ones allowed", address, route)


@pytest.mark.parametrize("spelling", [*SPELLINGS, *OTHER_LETTERS], ids=ascii)
@pytest.mark.parametrize("route", ["direct", "by redirect"])
def test_unusual_spelling_is_refused(route: str, spelling: str, probe: UrlProbe, attacks: AttackReport) -> None:
    outcome = probe.check(probe.url(spelling), via_redirect=route == "by redirect")
    refused = not probe.has_connected() and outcome.state == "wrong"
    attacks.require(SECTION, f"spellings, {route}", refused, outcome)
    allowed = [str(ADDRESS_REFUSED), str(BAD_URL)] if spelling in OTHER_LETTERS else REFUSED.problems
    assert outcome.problems[0] in allowed


@pytest.mark.parametrize("kind", [*PRIVATE, *NEVER])
def test_name_with_one_forbidden_address_is_refused(kind: str, probe: UrlProbe, attacks: AttackReport) -> None:
    for address in {**PRIVATE, **NEVER}[kind]:
        for addresses in itertools.permutations(["93.184.216.34", address]):
            outcome = probe.check("http://name.example/", dns_answers=(list(addresses),))
            refused = not probe.has_connected() and outcome == REFUSED
            attacks.require(SECTION, "names with two addresses, one of them private", refused, (addresses, outcome))


class TestDnsRebinding:
    CHANGES = ([ADDRESS], ["127.0.0.1"])

    def test_check_resolves_a_name_once(self, public_host: PublicHost, probe: UrlProbe, attacks: AttackReport) -> None:
        outcome = probe.check(f"http://name.example:{public_host.port}/404", dns_answers=self.CHANGES)
        failed = not probe.has_connected() and outcome.state == "absent"
        attacks.require(SECTION, "names that change within a check", failed, outcome)
        assert probe.dns_queries.count("name.example") == 1
        assert public_host.requests == ["/404"]

    def test_redirect_resolves_the_name_again(
        self, public_host: PublicHost, probe: UrlProbe, attacks: AttackReport
    ) -> None:
        public_host.redirect("/", f"http://name.example:{public_host.port}/")
        outcome = probe.check(f"http://name.example:{public_host.port}/", dns_answers=self.CHANGES)
        failed = not probe.has_connected() and outcome == REFUSED
        attacks.require(SECTION, "names that change between redirects", failed, outcome)
        assert public_host.requests == ["/"]

    def test_next_check_resolves_the_name_again(
        self, public_host: PublicHost, probe: UrlProbe, monkeypatch: pytest.MonkeyPatch, attacks: AttackReport
    ) -> None:
        patch_dns(monkeypatch, {"name.example": self.CHANGES})
        outcomes = [probe.check(f"http://name.example:{public_host.port}/404") for _ in range(2)]
        failed = not probe.has_connected() and outcomes[1] == REFUSED
        attacks.require(SECTION, "names that change between checks", failed, outcomes)
        assert outcomes[0].state == "absent"
