"""Claims: one reader has a study open at a time, on both databases."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from marked_samples import length, marks
from record_samples import NOW, add, reading

from triage.domain import Finding
from triage.reading import Entries
from triage.records.claims import IDLE
from triage.records.queue import Queue
from triage.records.store import Store
from triage.records.worklist_views import WorklistFilter
from triage.worklist import WaitLimits

LATER = NOW + IDLE + timedelta(seconds=1)


def test_a_claim_holds_while_its_reader_looks(store: Store) -> None:
    study_id = add(store, 1)
    assert store.claims.holder(study_id, NOW) is None
    assert store.claims.take(study_id, "Dr. A", NOW).reader == "Dr. A"
    assert store.claims.take(study_id, "Dr. B", NOW).reader == "Dr. A"
    halfway = NOW + IDLE / 2
    renewed = store.claims.take(study_id, "Dr. A", halfway)
    assert (renewed.since, renewed.until) == (NOW, halfway + IDLE)
    assert store.claims.take(study_id, "Dr. B", LATER).reader == "Dr. A"
    after = LATER + IDLE
    assert store.claims.holder(study_id, after) is None
    taken = store.claims.take(study_id, "Dr. B", after)
    assert (taken.reader, taken.since) == ("Dr. B", after)


def test_a_claim_is_taken_over_with_a_note(store: Store) -> None:
    study_id = add(store, 1)
    store.claims.take(study_id, "Dr. A", NOW)
    store.claims.take_over(study_id, "Dr. B", "A went home", NOW)
    holder = store.claims.take(study_id, "Dr. A", NOW)
    assert (holder.reader, holder.note) == ("Dr. B", "A went home")
    with store.read() as session:
        said = session.connection().exec_driver_sql("SELECT actor, event, detail FROM audit ORDER BY id").all()
    assert [tuple(row) for row in said][-2:] == [
        ("Dr. A", "claimed", ""),
        ("Dr. B", "taken over", "from Dr. A: A went home"),
    ]


def test_only_the_reader_who_has_it_leaves_it(store: Store) -> None:
    study_id = add(store, 1)
    store.claims.take(study_id, "Dr. A", NOW)
    store.claims.release(study_id, "Dr. B", NOW)
    assert store.claims.holder(study_id, NOW) is not None
    store.claims.release(study_id, "Dr. A", NOW)
    assert store.claims.holder(study_id, NOW) is None


def test_a_claim_passes_to_the_name_that_its_reader_goes_by(store: Store) -> None:
    mine, drafted, others = (add(store, number, name=f"{number}.png") for number in range(3))
    for study_id in (mine, drafted):
        store.claims.take(study_id, "Dr. A", NOW)
    store.claims.take(others, "Dr. C", NOW)
    store.drafts.save(drafted, "Dr. A", Entries(comment="a ring"), base=0, seen=0, now=NOW)
    for study_id in (mine, drafted, others):
        store.claims.rename(study_id, "Dr. A", "Dr. B", NOW)
    holders = [store.claims.holder(study_id, NOW) for study_id in (mine, drafted, others)]
    assert [holder.reader for holder in holders if holder] == ["Dr. B", "Dr. A", "Dr. C"], "the draft is of Dr. A"
    assert store.claims.take(mine, "Dr. A", NOW).reader == "Dr. B", "another tab with the old name is told so"
    assert ended(store) == [("Dr. A", "claim released", f"{NOW:%Y-%m-%d %H:%M:%S}")]
    store.claims.rename(mine, "Dr. B", "", NOW)
    assert store.claims.holder(mine, NOW) is None


def test_two_readers_can_take_over_at_once_what_nobody_has_claimed(store: Store) -> None:
    for number in range(20):
        study_id = add(store, number, name=f"{number}.png")
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda name, one=study_id: store.claims.take_over(one, name, "", NOW), ("Dr. A", "Dr. B")))
        assert store.claims.holder(study_id, NOW) is not None


def test_what_is_begun_and_not_signed_keeps_the_claim_of_who_leaves(store: Store, queue: Queue) -> None:
    typed, committed, marked, empty, signing = (add(store, number) for number in range(1, 6))
    for study_id in (typed, committed, marked, empty, signing):
        store.claims.take(study_id, "Dr. A", NOW)
    entries = Entries(comment="a ring")
    store.drafts.save(typed, "Dr. A", entries, base=0, seen=0, now=NOW)
    store.drafts.commit_blind(committed, "Dr. A", Finding.GLIOMA, seen=0, now=NOW)
    store.marks.save(marked, "Dr. A", marks(length(f"{3:064x}/0")), seen=0)
    begun = store.drafts.save(empty, "Dr. A", entries, base=0, seen=0, now=NOW)
    store.drafts.save(empty, "Dr. A", Entries(), base=begun.version, seen=0, now=NOW)
    store.drafts.hold(signing, reading(), seen=0, due=NOW + timedelta(seconds=10))
    for study_id in (typed, committed, marked, empty, signing):
        store.claims.release(study_id, "Dr. A", NOW)
    held = [one for one in (typed, committed, marked, empty, signing) if store.claims.holder(one, NOW)]
    assert held == [typed, committed, marked, signing]
    assert store.claims.holder(typed, LATER) is None, "by itself, later"
    listed = queue.page(WorklistFilter(), NOW).rows
    drafts = {row.study_id: (row.drafts, row.committed) for row in listed}
    assert drafts[typed] == (("Dr. A",), frozenset())
    assert drafts[committed] == (("Dr. A",), {"Dr. A"})
    assert drafts[marked] == (("Dr. A",), frozenset())
    assert drafts[empty] == drafts[signing] == ((), frozenset())
    store.readings.sign(marked, replace(reading(), signed_at=datetime.now(UTC)), seen=0)
    listed = queue.page(WorklistFilter(everything=True), NOW).rows
    assert {row.drafts for row in listed if row.study_id == marked} == {()}, "signed with the reading"


def ended(store: Store) -> list[tuple[str, str, str]]:
    """Reader, event and time of the claims that ended."""
    with store.read() as session:
        query = "SELECT actor, event, at FROM audit WHERE event IN ('claim released', 'claim expired') ORDER BY id"
        return [(actor, event, str(at)[:19]) for actor, event, at in session.connection().exec_driver_sql(query)]


def test_a_claim_that_ends_is_audited_once(store: Store) -> None:
    left, forgotten, next_one = (add(store, number, name=f"{number}.png") for number in range(3))
    expiry = f"{NOW + IDLE:%Y-%m-%d %H:%M:%S}"
    for study_id in (left, forgotten, next_one):
        store.claims.take(study_id, "Dr. A", NOW)
    store.claims.release(left, "Dr. B", NOW)
    assert ended(store) == []
    store.claims.release(left, "Dr. A", NOW)
    store.claims.release(left, "Dr. A", NOW)
    assert ended(store) == [("Dr. A", "claim released", f"{NOW:%Y-%m-%d %H:%M:%S}")]
    store.claims.note_expired(NOW + IDLE / 2)
    store.claims.take(next_one, "Dr. B", LATER)
    assert ended(store)[1:] == [("Dr. A", "claim expired", expiry)]
    for _ in range(2):
        store.claims.note_expired(LATER)
    assert ended(store)[1:] == [("Dr. A", "claim expired", expiry)] * 2
    holder = store.claims.holder(next_one, LATER)
    assert holder is not None
    assert (holder.reader, holder.since) == ("Dr. B", LATER)


def test_of_many_readers_at_once_each_gets_a_study_of_their_own(store: Store) -> None:
    studies = [add(store, number, name=f"{number}.png") for number in range(12)]
    queue = Queue(store.read, WaitLimits(timedelta(hours=8), timedelta(hours=48)))

    def read_next(number: int) -> str | None:
        reader = f"Dr. {number}"
        return store.claims.take_first(queue.free(reader, NOW), reader, NOW)

    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(read_next, range(12)))
    assert sorted(map(str, got)) == sorted(studies)
    assert read_next(12) is None
    shown = queue.page(WorklistFilter(), NOW).rows
    assert sorted(row.claimed_by for row in shown) == sorted(f"Dr. {number}" for number in range(12))
    assert {row.claimed_by for row in queue.page(WorklistFilter(), LATER).rows} == {""}


def test_of_many_readers_one_claims_a_study(store: Store) -> None:
    study_id = add(store, 1)
    with ThreadPoolExecutor(8) as pool:
        holders = set(pool.map(lambda number: store.claims.take(study_id, f"Dr. {number}", NOW).reader, range(16)))
    assert len(holders) == 1
