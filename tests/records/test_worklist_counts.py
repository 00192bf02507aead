"""What is counted adds up to what the lists show."""

from __future__ import annotations

from queue_samples import NOW, fill, waiting_of

from triage.domain import Band, StudyStatus
from triage.records.queue import Queue
from triage.records.store import Store
from triage.records.worklist_counts import BINS
from triage.records.worklist_views import WorklistFilter


def test_counts_and_histogram_add_up(store: Store, queue: Queue) -> None:
    waiting = [row for row in fill(store, 300) if row["waiting"]]
    bands = [study.band for study in waiting_of(waiting)]
    summary = queue.summary()
    assert summary.counts == {band: bands.count(band) for band in Band}
    assert summary.total == len(waiting)
    judged = [row["malignancy"] for row in waiting if row["malignancy"] is not None]
    totals = [sum(counts) for counts in zip(*summary.histogram.values(), strict=True)]
    assert len(totals) == BINS
    assert sum(totals) == len(judged)
    assert totals[-1] == judged.count(1.0)
    assert summary.not_analysable == sum(row["status"] is StudyStatus.NOT_ANALYSABLE for row in waiting)


def test_the_counts_of_all_lists_add_up(store: Store, queue: Queue) -> None:
    fill(store, 300)
    for text in ("", "acc0001"):
        counts = queue.counts(text)
        everything = queue.page(WorklistFilter(everything=True, text=text), NOW).total
        assert sum(one.count for one in counts) == everything
        for status in StudyStatus:
            total = queue.page(WorklistFilter(statuses=(status,), text=text), NOW).total
            shown = 0 if status is StudyStatus.MERGED else total
            assert sum(one.count for one in counts if one.status is status) == shown
        waiting = queue.page(WorklistFilter(bands=(Band.URGENT,), text=text), NOW).total
        assert sum(one.count for one in counts if one.waiting and one.band is Band.URGENT) == waiting
