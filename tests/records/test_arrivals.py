"""Received files become studies: once each, with their identity, and conflicts are reported."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import drawn_dicom
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
from triage.records.queue import Queue
from triage.records.search import Search, StudyQuery
from triage.records.store import Store
from triage.records.views import Arrival, SeriesFiles, WorklistFilter
from triage.scans.formats.inspect import inspect
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
