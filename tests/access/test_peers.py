from __future__ import annotations

import time

import pytest

from triage.access import peers
from triage.access.access import Access
from triage.access.peers import OF_THE_SETTINGS, Peers
from triage.access.roles import PeerRight
from triage.errors import ThrottledError
from triage.records.store import Store

OWN = "a token of thirty-two characters"


def tries(known: Peers, token: str, address: str, count: int) -> list[str]:
    outcomes = []
    for _ in range(count):
        try:
            outcomes.append("in" if known.of(token, address) else "wrong")
        except ThrottledError:
            outcomes.append("slow")
    return outcomes


def test_each_peer_has_its_own_rights(access: Access) -> None:
    token = access.directory.add_token("MRI 1", [PeerRight.STORE], by="test")
    found = access.peers.of(token, "192.0.2.1")
    assert found is not None
    assert (found.name, found.rights) == ("MRI 1", {PeerRight.STORE})
    assert access.directory.tokens()[0].used_at is not None


def test_the_token_of_the_settings_is_a_peer_with_all_rights(record: Store) -> None:
    known = Peers(record, OWN)
    found = known.of(OWN, "192.0.2.1")
    assert found is not None
    assert (found.name, found.rights) == (OF_THE_SETTINGS, frozenset(PeerRight))
    assert not Peers(record, "").any()
    assert Peers(record, "").of("", "192.0.2.1") is None


def test_a_revoked_token_ends_within_a_second(access: Access, record: Store) -> None:
    token = access.directory.add_token("MRI 1", [PeerRight.STORE], by="test")
    other = Peers(record, "")
    assert other.of(token, "192.0.2.1") is not None
    access.directory.revoke_token("MRI 1", by="test")
    time.sleep(1)
    assert other.of(token, "192.0.2.1") is None


def test_wrong_tokens_of_one_address_are_slowed_down_and_nobody_else(record: Store) -> None:
    known = Peers(record, OWN)
    assert tries(known, OWN, "192.0.2.1", 1) == ["in"]
    outcomes = tries(known, "wrong", "192.0.2.1", 1000)
    assert outcomes.count("slow") >= 985
    # Right at that address before, right elsewhere; a token never seen at that address has to wait.
    assert tries(known, OWN, "192.0.2.1", 3) == ["in"] * 3
    assert tries(known, OWN, "192.0.2.2", 3) == ["in"] * 3
    blocked = Peers(record, OWN)
    tries(blocked, "wrong", "192.0.2.1", peers.WRONG_TOKENS[0])
    assert tries(blocked, OWN, "192.0.2.1", 1) == ["slow"]


def test_right_tokens_never_add_up_to_a_delay(record: Store) -> None:
    known = Peers(record, OWN)
    assert set(tries(known, OWN, "192.0.2.1", 100)) == {"in"}


@pytest.mark.parametrize("token", ["", "x", OWN[:-1], OWN.upper()])
def test_what_is_no_token_lets_nobody_in(record: Store, token: str) -> None:
    assert Peers(record, OWN).of(token, "192.0.2.1") is None
