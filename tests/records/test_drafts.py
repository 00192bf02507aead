"""Drafts and signatures that can be taken back, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pytest
from record_samples import NOW, add, reading, result

from triage.domain import Beyond, Confidence, Finding, ReadingState, ReasonCode, Role, StudyStatus
from triage.errors import ConflictError, NotFoundError
from triage.reading import Entries
from triage.records.store import Store

ENTERED = Entries(Beyond.OTHER_LESION, "cyst", Confidence.LOW, ReasonCode.ARTEFACT, "first line\nsecond")
DUE = NOW + timedelta(seconds=10)
SECOND = timedelta(seconds=1)


def save(store: Store, study_id: str, comment: str, base: int, reader: str = "Dr. A", seen: int = 0) -> int:
    entries = Entries(comment=comment)
    return store.drafts.save(study_id, reader, entries, base=base, seen=seen, now=NOW).version


def test_what_is_entered_is_there_again(store: Store) -> None:
    study_id = add(store, 1)
    assert store.drafts.get(study_id, "Dr. A") is None
    saved = store.drafts.save(study_id, "Dr. A", ENTERED, base=0, seen=0, now=NOW)
    assert saved == store.drafts.get(study_id, "Dr. A")
    assert (saved.entries, saved.version, saved.saved_at) == (ENTERED, 1, NOW)
    assert store.drafts.get(study_id, "Dr. B") is None


def test_another_window_never_overwrites(store: Store) -> None:
    study_id = add(store, 1)
    assert save(store, study_id, "one", 0) == 1
    assert save(store, study_id, "two", 1) == 2
    for stale in (0, 1, 3):
        with pytest.raises(ConflictError, match="another window"):
            save(store, study_id, "stale", stale)
    assert store.drafts.get(study_id, "Dr. A").entries.comment == "two"  # type: ignore[union-attr]
    with pytest.raises(NotFoundError):
        save(store, "nowhere", "x", 0)


def test_of_many_windows_at_once_one_saves(store: Store) -> None:
    study_id = add(store, 1)

    def attempt(number: int) -> bool:
        try:
            save(store, study_id, str(number), 0)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(attempt, range(16))) == 1


def test_a_blind_commitment_stays(store: Store) -> None:
    study_id = add(store, 1)
    drafts = store.drafts
    assert drafts.commit_blind(study_id, "Dr. A", Finding.NOTUMOR, seen=0, now=NOW) is Finding.NOTUMOR
    assert drafts.commit_blind(study_id, "Dr. A", Finding.GLIOMA, seen=0, now=NOW) is Finding.NOTUMOR
    saved = drafts.save(study_id, "Dr. A", ENTERED, base=0, seen=0, now=NOW)
    assert saved.entries == replace(ENTERED, blind=Finding.NOTUMOR)


def test_a_signature_is_stored_when_it_is_due_and_the_draft_is_gone(store: Store) -> None:
    study_id = add(store, 1)
    store.results.file(study_id, result())
    full = replace(
        reading(),
        finding=Beyond.OTHER_LESION,
        lesion="cyst",
        confidence=Confidence.HIGH,
        blind=Finding.GLIOMA,
        contents=store.study(study_id).contents,
    )
    save(store, study_id, "seen", 0)
    store.claims.take(study_id, "Dr. A", NOW)
    store.drafts.hold(study_id, full, seen=0, due=DUE)
    (held,) = store.drafts.held("Dr. A")
    assert (held.study_id, held.finding, held.due_at) == (study_id, Beyond.OTHER_LESION, DUE)
    assert store.drafts.held("Dr. B") == []
    assert store.drafts.next_due() == DUE
    with pytest.raises(ConflictError, match="Take the signature back"):
        save(store, study_id, "late", 1)
    with pytest.raises(ConflictError, match="Take the signature back"):
        store.drafts.hold(study_id, full, seen=0, due=DUE)
    assert store.drafts.settle(DUE - SECOND) == 0
    assert store.study(study_id).readings == ()
    assert store.drafts.settle(DUE) == 1
    study = store.study(study_id)
    assert (study.readings, study.status) == ((full,), StudyStatus.READ)
    assert store.drafts.get(study_id, "Dr. A") is None
    assert store.claims.holder(study_id, DUE) is None
    assert store.drafts.settle(DUE) == 0
    with pytest.raises(ConflictError, match="Amend it"):
        store.drafts.take_back(study_id, "Dr. A", DUE)


def test_a_signature_that_was_taken_back_is_a_draft_again(store: Store) -> None:
    study_id = add(store, 1)
    save(store, study_id, "seen", 0)
    store.drafts.hold(study_id, reading(), seen=0, due=DUE)
    store.drafts.take_back(study_id, "Dr. A", NOW)
    assert store.drafts.settle(DUE) == 0
    assert store.study(study_id).readings == ()
    assert store.drafts.get(study_id, "Dr. A").entries.comment == "seen"  # type: ignore[union-attr]
    assert save(store, study_id, "better", 1) == 2


def test_of_two_signatures_the_first_is_stored_and_the_second_stays_a_draft(store: Store) -> None:
    study_id = add(store, 1)
    for reader, due in (("Dr. A", DUE), ("Dr. B", DUE + SECOND)):
        save(store, study_id, reader, 0, reader)
        store.drafts.hold(study_id, reading(reader=reader), seen=0, due=due)
    assert store.drafts.settle(DUE + SECOND) == 1
    assert [item.reader for item in store.study(study_id).readings] == ["Dr. A"]
    draft = store.drafts.get(study_id, "Dr. B")
    assert draft is not None
    assert (draft.entries.comment, draft.seen, draft.due_at) == ("Dr. B", 0, None)
    assert "Somebody else signed" in draft.refusal
    store.drafts.catch_up(study_id, "Dr. B", 1)
    draft = store.drafts.get(study_id, "Dr. B")
    assert draft is not None
    assert (draft.seen, draft.refusal) == (1, "")


def test_a_stale_signature_is_refused_at_once(store: Store) -> None:
    study_id = add(store, 1)
    store.readings.sign(study_id, reading(), seen=0)
    with pytest.raises(ConflictError, match="Somebody else signed"):
        store.drafts.hold(study_id, reading(reader="Dr. B"), seen=0, due=DUE)


def test_of_many_processes_one_stores_a_signature(store: Store) -> None:
    study_id = add(store, 1)
    store.drafts.hold(study_id, reading(), seen=0, due=DUE)
    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(lambda _: store.drafts.settle(DUE), range(8))) == 1
    assert len(store.study(study_id).readings) == 1


def test_a_preliminary_reading_leaves_the_study_waiting(store: Store) -> None:
    study_id = add(store, 1)
    first = replace(reading(), state=ReadingState.PRELIMINARY)
    store.readings.sign(study_id, first, seen=0)
    assert store.study(study_id).status is StudyStatus.SECOND_READ
    other = replace(reading(Finding.NOTUMOR, "Dr. B"), state=ReadingState.PRELIMINARY, role=Role.SECOND)
    store.readings.sign(study_id, other, seen=1)
    assert store.study(study_id).status is StudyStatus.ARBITRATION
    store.results.file(study_id, result(model="b"))  # another model changes nothing about who has to read it
    assert store.study(study_id).status is StudyStatus.ARBITRATION
