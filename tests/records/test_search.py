"""Searches of DICOMweb peers on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from record_samples import add, instance

from triage.domain import SeriesHeader, StudyHeader
from triage.records.database import MAX_IN_VALUES
from triage.records.search import FoundInstance, Search, StudyQuery
from triage.records.store import Store
from triage.records.views import Arrival

FIRST = StudyHeader("1.1", "DOE^JANE^A", "M1", "A_1", "Schädel 100%", date(2026, 1, 1))
SECOND = StudyHeader("1.2", "ROE^JIM=ロウ^ジム", "M2", "AB1", "Head 1000", date(2026, 1, 2))


@pytest.fixture
def search(store: Store) -> Search:
    """Two studies with UIDs, of two and one files, and one without."""
    for header, modality, numbers in ((FIRST, "MR", (1, 2)), (SECOND, "CT", (3,))):
        series = SeriesHeader(f"{header.uid}.9", 1, modality=modality)
        files = [Arrival(replace(instance(n), sop_instance_uid=f"9.{n}"), header, series) for n in numbers]
        store.arrivals.add("Head", files, actor="door")
    add(store, 4)
    return Search(store.read)


def found(search: Search, **wanted: object) -> list[str]:
    return [study.header.uid for study in search.studies(StudyQuery(**wanted))]  # type: ignore[arg-type]


def test_studies_without_uids_are_not_found(search: Search) -> None:
    studies = search.studies(StudyQuery())
    assert [(one.header, one.modalities, one.series, one.instances) for one in studies] == [
        (SECOND, ("CT",), 1, 1),
        (FIRST, ("MR",), 1, 2),
    ]


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ({"uids": ("1.1", "7")}, ["1.1"]),
        ({"patient_name": "doe*"}, ["1.1"]),
        ({"patient_name": "?oe, j*"}, ["1.2", "1.1"]),
        ({"accession_number": "A_1"}, ["1.1"]),
        ({"patient_name": "doe^jane"}, ["1.1"]),
        ({"patient_name": "Döe, Jané"}, ["1.1"]),
        ({"patient_name": "doe"}, ["1.1"]),
        ({"patient_name": "do"}, []),
        ({"patient_name": "jane"}, []),
        ({"patient_name": "*jane*"}, ["1.1"]),
        ({"patient_name": "doe^*^a"}, ["1.1"]),
        ({"patient_name": "doe^*^b"}, []),
        ({"patient_name": "ﾛｳ^*"}, ["1.2"]),
        ({"patient_name": "roe=ロウ^?ム"}, ["1.2"]),
        ({"patient_name": "doe=ロウ"}, []),
        ({"patient_name": "d_e"}, []),
        ({"patient_name": "*"}, ["1.2", "1.1"]),
        ({"description": "SCHADEL 100%"}, ["1.1"]),
        ({"description": "* 100*"}, ["1.2", "1.1"]),
        ({"mrn": "M"}, []),
        ({"modalities": ("CT", "PT")}, ["1.2"]),
        ({"first": date(2026, 1, 2)}, ["1.2"]),
        ({"last": date(2026, 1, 1)}, ["1.1"]),
        ({"offset": 1}, ["1.1"]),
        ({"limit": 1}, ["1.2"]),
    ],
)
def test_criteria_narrow_the_search(search: Search, wanted: dict[str, object], expected: list[str]) -> None:
    assert found(search, **wanted) == expected


def test_series_and_instances_of_a_study(search: Search) -> None:
    (series,) = search.series("1.1")
    assert (series.header.uid, series.instances) == ("1.1.9", 2)
    assert search.series("1.1", modality="CT") == search.series("1.1", uid="7") == search.series("7") == []
    assert [one.instance.sop_instance_uid for one in search.instances("1.1", "1.1.9")] == ["9.1", "9.2"]
    assert [one.instance.sop_instance_uid for one in search.instances("1.1", uid="9.2")] == ["9.2"]
    assert search.instances("1.1", "1.2.9") == []


def test_places_of_more_files_than_fit_one_query(search: Search) -> None:
    asked = [f"8.{number}" for number in range(MAX_IN_VALUES)] + ["9.3"]
    expected = FoundInstance("1.2", "1.2.9", replace(instance(3), sop_instance_uid="9.3"))
    assert search.places(asked) == {"9.3": expected}
