from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import func, select

from triage.errors import NotFoundError
from triage.records.pseudonyms import Pseudonyms
from triage.records.store import Store
from triage.records.tables import PseudonymRow
from triage.scans.deidentify.pseudonym import SHIFTS, Identity

WANTED = [(Identity.PATIENT, "0815"), (Identity.UID, "1.2.3"), (Identity.ACCESSION, "0815"), (Identity.NAME, "doe.dcm")]


def test_a_pseudonym_is_drawn_once_and_kept(store: Store) -> None:
    first = Pseudonyms(store).replace(WANTED)
    again = Pseudonyms(store).replace(WANTED)
    assert first == again
    assert set(first) == set(WANTED)
    assert len({pseudonym.replacement for pseudonym in first.values()}) == len(WANTED)
    assert first[Identity.PATIENT, "0815"].shift in SHIFTS
    assert len(first[Identity.UID, "1.2.3"].replacement) <= 64
    assert len(first[Identity.ACCESSION, "0815"].replacement) <= 16


def test_the_way_back_is_audited(store: Store) -> None:
    map_ = Pseudonyms(store)
    (pseudonym,) = map_.replace(WANTED[:1]).values()
    assert map_.original(pseudonym.replacement, actor="Dr A") == "0815"
    with pytest.raises(NotFoundError):
        map_.original("NT-NOBODY", actor="Dr A")


def test_many_at_once_agree(store: Store) -> None:
    wanted = [(Identity.UID, f"1.2.{number}") for number in range(1200)]
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: Pseudonyms(store).replace(wanted), range(8)))
    assert all(answer == answers[0] for answer in answers)
    with store.read() as session:
        assert session.scalar(select(func.count()).select_from(PseudonymRow)) == len(wanted)
