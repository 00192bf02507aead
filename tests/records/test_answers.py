"""What models said is counted once a study is settled, with the shadow beside the model that served."""

from __future__ import annotations

from dataclasses import replace

from record_samples import add, reading, result

from triage.domain import Finding, ReadingState
from triage.records.acts import By, Model
from triage.records.answers import answers
from triage.records.store import Store

NEW = Model("new", "b" * 64, "new")


def test_only_settled_studies_count_and_each_model_once(store: Store) -> None:
    shadow = store.registry.shadow(NEW, on=True, by=By("Dr. Ada"), against="a" * 64)
    settled, waiting, preliminary = (add(store, number) for number in (1, 2, 3))
    for number, study_id in enumerate((settled, waiting, preliminary), 1):
        store.results.file(study_id, replace(result(numbers=(number,)), card="d" * 64))
    said = result(0.01, "b")
    store.shadows.file(settled, shadow, "b" * 64, said.contents, said)
    store.shadows.file(waiting, shadow, "b" * 64, said.contents, "No brain MRI")
    store.readings.sign(settled, reading(Finding.MENINGIOMA), seen=0)
    store.readings.sign(preliminary, replace(reading(), state=ReadingState.PRELIMINARY), seen=0)
    found = answers(store.read)
    assert [(one.study_id, one.card, one.called) for one in found] == [
        (settled, "d" * 64, Finding.MENINGIOMA),
        (settled, NEW.card, Finding.MENINGIOMA),
    ]
    assert [one.is_right for one in found] == [False, True]


def test_results_without_a_card_are_told_by_their_network(store: Store) -> None:
    study_id = add(store, 1)
    store.results.file(study_id, result())
    store.readings.sign(study_id, reading(), seen=0)
    (one,) = answers(store.read)
    assert (one.card, one.patient) == ("a" * 64, study_id)
