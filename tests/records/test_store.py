"""Studies read whole, and the steps of a study from arrival to reading, on SQLite and PostgreSQL."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from record_samples import add, as_judged, instance, reading, result

from triage.domain import (
    Finding,
    StudyStatus,
)
from triage.errors import ConflictError, NotFoundError
from triage.records.store import Store


def test_a_study_comes_back_whole(store: Store) -> None:
    study_id = add(store, 1, 2)
    store.results.file(study_id, result(numbers=(1, 2)))
    store.readings.sign(study_id, reading(Finding.MENINGIOMA), seen=0)
    study = store.study(study_id)
    assert study.instances == (instance(1), instance(2))
    assert [as_judged(one) for one in study.results] == [result(numbers=(1, 2))]
    assert study.result == study.results[0]
    assert study.readings == (reading(Finding.MENINGIOMA),)
    assert study.status is StudyStatus.READ
    assert abs(study.arrived_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_missing_study_is_an_error_with_a_remedy(store: Store) -> None:
    with pytest.raises(NotFoundError, match="worklist"):
        store.study("nowhere")


def test_late_files_bring_a_study_back(store: Store) -> None:
    study_id = add(store, 1, uid="1.2")
    store.results.file(study_id, result(0.7))
    store.readings.sign(study_id, reading(), seen=0)
    seen = store.study(study_id)
    assert add(store, 2, uid="1.2") == study_id
    study = store.study(study_id)
    assert (study.status, study.result) == (StudyStatus.RECEIVED, None)
    assert store.results.pending() == [study_id]
    late = replace(reading(), contents=seen.contents)
    with pytest.raises(ConflictError, match="Slices arrived"):
        store.readings.sign(study_id, late, seen=1)
    store.results.file(study_id, result(0.2, model="b"))  # of the earlier contents: kept, but it ranks nothing
    store.results.file_not_analysable(study_id, "Blank", judged=seen.contents)
    assert store.results.pending() == [study_id]
    now = result(0.3, numbers=(1, 2))
    store.results.file(study_id, now)
    assert as_judged(store.study(study_id).result) == now
    assert store.study(study_id).status is StudyStatus.RANKED
    assert len(store.study(study_id).results) == 3
