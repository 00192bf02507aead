"""A study with images that came under another patient says so; the emptied one and all others do not."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from record_samples import instance

from triage.domain import Resolution, StudyHeader
from triage.records.queue import Queue
from triage.records.store import Store
from triage.records.views import Arrival
from triage.worklist import WaitLimits


def merge(store: Store, one: StudyHeader, other: StudyHeader, resolution: Resolution) -> str:
    """Merge two studies that claim one UID, and return the one that stays."""
    arrivals = [Arrival(instance(number), header) for number, header in enumerate((one, other), 1)]
    first, second = store.arrivals.add("Head", arrivals, actor="door").study_ids
    assert not store.study(first).merged
    store.conflicts.resolve(second, resolution, by="Dr. A", reason="compared at the source")
    assert not store.study(second).merged
    return first


def said(store: Store, study_id: str) -> tuple[str, ...]:
    now = datetime.now(UTC)
    row = Queue(store.read, WaitLimits(timedelta(hours=8), timedelta(hours=48))).standing([study_id], now)[study_id].row
    assert row.merged == store.study(study_id).merged
    return row.merged


@pytest.mark.parametrize(("resolution", "earlier"), [(Resolution.MERGE, "M2"), (Resolution.MERGE_AS_SECOND, "M1")])
def test_the_mrn_that_does_not_count_any_more_is_told(store: Store, resolution: Resolution, earlier: str) -> None:
    study_id = merge(store, StudyHeader("1.2", mrn="M1"), StudyHeader("1.2", mrn="M2"), resolution)
    assert said(store, study_id) == (f"Merged with images that came under MRN {earlier}",)


def test_without_another_mrn_the_name_is_told(store: Store) -> None:
    one, other = StudyHeader("1.2", "ROE^ANN", mrn="M1"), StudyHeader("1.2", "DOE^\u202eJANE", mrn="")
    study_id = merge(store, one, other, Resolution.MERGE)
    assert said(store, study_id) == ("Merged with images that came under the name DOE, JANE",)


def test_an_mrn_of_control_characters_is_told_as_text(store: Store) -> None:
    study_id = merge(store, StudyHeader("1.2", mrn="M1"), StudyHeader("1.2", mrn="M\u202e2\n3"), Resolution.MERGE)
    assert said(store, study_id) == ("Merged with images that came under MRN M2 3",)


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (StudyHeader("1.2", "ROE^ANN", mrn="M1", sex="M"), "with another issuer, birth date or sex"),
        (
            StudyHeader("1.2", "ROE^ANN", mrn="M1", birth_date=date(1970, 1, 2)),
            "with another issuer, birth date or sex",
        ),
        (StudyHeader("1.2", "ROE^ANN", mrn="M1", issuer="EAST"), "with another issuer, birth date or sex"),
        (StudyHeader("1.2"), "without a patient"),
    ],
)
def test_what_else_spoke_against_one_patient_is_told(store: Store, other: StudyHeader, told: str) -> None:
    one = StudyHeader("1.2", "ROE^ANN", mrn="M1", sex="F", birth_date=date(1970, 1, 1), issuer="WEST")
    assert said(store, merge(store, one, other, Resolution.MERGE)) == (f"Merged with images that came {told}",)


def test_a_study_that_was_merged_before_tells_of_the_third_patient_too(store: Store) -> None:
    first, second, third = (
        store.arrivals.add(
            "Head",
            [Arrival(replace(instance(at), sop_instance_uid=sop, content=f"c{at}"), StudyHeader(uid, mrn=f"M{at}"))],
            actor="door",
        ).study_ids[0]
        for at, (uid, sop) in enumerate((("1.1", "9.1"), ("1.2", "9.1"), ("1.2", "9.3")), 1)
    )
    for emptied in (third, second):
        store.conflicts.resolve(emptied, Resolution.MERGE, by="Dr. A", reason="compared at the source")
    assert len(store.study(first).instances) == 3
    told = ("Merged with images that came under MRN M2", "Merged with images that came under MRN M3")
    assert said(store, first) == told


def test_kept_apart_nothing_is_told(store: Store) -> None:
    study_id = merge(store, StudyHeader("1.2", mrn="M1"), StudyHeader("1.2", mrn="M2"), Resolution.KEEP_APART)
    assert said(store, study_id) == ()
