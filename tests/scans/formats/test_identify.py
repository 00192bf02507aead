from __future__ import annotations

import gzip
from pathlib import Path

import nibabel
import numpy as np
import pytest

from triage.domain import Kind
from triage.errors import RefusedError
from triage.scans.formats.identify import identify

NIFTI = (348).to_bytes(4, "little") + bytes(340) + b"n+1\0"


@pytest.mark.parametrize(
    ("head", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n", Kind.PNG),
        (b"\xff\xd8\xff\xe0", Kind.JPEG),
        (b"PK\x03\x04", Kind.ZIP),
        (b"PK\x05\x06" + bytes(18), Kind.ZIP),
        (bytes(128) + b"DICM", Kind.DICOM),
        (b"II*\0" + bytes(124) + b"DICM", Kind.DICOM),
        (b"\x89PNG\r\n\x1a\n" + bytes(120) + b"DICM", Kind.DICOM),
        (b"\xff\xd8\xff\xe0" + bytes(124) + b"DICM", Kind.DICOM),
        (b"PK\x03\x04" + bytes(124) + b"DICM", Kind.DICOM),
        (b"\x08\0\x05\0CS", Kind.DICOM),
        (NIFTI, Kind.NIFTI),
        (gzip.compress(NIFTI), Kind.NIFTI),
        ((540).to_bytes(4, "little") + b"n+2\0" + bytes(532), Kind.NIFTI),
    ],
)
def test_content_says_what_a_file_is(head: bytes, kind: Kind) -> None:
    assert identify(head) is kind


@pytest.mark.parametrize(
    ("head", "message"),
    [
        (b"", "empty"),
        (b"MZ" + bytes(126) + b"DICM", "program"),
        (b"\x7fELF" + bytes(124) + b"DICM", "program"),
        (NIFTI[:344] + b"ni1\0", "without its image"),
        (gzip.compress(b"a text"), "Unpack it"),
        (b"\x1f\x8b damaged", "Unpack it"),
        (b"Rar!\x1a\x07", "Unpack it"),
        (b"7z\xbc\xaf\x27\x1c", "Unpack it"),
        (b"GIF89a", "none of DICOM"),
    ],
)
def test_everything_else_is_refused_with_the_remedy(head: bytes, message: str) -> None:
    with pytest.raises(RefusedError, match=message):
        identify(head)


def test_a_header_of_analyze_without_its_image_is_named(tmp_path: Path) -> None:
    nibabel.save(nibabel.AnalyzeImage(np.zeros((8, 8, 4), np.int16), np.eye(4)), tmp_path / "a.img")
    with pytest.raises(RefusedError, match="Analyze header without its image"):
        identify((tmp_path / "a.hdr").read_bytes())
