"""Marks are a draft for each reader and study, and never change once they are signed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from marked_samples import length, marks, mask
from record_samples import NOW, add, instance, reading
from sqlalchemy import delete, update
from sqlalchemy.exc import DatabaseError

from triage.errors import NotFoundError, ReadingError
from triage.records.marks import latest
from triage.records.store import Store
from triage.records.tables import MarkRow

HERE = f"{1:064x}/0"
CONTENT = marks(length(HERE), masks={HERE: mask(np.eye(4, dtype=bool))}, keys=(HERE,))


def sign(store: Store, study_id: str, reader: str = "Dr. A", *, seen: int = 0) -> None:
    store.readings.sign(study_id, reading(reader=reader), seen=seen)


def test_each_reader_has_a_draft_of_each_study(store: Store) -> None:
    study_id = add(store, 1)
    assert store.marks.draft(study_id, "Dr. A").version == 0
    kept, draft = store.marks.save(study_id, "Dr. A", CONTENT, seen=0)
    assert (kept, draft.version) == (True, 1)
    again = store.marks.draft(study_id, "Dr. A")
    assert (again.marks.stored(), again.version, again.saved_at) == (CONTENT, 1, draft.saved_at)
    assert not store.marks.draft(study_id, "Dr. B").marks
    assert not store.marks.draft(add(store, 2), "Dr. A").marks


def test_of_two_windows_the_second_is_shown_what_the_first_kept(store: Store) -> None:
    study_id = add(store, 1)
    store.marks.save(study_id, "Dr. A", CONTENT, seen=0)
    kept, draft = store.marks.save(study_id, "Dr. A", marks(), seen=0)
    assert (kept, draft.version, draft.marks.stored()) == (False, 1, CONTENT)
    assert store.marks.save(study_id, "Dr. A", marks(), seen=1)[0]


def test_of_many_windows_at_once_one_is_kept(store: Store) -> None:
    study_id = add(store, 1)

    def save(number: int) -> bool:
        return store.marks.save(study_id, "Dr. A", marks(length(HERE, number + 1.0)), seen=0)[0]

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(save, range(16))) == 1
    assert store.marks.draft(study_id, "Dr. A").version == 1


def test_what_cannot_be_kept_is_refused(store: Store) -> None:
    study_id = add(store, 1)
    with pytest.raises(ReadingError, match="name"):
        store.marks.save(study_id, "", CONTENT, seen=0)
    with pytest.raises(ReadingError, match="does not have"):
        store.marks.save(study_id, "Dr. A", marks(length(f"{2:064x}/0")), seen=0)
    for use in (store.marks.draft, lambda *of: store.marks.save(*of, CONTENT, seen=0)):
        with pytest.raises(NotFoundError):
            use("nowhere", "Dr. A")
    assert store.marks.draft(study_id, "Dr. A").version == 0


def test_a_signature_freezes_the_marks_of_its_reader(store: Store) -> None:
    study_id = add(store, 1)
    store.marks.save(study_id, "Dr. A", CONTENT, seen=0)
    sign(store, study_id)
    store.marks.save(study_id, "Dr. A", marks(length(HERE, 99.0)), seen=1)
    sign(store, study_id, "Dr. B", seen=1)
    assert [(one.reader, one.version, one.marks.stored()) for one in store.marks.signed(study_id)] == [
        ("Dr. A", 1, CONTENT)
    ]
    sign(store, study_id, seen=2)
    assert [one.version for one in store.marks.signed(study_id)] == [1, 3]
    assert store.marks.signed(study_id)[1].marks.measurements[0].values == {"mm": 99.0}


def test_while_a_signature_waits_no_marks_come_below_it(store: Store) -> None:
    study_id = add(store, 1)
    store.marks.save(study_id, "Dr. A", CONTENT, seen=0)
    signed_at = datetime.now(UTC) - timedelta(seconds=1)  # saved between the signing and its arrival on the record
    store.drafts.hold(study_id, replace(reading(), signed_at=signed_at), seen=0, due=NOW)
    with pytest.raises(ReadingError, match="being signed"):
        store.marks.save(study_id, "Dr. A", marks(), seen=1)
    assert store.marks.save(study_id, "Dr. B", marks(), seen=0)[0]
    assert store.drafts.settle(NOW) == 1
    assert [one.marks.stored() for one in store.marks.signed(study_id)] == [CONTENT]
    saved_at = store.marks.draft(study_id, "Dr. A").saved_at
    assert saved_at is not None
    assert saved_at <= signed_at, "they are signed, and no draft any more"
    assert store.marks.save(study_id, "Dr. A", marks(), seen=1)[0]


@pytest.mark.parametrize("change", [update(MarkRow.__table__).values(content={}), delete(MarkRow.__table__)])
def test_signed_marks_never_change(store: Store, change: object) -> None:
    study_id = add(store, 1)
    store.marks.save(study_id, "Dr. A", CONTENT, seen=0)
    sign(store, study_id)
    with pytest.raises(DatabaseError, match="append-only"), store.write() as session:
        session.execute(change)  # type: ignore[call-overload]
    assert len(store.marks.signed(study_id)) == 1


def test_a_signature_that_comes_between_the_readings_and_their_marks_is_left_out(store: Store) -> None:
    study_id = add(store, 1)
    sign(store, study_id)
    _, before = store.readings.of(study_id)
    store.marks.save(study_id, "Dr. B", CONTENT, seen=0)
    sign(store, study_id, "Dr. B", seen=1)
    assert latest(store.marks.signed(study_id), before) == ()


def test_marks_on_a_file_that_is_received_again_in_other_bytes_stay_on_its_slices(store: Store) -> None:
    """What is drawn later could otherwise not be kept, and the study not be signed."""
    study_id, there = add(store, 1), f"{7:064x}/0"
    store.marks.save(study_id, "Dr. A", CONTENT, seen=0)
    store.arrivals.mend(f"{1:064x}", replace(instance(7), name="again.png"), actor="door")
    kept = store.marks.draft(study_id, "Dr. A")
    assert kept.marks.stored() == marks(length(there), masks={there: mask(np.eye(4, dtype=bool))}, keys=(there,))
    assert not store.marks.save(study_id, "Dr. A", marks(), seen=1)[0], "a window that has the old ones"
    more = marks(length(there), length(there, name="b2"), keys=(there,))
    assert store.marks.save(study_id, "Dr. A", more, seen=kept.version)[0]
