"""Received files become studies: once each, with their identity, and conflicts are reported."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import drawn_dicom
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as some
from pydicom import DataElement
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_data_element
from pydicom.tag import Tag
from record_samples import add, instance

from triage.domain import (
    Outcome,
    Plane,
    SeriesHeader,
    StudyHeader,
)
from triage.errors import RefusedError
from triage.pipeline.admission import check_identifiers
from triage.records.arrivals import OTHER_PATIENT, SAME_UID
from triage.records.queue import Queue
from triage.records.search import Search, StudyQuery
from triage.records.store import Store
from triage.records.views import Arrival, KnownInstance, SeriesFiles
from triage.records.worklist_views import WorklistFilter
from triage.scans.formats.inspect import inspect
from triage.worklist import WaitLimits

LIMITS = WaitLimits(timedelta(hours=8), timedelta(hours=48))


def test_the_same_bytes_are_one_study(store: Store) -> None:
    study_id = add(store, 1)
    again = store.arrivals.add("copy.png", [Arrival(instance(1))], actor="door")
    assert (again.study_id, again.outcomes) == (study_id, (Outcome.ALREADY_HERE,))
    assert store.arrivals.studies_of([instance(number).sha256 for number in (1, 2)]) == {instance(1).sha256: study_id}
    assert store.results.pending() == [study_id]


def test_a_study_keeps_its_identity(store: Store) -> None:
    header = StudyHeader(
        "1.2", "DOE^JANE", "M1", "A1", "Head", date(2026, 1, 2), "F", "050Y", date(1976, 1, 1), "HOSPITAL"
    )
    scored = SeriesHeader("1.2.1", 2, "T1", "MR", "Acme One", Plane.AXIAL, (0.5, 0.5, 3.0))
    aside = SeriesHeader("1.2.2", 1, "loc", "MR", set_aside="Localiser")
    files = [replace(instance(number), sop_instance_uid=f"1.2.{number}", frames=number) for number in (3, 4)]
    taken = store.arrivals.add(
        "Head", [Arrival(files[0], header, scored), Arrival(files[1], header, aside)], actor="door"
    )
    study = store.study(str(taken.study_id))
    assert taken.changed == {study.study_id: study.contents}
    assert study.header == header
    assert [(series.header, series.instances) for series in study.series] == [
        (aside, (files[1],)),
        (scored, (files[0],)),
    ]
    known = KnownInstance(study.study_id, files[0].sha256, "", claimed=False)
    assert store.arrivals.known(["1.2.3", "", "1.2"]) == {"1.2.3": [known]}
    queue = Queue(store.read, LIMITS)
    row = queue.page(WorklistFilter(text="jane"), datetime.now(UTC)).rows[0]
    assert (row.patient_name, row.mrn, row.accession_number) == ("DOE^JANE", "M1", "A1")
    assert (row.modality, row.slices) == ("MR", 3)


@pytest.mark.parametrize("first", ["", "Localiser"])
def test_a_series_is_set_aside_only_if_all_its_files_are(store: Store, first: str) -> None:
    reasons = [first, "Localiser" if not first else "", "Localiser"]
    study = StudyHeader("1.2")
    arrivals = [
        Arrival(instance(number), study, SeriesHeader("1.2.1", set_aside=reason))
        for number, reason in enumerate(reasons)
    ]
    taken = store.arrivals.add("Head", arrivals, actor="door")
    (series,) = store.study(str(taken.study_id)).series
    assert series.header.set_aside == ""


def arrival(number: int, header: StudyHeader, uid: str, content: str = "") -> Arrival:
    return Arrival(replace(instance(number), sop_instance_uid=uid, content=content), header, SeriesHeader("1.2.0"))


def test_contradictions_are_stored_in_studies_of_their_own(store: Store) -> None:
    header, other = StudyHeader("1.2", mrn="M1"), StudyHeader("1.2", mrn="M2")
    first = arrival(1, header, "1.2.3")
    study_id = store.arrivals.add("Head", [first], actor="door").study_id
    files = [arrival(2, header, "1.2.3"), arrival(3, other, "1.2.4"), first, arrival(4, other, "1.2.5")]
    taken = store.arrivals.add("Head", files, actor="door")
    assert taken.outcomes == (Outcome.CONFLICT, Outcome.CONFLICT, Outcome.ALREADY_HERE, Outcome.CONFLICT)
    forged, stranger, same, again = taken.study_ids
    assert (same, again) == (study_id, stranger)
    assert len({study_id, forged, stranger}) == 3
    assert store.study(study_id).instances == (first.instance,)
    assert [store.study(one).header.mrn for one in (study_id, forged, stranger)] == ["M1", "M1", "M2"]
    assert set(store.results.pending()) == {study_id, forged, stranger}
    assert {(item.reason, item.uid, item.second.files) for item in store.conflicts.open()} == {
        (SAME_UID, "1.2", 1),
        (OTHER_PATIENT, "1.2", 2),
    }
    late = store.arrivals.add("Head", [arrival(5, header, "1.2.4"), arrival(6, other, "1.2.6")], actor="door")
    assert late.study_ids == (study_id, stranger)
    assert late.outcomes == (Outcome.ACCEPTED, Outcome.CONFLICT)


def test_one_data_set_in_two_files_is_one_instance(store: Store) -> None:
    header = StudyHeader("1.2", mrn="M1")
    study_id = store.arrivals.add("Head", [arrival(1, header, "1.2.3", "c" * 64)], actor="door").study_id
    taken = store.arrivals.add("Head", [arrival(2, header, "1.2.3", "c" * 64)], actor="door")
    assert (taken.outcomes, taken.study_ids, taken.changed) == ((Outcome.ALREADY_HERE,), (study_id,), {})


def test_two_patients_under_one_new_study_uid_are_two_studies(store: Store) -> None:
    files = [arrival(number, StudyHeader("1.2", mrn=f"M{number % 2}"), f"1.2.{number}") for number in range(4)]
    taken = store.arrivals.add("Head", files, actor="door")
    assert taken.study_ids[:2] == taken.study_ids[2:]
    assert len(set(taken.study_ids)) == 2
    doubts = {row.study_id: row.doubt for row in Queue(store.read, LIMITS).recent(5)}
    assert doubts == dict.fromkeys(taken.study_ids, OTHER_PATIENT)  # the first to arrive is not the truth


def test_a_uid_of_another_study_is_set_aside(store: Store) -> None:
    study_id = store.arrivals.add("Head", [arrival(1, StudyHeader("1.2"), "1.2.3")], actor="door").study_id
    taken = store.arrivals.add("Head", [arrival(2, StudyHeader("1.9"), "1.2.3")], actor="door")
    assert taken.outcomes == (Outcome.CONFLICT,)
    (conflict,) = store.conflicts.open()
    assert (conflict.first.study_id, conflict.uid) == (study_id, "1.9")


def test_files_of_one_study_added_at_the_same_moment_are_one_study(store: Store) -> None:
    with ThreadPoolExecutor(8) as pool:
        studies = list(pool.map(lambda number: add(store, number, uid="1.2"), range(16)))
    assert len(set(studies)) == 1
    assert len(store.study(studies[0]).instances) == 16


#: Elements that reach the record, as text that a file can hold in them.
HEADER = (
    *("PatientName", "PatientID", "AccessionNumber", "StudyDescription", "StudyDate", "PatientSex", "PatientAge"),
    *("SeriesNumber", "SeriesDescription", "Modality", "Manufacturer", "InstanceNumber", "NumberOfFrames"),
    *("Rows", "PixelSpacing", "SliceThickness", "ImagePositionPatient", "ImageOrientationPatient"),
    *("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID", "SOPClassUID", "TransferSyntaxUID"),
)
NUMBER = some.integers(-(10**25), 10**25).map(str) | some.sampled_from(["1e400", "-1e308", "nan", "inf", "0", "\\", ""])
VALUE = some.binary(max_size=80) | NUMBER.map(str.encode) | some.text(max_size=40).map(lambda text: text.encode())


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(some.dictionaries(some.sampled_from(HEADER), VALUE, min_size=1, max_size=5))
@example({"SeriesNumber": b"99999999999999999999"})
@example({"PatientName": "\ufdfa".encode() * 1000, "SpecificCharacterSet": b"ISO_IR 192"})
@example({"PatientName": bytes(random.Random(0).choices(range(0xA1, 0xF0), k=2000))})
@example({"NumberOfFrames": b"18446744073709551616"})
@example({"TransferSyntaxUID": b"1." * 40 + b"1"})
@example({"StudyDate": b"00010101", "PatientID": b"a\0b", "StudyDescription": b"\xed\xa0\x80"})
def test_the_record_takes_what_inspection_does_not_refuse(
    store: Store, tmp_path: Path, header: dict[str, bytes]
) -> None:
    path = tmp_path / "a"
    path.write_bytes(as_file(header))
    try:
        found = inspect(path)
        check_identifiers(found)
    except RefusedError:
        return
    uid = uuid4().hex
    item = replace(
        instance(0),
        sha256=uid,
        frames=found.frames,
        sop_instance_uid=found.sop_instance_uid and uid,
        sop_class_uid=found.sop_class_uid,
        transfer_syntax=found.transfer_syntax,
    )
    study = replace(found.study, uid=uid)
    taken = store.arrivals.add("Head", [Arrival(item, study, found.series)], actor="door")
    kept = store.study(str(taken.study_id))
    assert kept.header == study
    assert kept.series[0] == SeriesFiles(found.series, (item,))
    assert len(Search(store.read).studies(StudyQuery(uids=(uid,), patient_name="*"))) == 1


def as_file(header: dict[str, bytes]) -> bytes:
    """A slice with some elements replaced, in implicit little endian, which states no kinds and so takes any bytes."""
    made = drawn_dicom.instance(drawn_dicom.drawn(8, 8))
    syntax = header.get("TransferSyntaxUID", b"1.2.840.10008.1.2")
    elements = {element.tag: element for element in made}
    data = b""
    raw = {Tag(keyword): value for keyword, value in header.items() if keyword != "TransferSyntaxUID"}
    for tag in sorted({*elements, *raw}):
        one = DicomBytesIO()
        one.is_little_endian, one.is_implicit_VR = True, True
        if tag in raw:
            write_data_element(one, DataElement(tag, "OB", raw[tag] + b" " * (len(raw[tag]) % 2)))
        else:
            write_data_element(one, elements[tag])
        data += one.getvalue()
    meta = DicomBytesIO()
    meta.is_little_endian, meta.is_implicit_VR = True, False
    write_data_element(meta, DataElement(0x00020010, "OB", syntax + b"\0" * (len(syntax) % 2)))
    start = meta.getvalue()
    return bytes(128) + b"DICM" + b"\x02\0\x10\0UI" + (len(start) - 12).to_bytes(2, "little") + start[12:] + data
