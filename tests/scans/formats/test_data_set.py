"""One object in two files has one digest, two objects have two."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from drawn_dicom import drawn, instance, write
from pydicom import Dataset
from pydicom.uid import (
    UID,
    DeflatedExplicitVRLittleEndian,
    EncapsulatedPDFStorage,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGLSLossless,
    RLELossless,
)

from triage.errors import RefusedError
from triage.scans.formats.data_set import digest
from triage.scans.formats.inspect import inspect
from triage.scans.formats.parsing import read

GIVEN = {"SOPInstanceUID": "1.2.3", "PatientBirthDate": "19700101", "PatientSex": "F", "InstanceNumber": 1}


def content(folder: Path, made: Dataset) -> str:
    return inspect(write(folder / "one.dcm", made)).content


@pytest.mark.parametrize(
    "syntax",
    [ImplicitVRLittleEndian, DeflatedExplicitVRLittleEndian, JPEG2000Lossless, JPEGLSLossless, RLELossless],
    ids=lambda syntax: UID(syntax).keyword,
)
@pytest.mark.parametrize("signed", [False, True])
def test_a_lossless_transfer_syntax_changes_nothing(tmp_path: Path, syntax: UID, signed: bool) -> None:
    pixels = drawn().astype(np.int16) - 100 if signed else drawn()
    assert content(tmp_path, instance(pixels, syntax, **GIVEN)) == content(tmp_path, instance(pixels, **GIVEN))


def test_packing_changes_nothing(tmp_path: Path) -> None:
    plain, packed = (instance(**GIVEN | {"PatientName": name}) for name in ("Doe^Jane", "Doe^Jane^^ "))
    packed.file_meta.ImplementationVersionName, packed.file_meta.SourceApplicationEntityTitle = "OTHER", "DISC"
    packed.add_new(0x00080000, "UL", 512)
    packed.add_new(0x00291010, "LO", "private")
    packed.DataSetTrailingPadding = bytes(64)
    packed.PixelSpacing = ["0.50", "0.600"]
    packed.PixelData += bytes(2)
    assert content(tmp_path, packed) == content(tmp_path, plain)


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        ("PatientName", "Doe^John"),
        ("PatientID", "MRN2"),
        ("IssuerOfPatientID", "CLINIC"),
        ("PatientBirthDate", "19700102"),
        ("PatientSex", "M"),
        ("StudyInstanceUID", "1.2.4"),
        ("SeriesInstanceUID", "1.2.4"),
        ("SOPInstanceUID", "1.2.4"),
        ("SeriesDescription", "T2"),
        ("ImagePositionPatient", [0, 0, 5]),
        ("ImageOrientationPatient", [0, 1, 0, 0, 0, -1]),
        ("PixelSpacing", [1, 1]),
        ("RescaleSlope", 2),
        ("PhotometricInterpretation", "MONOCHROME1"),
    ],
)
def test_what_is_another_object(tmp_path: Path, keyword: str, value: Any) -> None:
    assert content(tmp_path, instance(**GIVEN | {keyword: value})) != content(tmp_path, instance(**GIVEN))


def test_one_gray_value_is_another_object(tmp_path: Path) -> None:
    pixels = drawn()
    pixels[40, 40] += 1
    assert content(tmp_path, instance(pixels, **GIVEN)) != content(tmp_path, instance(**GIVEN))


def test_objects_without_pixels_have_a_digest(tmp_path: Path) -> None:
    def document(title: str, syntax: UID = ImplicitVRLittleEndian) -> str:
        made = instance(syntax=syntax, **GIVEN, SOPClassUID=EncapsulatedPDFStorage, DocumentTitle=title)
        for keyword in ("PixelData", "Rows", "Columns"):
            delattr(made, keyword)
        return content(tmp_path, made)

    assert document("a") == document("a", DeflatedExplicitVRLittleEndian) != document("b")


def test_too_few_pixels_are_refused(tmp_path: Path) -> None:
    header = read(write(tmp_path / "one.dcm", instance(**GIVEN)))
    header.NumberOfFrames = 10**6
    with pytest.raises(RefusedError, match="more"):
        digest(header)
