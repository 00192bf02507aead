"""Drafts and signatures that can be taken back, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from record_samples import NOW, add, reading, result
from sqlalchemy import select, text
from sqlalchemy.exc import DataError

from triage.domain import Beyond, Confidence, Finding, ReadingState, ReasonCode, Role, StudyStatus
from triage.errors import ConflictError, NotFoundError
from triage.reading import Entries
from triage.records.audit import Event
from triage.records.store import Store
from triage.records.tables import DraftRow
from triage.records.trail import TrailFilter
from triage.records.verify import Verification

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
    assert (saved.entries, saved.version > 0, saved.saved_at) == (ENTERED, True, NOW)
    assert store.drafts.get(study_id, "Dr. B") is None


def test_another_window_never_overwrites(store: Store) -> None:
    study_id = add(store, 1)
    first = save(store, study_id, "one", 0)
    assert save(store, study_id, "two", first) == first + 1
    for stale in (0, first, first + 2):
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


def test_a_blind_commitment_counts_for_the_files_of_its_time(store: Store) -> None:
    study_id = add(store, 1, uid="1.2")
    store.drafts.commit_blind(study_id, "Dr. A", Finding.NOTUMOR, seen=0, now=NOW)
    save(store, study_id, "typed", 0)
    assert add(store, 1, uid="1.2") == study_id
    kept = store.drafts.get(study_id, "Dr. A")
    assert kept is not None
    assert kept.entries.blind is Finding.NOTUMOR, "nothing came"
    assert add(store, 2, uid="1.2") == study_id
    kept = store.drafts.get(study_id, "Dr. A")
    assert kept is not None
    assert kept.entries == Entries(comment="typed")
    assert store.drafts.commit_blind(study_id, "Dr. A", Finding.GLIOMA, seen=0, now=NOW) is Finding.GLIOMA


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
    version = save(store, study_id, "seen", 0)
    store.drafts.hold(study_id, reading(), seen=0, due=DUE)
    store.drafts.take_back(study_id, "Dr. A", NOW)
    assert store.drafts.settle(DUE) == 0
    assert store.study(study_id).readings == ()
    assert store.drafts.get(study_id, "Dr. A").entries.comment == "seen"  # type: ignore[union-attr]
    assert save(store, study_id, "better", version) == version + 1


def test_what_another_window_entered_is_not_passed_over_by_a_signature(store: Store) -> None:
    study_id = add(store, 1)
    first = save(store, study_id, "seen", 0)
    save(store, study_id, "seen; urgent: midline shift", first)
    with pytest.raises(ConflictError, match="Another window changed this draft"):
        store.drafts.hold(study_id, reading(), seen=0, due=DUE, version=first)
    store.drafts.hold(study_id, reading(), seen=0, due=DUE, version=first + 1)


def test_a_draft_after_a_signature_never_has_the_version_of_the_one_before(store: Store) -> None:
    study_id = add(store, 1)
    store.results.file(study_id, result())
    before = save(store, study_id, "seen", 0)
    store.drafts.hold(study_id, replace(reading(), contents=store.study(study_id).contents), seen=0, due=DUE)
    assert store.drafts.settle(DUE) == 1
    assert save(store, study_id, "amended", 0, seen=1) != before
    with pytest.raises(ConflictError, match="another window"):
        save(store, study_id, "old text of another browser", before, seen=1)


def test_a_signature_that_was_refused_is_told_until_it_is_seen(store: Store) -> None:
    study_id = add(store, 1)
    for reader in ("Dr. A", "Dr. B"):
        store.drafts.hold(study_id, reading(reader=reader), seen=0, due=DUE)
    assert store.drafts.settle(DUE) == 1
    (refused,) = store.drafts.refused("Dr. B")
    assert (refused.study_id, bool(refused.reason)) == (study_id, True)
    assert store.drafts.refused("Dr. A") == []
    store.drafts.catch_up(study_id, "Dr. B", 0)
    assert store.drafts.refused("Dr. B") == []


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
    for seen in (0, 9):  # an older look, and more than there are
        store.drafts.catch_up(study_id, "Dr. B", seen)
        assert store.drafts.get(study_id, "Dr. B").seen == 1  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "change",
    [
        {"signature": {"finding": "notumor"}},
        {"signature": {"code": "0" * 64}},
        {"signature": {"code": None}},
        {"due_at": DUE - SECOND},
        {"reader": "Dr. B"},
        {"study_id": 2},
    ],
)
def test_a_signature_that_was_not_made_here_is_not_stored(store: Store, change: dict[str, Any]) -> None:
    study_id, other = add(store, 1), add(store, 2)
    store.drafts.hold(study_id, reading(), seen=0, due=DUE)
    assert damage_of(store) == []
    with store.write() as session:
        row = session.scalars(select(DraftRow)).one()
        row.signature = row.signature | change.get("signature", {})  # type: ignore[operator]
        row.due_at = change.get("due_at", DUE)
        row.reader = change.get("reader", "Dr. A")
        row.study_id = other if "study_id" in change else study_id
        forged = row.study_id, row.reader
    assert damage_of(store) == ["draft 1: signature does not fit what was signed"]
    assert store.drafts.held(forged[1]) == []
    assert store.drafts.settle(DUE) == 0
    assert store.study(study_id).readings == store.study(other).readings == ()
    assert "Sign again" in store.drafts.get(*forged).refusal  # type: ignore[union-attr]
    assert store.trail.page(TrailFilter(), 1)[0].event is Event.DAMAGED
    assert damage_of(store) == []
    store.drafts.hold(forged[0], reading(reader=forged[1]), seen=0, due=DUE)
    assert store.drafts.settle(DUE) == 1


def test_one_that_cannot_be_read_keeps_no_other_from_being_stored(store: Store) -> None:
    broken, fine = add(store, 1), add(store, 2)
    for study_id in (broken, fine):
        store.drafts.hold(study_id, reading(), seen=0, due=DUE)
    with store.write() as session:
        spoil = text("UPDATE draft SET signature = '{' WHERE study_id = :id")
        if session.get_bind().dialect.name == "postgresql":  # which keeps no such text
            with pytest.raises(DataError):
                session.execute(spoil, {"id": broken})
            return
        session.execute(spoil, {"id": broken})
    assert store.drafts.settle(DUE) == 1
    assert len(store.study(fine).readings) == 1
    assert store.drafts.next_due() is None
    assert "Sign again" in store.drafts.get(broken, "Dr. A").refusal  # type: ignore[union-attr]


def test_a_signature_that_was_taken_back_is_not_put_there_again(store: Store) -> None:
    study_id = add(store, 1)
    store.drafts.hold(study_id, reading(), seen=0, due=DUE)
    with store.read() as session:
        kept = session.scalars(select(DraftRow.signature)).one()
    store.drafts.take_back(study_id, "Dr. A", NOW + SECOND)
    with store.write() as session:
        row = session.scalars(select(DraftRow)).one()
        row.signature, row.due_at = kept, DUE
    assert store.drafts.settle(DUE) == 0
    assert store.study(study_id).readings == ()


def damage_of(store: Store) -> list[str]:
    """Return what a verification says of drafts."""
    found = [str(one) for step in Verification(store).steps() for one in step]
    return [one for one in found if one.startswith("draft")]


def test_a_stale_signature_is_refused_at_once(store: Store) -> None:
    study_id = add(store, 1)
    store.readings.sign(study_id, reading(), seen=0)
    with pytest.raises(ConflictError, match="Somebody else signed"):
        store.drafts.hold(study_id, reading(reader="Dr. B"), seen=0, due=DUE)


def test_a_signature_is_not_stored_if_the_ai_answered_while_it_waited(store: Store) -> None:
    study_id = add(store, 1)
    unaided = replace(reading(Finding.NOTUMOR), model_sha256=None, contents=store.study(study_id).contents)
    save(store, study_id, "seen", 0)
    store.drafts.hold(study_id, unaided, seen=0, due=DUE)
    store.results.file(study_id, result())
    assert store.drafts.settle(DUE) == 0
    draft = store.drafts.get(study_id, "Dr. A")
    assert draft is not None
    assert "AI result of this study changed" in draft.refusal
    assert (store.study(study_id).status, store.study(study_id).readings) == (StudyStatus.RANKED, ())
    store.drafts.hold(study_id, replace(unaided, model_sha256="a" * 64), seen=0, due=DUE)
    assert store.drafts.settle(DUE) == 1


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
