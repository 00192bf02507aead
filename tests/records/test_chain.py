"""What was done to seals is told apart."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from triage.records.chain import NOTHING, Kind, Seal, Suspect, judge
from triage.records.keys import Key

KEY, OTHER = Key(b"k" * 32), Key(b"o" * 32)
AT = datetime(2026, 1, 10, tzinfo=UTC)


def chain(count: int, key: Key = KEY) -> list[Seal]:
    made: list[Seal] = []
    for number in range(1, count + 1):
        digest = hashlib.sha256(f"{number} {key.fingerprint}".encode()).hexdigest()
        bare = Seal(number, AT, "audit", str(number), digest, "")
        made.append(replace(bare, mac=key.mac(bare.message(made[-1].mac if made else NOTHING))))
    return made


def judged(seals: list[Seal]) -> list[tuple[Kind, str]]:
    suspects = []
    for place, one in enumerate(seals):
        before = seals[place - 1].mac if place else NOTHING
        if not one.follows(KEY.mac, before):
            suspects.append(Suspect(one, before, seals[place + 1] if place + 1 < len(seals) else None))
    return [(one.kind, one.key.split()[0]) for one in judge(suspects, KEY.mac)]


def test_a_whole_chain_is_right() -> None:
    assert judged(chain(9)) == []


@pytest.mark.parametrize("change", [{"digest": "f" * 64}, {"mac": "f" * 64}, {"key": "77"}, {"what": "study"}])
@pytest.mark.parametrize("place", [0, 4, 8])
def test_an_edited_seal_is_named(place: int, change: dict[str, str]) -> None:
    seals = chain(9)
    seals[place] = replace(seals[place], **change)
    assert judged(seals) == [(Kind.EDITED, str(place + 1))]


@pytest.mark.parametrize(("one", "other"), [(2, 3), (2, 6), (0, 8)])
@pytest.mark.parametrize("whole", [True, False])
def test_exchanged_seals_are_reordered(one: int, other: int, *, whole: bool) -> None:
    seals = chain(9)
    first, second = seals[one], seals[other]
    seals[one] = replace(second, number=one + 1, mac=second.mac if whole else first.mac)
    seals[other] = replace(first, number=other + 1, mac=first.mac if whole else second.mac)
    assert judged(seals) == [(Kind.REORDERED, str(one + 1)), (Kind.REORDERED, str(other + 1))]


@pytest.mark.parametrize("places", [range(3, 4), range(3, 6)])
def test_seals_of_another_record_are_spliced(places: range) -> None:
    seals, theirs = chain(9), chain(9, OTHER)
    for place in places:
        seals[place] = theirs[place]
    assert judged(seals)[0] == (Kind.SPLICED, "4")
