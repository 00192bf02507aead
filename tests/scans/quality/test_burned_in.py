from __future__ import annotations

import io

import pydicom
import pytest
from dicoms import file_of, head, mr
from pydicom.uid import SecondaryCaptureImageStorage

from triage.scans.quality.burned_in import is_suspect

pytestmark = pytest.mark.filterwarnings("ignore:The 'pydicom.pixel_data_handlers':DeprecationWarning")  # in deid


def _suspect(**elements: object) -> bool:
    return is_suspect(pydicom.dcmread(io.BytesIO(file_of(mr(head(), **elements)))))


def test_an_acquired_slice_is_not_suspect() -> None:
    assert not _suspect()


def test_a_marked_slice_is_suspect() -> None:
    assert _suspect(BurnedInAnnotation="YES")


def test_a_secondary_capture_is_suspect_unless_it_is_marked_as_clean() -> None:
    capture = {"SOPClassUID": SecondaryCaptureImageStorage, "ImageType": ["DERIVED", "SECONDARY"]}
    assert _suspect(**capture)
    assert not _suspect(**capture, BurnedInAnnotation="NO")
