from __future__ import annotations

from dataclasses import replace

from record_samples import NOW, add, reading, result

from triage.domain import Finding, StudyStatus
from triage.records.store import Store
from triage.records.tables import AIResultRow, StudyRow
from triage.records.unsettled import latest_said


def test_it_tells_what_readers_and_the_newest_result_said(store: Store) -> None:
    study_id = add(store, 1)
    store.results.file(study_id, result(0.7))
    store.results.file(study_id, replace(result(0.4, model="b"), prediction_set=(Finding.GLIOMA, Finding.NOTUMOR)))
    store.readings.sign(study_id, reading(Finding.MENINGIOMA), seen=0)
    (said,) = latest_said(store.read)
    assert (said.study_id, said.status) == (study_id, StudyStatus.READ)
    assert said.opinions == {"Dr. A": Finding.MENINGIOMA}
    assert said.probabilities[Finding.GLIOMA] == 0.4
    assert said.prediction_set == (Finding.GLIOMA, Finding.NOTUMOR)
    assert said.distance is None


def test_what_cannot_be_read_or_was_not_scored_is_left_out(store: Store) -> None:
    scored, off_the_list = (add(store, number) for number in (1, 2))
    add(store, 3)
    for number, study_id in ((1, scored), (2, off_the_list)):
        store.results.file(study_id, result(numbers=(number,)))
    with store.write() as session:
        session.get_one(StudyRow, off_the_list).status = StudyStatus.DISCARDED
    assert [said.study_id for said in latest_said(store.read)] == [scored]


def test_the_distance_is_that_of_the_newest_result(store: Store) -> None:
    study_id = add(store, 1)
    row = AIResultRow(
        study_id=study_id,
        model="net",
        model_sha256="a" * 64,
        probabilities=dict(zip(Finding, (0.7, 0.1, 0.1, 0.1), strict=True)),
        band=0,
        reason="because",
        filed_at=NOW,
        contents="c" * 64,
        slices={"inputs": {"distance": 1.75}},
    )
    with store.write() as session:
        session.add(row)
        session.get_one(StudyRow, study_id).status = StudyStatus.RANKED
    (said,) = latest_said(store.read)
    assert (said.distance, said.opinions, said.prediction_set) == (1.75, {}, ())
