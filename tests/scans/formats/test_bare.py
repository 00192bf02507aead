from __future__ import annotations

import io
import random

import nibabel
import numpy as np
import pytest
from drawn_dicom import drawn, instance
from pydicom import dcmread, dcmwrite

from triage.scans.formats.bare import encoding

ENCODINGS = {"implicit": (True, True), "explicit": (False, True), "big endian": (False, False)}


@pytest.mark.parametrize("name", ENCODINGS)
@pytest.mark.parametrize("first", [0x00080005, 0x00080008, 0x00080016, 0x00080060, 0x00100010, 0x00180050, 0x00280002])
def test_an_object_without_preamble_may_begin_anywhere(name: str, first: int) -> None:
    implicit, little = ENCODINGS[name]
    made = instance(drawn().astype("<u2" if little else ">u2"), SpecificCharacterSet="ISO_IR 100")
    del made.file_meta
    for tag in [tag for tag in made.keys() if tag < first]:  # noqa: SIM118 - not a dict
        del made[tag]
    buffer = io.BytesIO()
    dcmwrite(buffer, made, implicit_vr=implicit, little_endian=little)
    assert encoding(buffer.getvalue()[:4096]) == (implicit, little)
    assert dcmread(io.BytesIO(buffer.getvalue()), force=True).Rows == made.Rows


@pytest.mark.parametrize(
    "head",
    [
        b"",
        bytes(4096),
        b"\x08\0",
        b"\x08\0\x05\0\xff\xff\xff\x7f" + bytes(50),
        b"\x10\0\0\0\x20\0\0\0" + bytes(50),
        b"Hello, this is a text of some length\n" * 20,
        "Hello, this is a text of some length\n".encode("utf-16-le") * 20,
        nibabel.Nifti1Image(np.ones((4, 4, 4), np.float32), np.eye(4)).to_bytes(),
        np.arange(1000, dtype="<u4").tobytes()[32:],
    ],
)
def test_what_is_no_object_is_not_taken_for_one(head: bytes) -> None:
    assert not encoding(head)


def test_noise_is_not_taken_for_an_object() -> None:
    drawn_bytes = random.Random(0)
    assert not any(encoding(drawn_bytes.randbytes(200)) for _ in range(2000))
