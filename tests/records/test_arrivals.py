"""Received files become studies: once each, with their identity, and conflicts are reported."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

from record_samples import add, instance

from triage.domain import (
    Outcome,
    Plane,
    SeriesHeader,
    StudyHeader,
)
from triage.records.queue import Queue
from triage.records.store import Store
from triage.records.views import Arrival, WorklistFilter
from triage.worklist import WaitLimits


def test_the_same_bytes_are_one_study(store: Store) -> None:
    study_id = add(store, 1)
    again = store.arrivals.add("copy.png", [Arrival(instance(1))], actor="door")
    assert (again.study_id, again.outcomes) == (study_id, (Outcome.ALREADY_HERE,))
    assert store.arrivals.studies_of([instance(number).sha256 for number in (1, 2)]) == {instance(1).sha256: study_id}
    assert store.results.pending() == [study_id]


def test_a_study_keeps_its_identity(store: Store) -> None:
    header = StudyHeader("1.2", "DOE^JANE", "M1", "A1", "Head", date(2026, 1, 2), "F", "050Y")
    scored = SeriesHeader("1.2.1", 2, "T1", "MR", "Acme One", Plane.AXIAL, (0.5, 0.5, 3.0))
    aside = SeriesHeader("1.2.2", 1, "loc", "MR", set_aside="Localiser")
    files = [replace(instance(number), sop_instance_uid=f"1.2.{number}", frames=number) for number in (3, 4)]
    taken = store.arrivals.add(
        "Head", [Arrival(files[0], header, scored), Arrival(files[1], header, aside)], actor="door"
    )
    study = store.study(str(taken.study_id))
    assert taken.contents == study.contents
    assert study.header == header
    assert [(series.header, series.instances) for series in study.series] == [
        (aside, (files[1],)),
        (scored, (files[0],)),
    ]
    assert store.arrivals.digests_of(["1.2.3", "", "1.2"]) == {"1.2.3": files[0].sha256}
    queue = Queue(store.read, WaitLimits(timedelta(hours=8), timedelta(hours=48)))
    row = queue.page(WorklistFilter(text="jane"), datetime.now(UTC)).rows[0]
    assert (row.patient_name, row.mrn, row.accession_number) == ("DOE^JANE", "M1", "A1")
    assert (row.modality, row.slices) == ("MR", 3)


def test_contradictions_are_conflicts(store: Store) -> None:
    header = StudyHeader("1.2", mrn="M1")
    first = replace(instance(1), sop_instance_uid="1.2.3")
    study_id = store.arrivals.add("Head", [Arrival(first, header)], actor="door").study_id
    forged = Arrival(replace(instance(2), sop_instance_uid="1.2.3"), header)
    stranger = Arrival(replace(instance(3), sop_instance_uid="1.2.4"), StudyHeader("1.2", mrn="M2"))
    taken = store.arrivals.add("Head", [forged, stranger, Arrival(first, header)], actor="door")
    assert taken.outcomes == (Outcome.CONFLICT, Outcome.CONFLICT, Outcome.ALREADY_HERE)
    assert taken.study_id == study_id
    assert store.study(str(study_id)).instances == (first,)


def test_files_of_one_study_added_at_the_same_moment_are_one_study(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        studies = list(pool.map(lambda number: add(store, number, uid="1.2"), range(16)))
    assert len(set(studies)) == 1
    assert len(store.study(studies[0]).instances) == 16
