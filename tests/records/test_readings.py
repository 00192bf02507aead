"""Readings are signed once for each version and listed newest first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from record_samples import add, instance, reading, result

from triage.domain import Decision, Finding, ReadingState, Role, StudyHeader, StudyStatus
from triage.errors import ConflictError
from triage.records.store import Store
from triage.records.views import Arrival
from triage.ui.tables import readings


def test_the_second_signer_of_a_version_gets_an_error(store: Store) -> None:
    study_id = add(store, 1)
    store.results.file(study_id, result())
    store.readings.sign(study_id, reading(), seen=0)
    with pytest.raises(ConflictError, match="Somebody else signed"):
        store.readings.sign(study_id, reading(reader="Dr. B"), seen=0)
    store.readings.sign(study_id, reading(reader="Dr. B"), seen=1)
    assert [item.reader for item in store.study(study_id).readings] == ["Dr. A", "Dr. B"]


def test_of_many_signers_at_once_exactly_one_signs(store: Store) -> None:
    study_id = add(store, 1)

    def try_to_sign(number: int) -> bool:
        try:
            store.readings.sign(study_id, reading(reader=f"Dr. {number}"), seen=0)
        except ConflictError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_to_sign, range(16))) == 1
    assert len(store.study(study_id).readings) == 1


def test_signed_readings_come_newest_first_and_by_reader(store: Store) -> None:
    for number, reader in enumerate(["Dr. A", "Dr. B", "Dr. A"]):
        study_id = add(store, number, name=f"{number}.png")
        store.results.file(study_id, result(numbers=(number,)))
        store.readings.sign(study_id, reading(reader=reader), seen=0)
    assert [item.name for item in store.readings.signed()] == ["2.png", "1.png", "0.png"]
    mine = store.readings.signed("Dr. A")
    assert [item.name for item in mine] == ["2.png", "0.png"]
    assert mine[0].predicted is Finding.GLIOMA
    assert mine[0].instance == instance(2)


def test_a_reading_that_the_ai_contradicts_later_is_listed_as_preliminary_until_another_reader_signs(
    store: Store,
) -> None:
    study_id = add(store, 1)
    contents = store.study(study_id).contents
    unaided = replace(reading(Finding.NOTUMOR), decision=Decision.UNAIDED, model_sha256=None, contents=contents)
    store.readings.sign(study_id, unaided, seen=0)
    assert [str(cell) for cell in readings(store.readings.signed())["state"]] == ["final"]
    store.results.file(study_id, result())
    assert [str(cell) for cell in readings(store.readings.signed())["state"]] == ["preliminary"]
    store.readings.sign(study_id, replace(reading(reader="Dr. B"), contents=contents, role=Role.SECOND), seen=1)
    assert store.study(study_id).status is StudyStatus.READ
    assert [str(cell) for cell in readings(store.readings.signed("Dr. A"))["state"]] == ["final"]


def test_a_preliminary_reading_is_listed_as_settled_once_another_reader_has_signed(store: Store) -> None:
    study_id = add(store, 1)
    store.results.file(study_id, result())
    contents = store.study(study_id).contents
    first = replace(reading(), contents=contents, state=ReadingState.PRELIMINARY)
    store.readings.sign(study_id, first, seen=0)
    assert list(readings(store.readings.signed("Dr. A"))["state"]) == ["preliminary"]
    store.readings.sign(study_id, replace(reading(reader="Dr. B"), contents=contents, role=Role.SECOND), seen=1)
    assert list(readings(store.readings.signed("Dr. A"))["state"]) == ["settled"]
    assert list(readings(store.readings.signed("Dr. B"))["state"]) == ["final"]


def test_readings_of_nobody_who_had_signed_in_are_counted(store: Store) -> None:
    for number, account in enumerate((None, None, "a1")):
        store.readings.sign(add(store, number), replace(reading(), account=account), seen=0)
    assert [store.readings.without_account(name) for name in ("Dr. A", "Dr. B")] == [2, 0]


def test_signed_readings_are_found_by_the_words_of_their_study(store: Store) -> None:
    for number, name in enumerate(("Müller^José", "Roe^Richard")):
        header = StudyHeader(f"1.{number}", name, f"M{number}")
        study_id = store.arrivals.add("Head", [Arrival(instance(number), header)], actor="door").study_id
        store.readings.sign(study_id, reading(), seen=0)
    (found,) = store.readings.signed("Dr. A", "jose MULLER m0")
    assert (found.patient_name, found.mrn) == ("Müller^José", "M0")
    assert store.readings.signed("Dr. A", "jose roe") == []


def test_a_reading_is_shown_by_the_file_that_the_ai_showed(store: Store) -> None:
    study_id = add(store, 1, 2, uid="1.2")
    store.results.file(study_id, result(numbers=(1, 2)))
    store.readings.sign(study_id, replace(reading(), contents=store.study(study_id).contents), seen=0)
    assert [item.instance for item in store.readings.signed()] == [instance(2)]
    add(store, 3, uid="1.2")
    store.results.file(study_id, result(numbers=(1, 2, 3)))
    assert [(item.instance, item.predicted) for item in store.readings.signed()] == [(instance(1), Finding.GLIOMA)]
