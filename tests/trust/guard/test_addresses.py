"""Nobody is let in: whatever address a URL leads to, by whichever way, through whichever door."""

from __future__ import annotations

import itertools

import pytest

from airflow_provider_oppo_image.pictures.rules import ADDRESS_REFUSED, BAD_URL
from tests.conftest import CONNECTION_VARIABLE
from tests.support.addresses import NEVER, OTHER_LETTERS, PRIVATE, SPELLINGS, as_host
from tests.support.doors import DOORS, Seen, connect_to
from tests.support.names import lead_names
from tests.support.outside import ADDRESS, Outside
from tests.support.scene import Scene
from tests.trust.ledger import Ledger

SECTION = "nobody is let in"
REFUSED = Seen("wrong", (str(ADDRESS_REFUSED),))
WAYS = ("direct", "by name", "by redirect", "by redirect to a name")


def try_it(scene: Scene, address: str, way: str) -> tuple[Seen, bool]:
    """Have an address looked at by some way: what was seen, and whether that is less than a refusal."""
    by_name = way.endswith("name")
    seen = scene.look(
        scene.url("name.example" if by_name else as_host(address)),
        name_leads_to=([address],) if by_name else (),
        behind_a_redirect="redirect" in way,
    )
    return seen, scene.got_out() or seen != REFUSED


@pytest.mark.parametrize("kind", [*PRIVATE, *NEVER])
@pytest.mark.parametrize("way", WAYS)
def test_an_address_that_is_not_public_is_refused_without_a_packet(
    way: str, kind: str, scene: Scene, ledger: Ledger
) -> None:
    for address in {**PRIVATE, **NEVER}[kind]:
        seen, through = try_it(scene, address, way)
        ledger.note(SECTION, f"addresses, {way}", through=through)
        assert not through, (address, seen)


@pytest.mark.parametrize("kind", NEVER)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scene", [door for door in DOORS if door != "check_picture"], indirect=True)
def test_permission_for_private_addresses_is_none_for_special_ones(
    way: str, kind: str, scene: Scene, monkeypatch: pytest.MonkeyPatch, ledger: Ledger
) -> None:
    monkeypatch.setenv(CONNECTION_VARIABLE, connect_to("https://service.example", allow_private_addresses=True))
    for address in NEVER[kind]:
        seen, through = try_it(scene, address, way)
        ledger.note(SECTION, "special addresses, private ones allowed", through=through)
        assert not through, (address, seen)


@pytest.mark.parametrize("spelling", [*SPELLINGS, *OTHER_LETTERS], ids=ascii)
@pytest.mark.parametrize("way", ["direct", "by redirect"])
def test_no_spelling_hides_an_address(way: str, spelling: str, scene: Scene, ledger: Ledger) -> None:
    seen = scene.look(scene.url(spelling), behind_a_redirect=way == "by redirect")
    through = scene.got_out() or seen.state != "wrong"
    ledger.note(SECTION, f"spellings, {way}", through=through)
    assert not through, seen
    assert seen.problems[0] in ([str(ADDRESS_REFUSED), str(BAD_URL)] if spelling in OTHER_LETTERS else REFUSED.problems)


@pytest.mark.parametrize("kind", [*PRIVATE, *NEVER])
def test_one_forbidden_address_of_two_is_enough_to_refuse(kind: str, scene: Scene, ledger: Ledger) -> None:
    for address in {**PRIVATE, **NEVER}[kind]:
        for addresses in itertools.permutations(["93.184.216.34", address]):
            seen = scene.look("http://name.example/", name_leads_to=(list(addresses),))
            through = scene.got_out() or seen != REFUSED
            ledger.note(SECTION, "names with two addresses, one of them private", through=through)
            assert not through, (addresses, seen)


class TestNamesThatLeadElsewhereTheSecondTime:
    CHANGES = ([ADDRESS], ["127.0.0.1"])

    def test_within_one_look_nobody_asks_twice(self, outside: Outside, scene: Scene, ledger: Ledger) -> None:
        seen = scene.look(f"http://name.example:{outside.port}/404", name_leads_to=self.CHANGES)
        through = scene.got_out() or seen.state != "absent"
        ledger.note(SECTION, "names that change within a look", through=through)
        assert not through, seen
        assert scene.asked.count("name.example") == 1
        assert outside.requests == ["/404"]

    def test_what_a_redirect_leads_to_is_judged_anew(self, outside: Outside, scene: Scene, ledger: Ledger) -> None:
        outside.redirect("/", f"http://name.example:{outside.port}/")
        seen = scene.look(f"http://name.example:{outside.port}/", name_leads_to=self.CHANGES)
        through = scene.got_out() or seen != REFUSED
        ledger.note(SECTION, "names that change from a redirect to the next", through=through)
        assert not through, seen
        assert outside.requests == ["/"]

    def test_what_was_ready_once_is_judged_anew_at_the_next_look(
        self, outside: Outside, scene: Scene, monkeypatch: pytest.MonkeyPatch, ledger: Ledger
    ) -> None:
        lead_names(monkeypatch, {"name.example": self.CHANGES})
        seen = [scene.look(f"http://name.example:{outside.port}/404") for _ in range(2)]
        through = scene.got_out() or seen[1] != REFUSED
        ledger.note(SECTION, "names that change from a look to the next", through=through)
        assert not through, seen
        assert seen[0].state == "absent"
