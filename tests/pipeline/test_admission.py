"""What may be stored, and under which name, with and without de-identification."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from dicoms import file_of, head, mr

from triage.domain import Kind, Outcome, SeriesHeader, StudyHeader
from triage.errors import StorageError
from triage.pipeline.admission import MAX_UID_LENGTH, UNNAMED, Admission
from triage.pipeline.spool import digest
from triage.pipeline.upload import Upload
from triage.records.pseudonyms import Pseudonyms
from triage.records.store import Store
from triage.scans.deidentify.pseudonym import Key, Pseudonym
from triage.scans.formats.inspect import Inspected, inspect


@pytest.fixture
def pseudonyms(tmp_path: Path) -> Iterator[Pseudonyms]:
    store = Store(f"sqlite:///{tmp_path / 'triage.db'}")
    yield Pseudonyms(store)
    store.engine.dispose()


class Failing:
    """A map of pseudonyms on a full disk."""

    def replace(self, wanted: Collection[Key]) -> dict[Key, Pseudonym]:
        raise StorageError("Not stored: full.")


def spooled(folder: Path) -> Upload:
    path = folder / "0"
    path.write_bytes(file_of(mr(head(), PatientID="0815")))
    return Upload("doe.dcm", path, digest(path), inspect(path))


def test_names_lose_their_folders_only(tmp_path: Path) -> None:
    admission = Admission(None)
    assert admission.names(["../etc/a.dcm", "b.dcm"]) == ["a.dcm", "b.dcm"]
    admission.open(tmp_path)
    upload = spooled(tmp_path)
    before = replace(upload)
    admission.check(upload)
    assert upload == before


def test_a_deidentified_file_takes_the_place_of_the_original(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    admission, upload = Admission(pseudonyms), spooled(tmp_path)
    admission.open(tmp_path)
    (upload.name,) = admission.names(["doe.dcm"])
    original = replace(upload)
    admission.check(upload)
    assert not original.path.exists()
    assert upload.path.exists()
    assert upload.sha256 == digest(upload.path) != original.sha256
    assert upload.inspection is not None
    assert upload.inspection.study.mrn not in ("", "0815")
    assert b"0815" not in upload.path.read_bytes()
    assert "doe" not in upload.name


def test_without_pseudonyms_files_have_no_name(tmp_path: Path, pseudonyms: Pseudonyms) -> None:
    assert Admission(pseudonyms).names(["doe.dcm"]) == [UNNAMED]  # there was no folder to open
    admission = Admission(Failing())
    admission.open(tmp_path)
    assert admission.names(["doe.dcm", "roe.dcm"]) == [UNNAMED, UNNAMED]
    upload = spooled(tmp_path)
    admission.check(upload)
    assert (upload.outcome, upload.retry, upload.inspection) == (Outcome.REFUSED, True, None)


@pytest.mark.parametrize("field", ["study", "series", "sop_instance_uid", "sop_class_uid"])
def test_overlong_uids_are_refused(tmp_path: Path, field: str) -> None:
    for length, outcome in ((MAX_UID_LENGTH, None), (MAX_UID_LENGTH + 1, Outcome.REFUSED)):
        uid = "1" * length
        headers = {"study": StudyHeader(uid), "series": SeriesHeader(uid)}
        found = replace(Inspected(Kind.DICOM, StudyHeader(), SeriesHeader()), **{field: headers.get(field, uid)})
        upload = Upload("a", tmp_path / "0", inspection=found)
        Admission(None).check(upload)
        assert upload.outcome is outcome
