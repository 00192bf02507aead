from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_dicom import drawn, encapsulated, instance, packed, write
from pydicom import dcmread
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    JPEGLSNearLossless,
    RLELossless,
)

from triage.scans.formats.inspect import inspect
from triage.scans.formats.parsing import read
from triage.scans.formats.pixels import stored_frames


def stating(path: Path, stated: UID) -> Path:
    """Change what the file says of its transfer syntax, and nothing else."""
    data = path.read_bytes()
    at = data.index(b"\x02\0\x10\0UI") + 6
    end = at + 2 + int.from_bytes(data[at : at + 2], "little")
    value = stated.encode() + b"\0" * (len(stated) % 2)
    group = 132 + 8  # the value of the group length
    length = int.from_bytes(data[group : group + 4], "little") + len(value) - (end - at - 2)
    data = data[:at] + len(value).to_bytes(2, "little") + value + data[end:]
    path.write_bytes(data[:group] + length.to_bytes(4, "little") + data[group + 4 :])
    assert dcmread(path, stop_before_pixels=True, specific_tags=["Rows"]).file_meta.TransferSyntaxUID == stated
    return path


NATIVE = [ImplicitVRLittleEndian, ExplicitVRLittleEndian, ExplicitVRBigEndian]
LIES = [(RLELossless, stated, RLELossless) for stated in (*NATIVE, JPEG2000, JPEGBaseline8Bit)]
LIES += [(JPEG2000Lossless, stated, JPEG2000) for stated in (ExplicitVRLittleEndian, RLELossless, JPEGLSLossless)]
LIES += [(JPEGLSLossless, stated, JPEGLSNearLossless) for stated in (ExplicitVRLittleEndian, JPEGBaseline8Bit)]
LIES += [(ExplicitVRLittleEndian, stated, ExplicitVRLittleEndian) for stated in (RLELossless, ExplicitVRBigEndian)]
LIES += [(ExplicitVRBigEndian, stated, ExplicitVRBigEndian) for stated in NATIVE[:2]]


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize(("written", "stated", "found"), LIES, ids=lambda syntax: syntax.name)
def test_pixels_are_read_by_what_they_are(tmp_path: Path, written: UID, stated: UID, found: UID) -> None:
    pixels = drawn().astype(">u2") if written == ExplicitVRBigEndian else drawn()
    path = stating(write(tmp_path / "a", instance(pixels, syntax=written)), stated)
    assert inspect(path).transfer_syntax == found
    (stored,) = stored_frames(read(path))
    assert np.array_equal(stored, drawn())


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("written", [ImplicitVRLittleEndian, ExplicitVRLittleEndian], ids=lambda syntax: syntax.name)
def test_value_representations_are_noticed(tmp_path: Path, written: UID) -> None:
    (stated,) = {*NATIVE[:2]} - {written}
    (stored,) = stored_frames(read(stating(write(tmp_path / "a", instance(syntax=written)), stated)))
    assert np.array_equal(stored, drawn())


@pytest.mark.parametrize("syntax", [JPEGLosslessSV1, JPEGBaseline8Bit, JPEGLSLossless, JPEG2000Lossless, RLELossless])
def test_what_is_stated_rightly_stays(tmp_path: Path, syntax: UID) -> None:
    made = encapsulated(instance(BitsStored=16, HighBit=15), syntax, packed(syntax))
    assert read(write(tmp_path / "a", made)).file_meta.TransferSyntaxUID == syntax
