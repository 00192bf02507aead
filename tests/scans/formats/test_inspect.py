from __future__ import annotations

from pathlib import Path

import pytest
from dicoms import file_of, head, mr
from helpers import encode, nifti_phantom, zipped

from triage.domain import Finding, Kind, Plane
from triage.errors import RefusedError
from triage.scans.formats.inspect import inspect, kind_of


def _write(folder: Path, data: bytes) -> Path:
    path = folder / "file.txt"  # the name must not matter
    path.write_bytes(data)
    return path


def test_a_dicom_file_has_its_identity(tmp_path: Path) -> None:
    dataset = mr(head(), PatientName="Doe^Jane", SeriesDescription="T1")
    found = inspect(_write(tmp_path, file_of(dataset)))
    assert (found.kind, found.study.patient_name, found.series.description) == (Kind.DICOM, "Doe^Jane", "T1")
    assert (found.sop_instance_uid, found.frames) == (dataset.SOPInstanceUID, 1)


def test_a_volume_counts_its_slices_and_has_no_identity(tmp_path: Path) -> None:
    found = inspect(_write(tmp_path, nifti_phantom(Finding.GLIOMA, 12)))
    assert (found.kind, found.frames, found.series.plane, found.study.uid) == (Kind.NIFTI, 12, Plane.AXIAL, "")


def test_a_picture_is_decoded_whole(tmp_path: Path) -> None:
    picture = encode(head())
    assert inspect(_write(tmp_path, picture)).kind is Kind.PNG
    with pytest.raises(RefusedError, match="cut short"):
        inspect(_write(tmp_path, picture[: len(picture) // 2]))


def test_an_archive_has_to_be_unpacked_first(tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="Unpack it"):
        kind_of(_write(tmp_path, zipped({"a.png": encode(head())})))
