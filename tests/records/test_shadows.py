"""A candidate in shadow sees studies that arrive; what it says is kept once, and never beside the AI results."""

from __future__ import annotations

from datetime import UTC, datetime

from record_samples import add, reading, result

from triage.domain import Band
from triage.records.acts import By, Model
from triage.records.queue import Queue
from triage.records.shadows import ShadowCounts
from triage.records.store import Store
from triage.records.verify import Verification
from triage.records.worklist_views import WorklistFilter
from triage.settings import Settings
from triage.worklist import WaitLimits

NEW = Model("new", "b" * 64, "new")


def test_only_studies_that_arrive_later_are_seen_and_once(store: Store) -> None:
    store.results.file(add(store, 1), result())
    shadow = store.registry.shadow(NEW, on=True, by=By("Dr. Ada"), against="a" * 64)
    assert store.shadows.next(shadow) is None
    waiting = add(store, 2)
    assert store.shadows.next(shadow) is None, "the model that serves comes first"
    store.results.file(waiting, result(numbers=(2,)))
    refused = add(store, 3)
    store.results.file_not_analysable(refused, "No brain MRI")
    assert store.shadows.next(shadow) == waiting
    said = result(0.01, "b", (2,))
    for _ in range(2):
        store.shadows.file(waiting, shadow, "b" * 64, said.contents, said)
    assert store.shadows.next(shadow) == refused
    store.shadows.file(refused, shadow, "b" * 64, "c" * 64, "No brain MRI")
    assert store.shadows.next(shadow) is None
    assert store.shadows.counts(shadow) == ShadowCounts(scored=1, refused=1, waiting=0, left=0)
    assert [one for step in Verification(store).steps() for one in step] == []


def test_nothing_of_a_shadow_reaches_a_study_its_rank_or_its_reading(store: Store) -> None:
    shadow = store.registry.shadow(NEW, on=True, by=By("Dr. Ada"), against="a" * 64)
    study_id = add(store, 1)
    store.results.file(study_id, result(0.7))
    before = store.study(study_id)
    store.shadows.file(study_id, shadow, "b" * 64, before.contents, result(0.01, "b"))
    assert store.study(study_id) == before
    limits = WaitLimits(Settings().urgent_wait, Settings().routine_wait)
    (row,) = Queue(store.read, limits).page(WorklistFilter(), datetime.now(UTC)).rows
    assert (row.band, row.malignancy) == (Band.STAT, 0.7)
    store.readings.sign(study_id, reading(), seen=0)
    assert [one.predicted for one in store.readings.signed()] == [before.result and before.result.predicted]
