from __future__ import annotations

from pathlib import Path

import pytest
from dicoms import file_of, head, mr
from helpers import encode
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage

from triage.errors import RefusedError
from triage.scans.formats.attributes import Identity, identity, metadata


def test_the_uids_of_a_file(tmp_path: Path) -> None:
    dataset = mr(head())
    path = tmp_path / "a"
    path.write_bytes(file_of(dataset))
    expected = (dataset.StudyInstanceUID, dataset.SeriesInstanceUID, MRImageStorage, dataset.SOPInstanceUID)
    assert identity(path) == Identity(*expected, ExplicitVRLittleEndian)


def test_only_dicom_has_uids(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_bytes(encode(head()))
    with pytest.raises(RefusedError, match="not DICOM"):
        identity(path)


def test_the_header_has_no_pixels_and_no_other_bulk_data(tmp_path: Path) -> None:
    dataset = mr(head(), StudyDescription="Head")
    dataset.add_new(0x00420011, "OB", bytes(4096))  # EncapsulatedDocument
    dataset.add_new(0x00189004, "CS", "RESEARCH")
    path = tmp_path / "a"
    path.write_bytes(file_of(dataset))
    header = metadata(path)
    assert header["00081030"]["Value"] == ["Head"]
    assert header["00189004"]["Value"] == ["RESEARCH"]
    assert not {"7FE00010", "00420011"} & set(header)
