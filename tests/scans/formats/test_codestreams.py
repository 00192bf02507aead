from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn_dicom import drawn, encapsulated, instance, packed, swollen, write
from pydicom.uid import (
    UID,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGExtended12Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

from triage.errors import RefusedError
from triage.scans.formats.codestreams import depth, samples
from triage.scans.formats.inspect import inspect

SYNTAXES = [JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless]


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_a_picture_says_its_size(syntax: UID) -> None:
    assert samples(packed(syntax), syntax) == 96 * 80
    assert samples(packed(RLELossless), RLELossless) is None


@pytest.mark.parametrize(
    ("syntax", "bits"),
    [(JPEGBaseline8Bit, 8), (JPEGLosslessSV1, 16), (JPEGLSLossless, 12), (JPEG2000Lossless, 12), (RLELossless, None)],
)
def test_a_picture_says_its_depth(syntax: UID, bits: int | None) -> None:
    assert depth(packed(syntax), syntax) == bits


@pytest.mark.parametrize("syntax", SYNTAXES, ids=lambda syntax: syntax.name)
def test_a_picture_larger_than_its_header_says_is_refused_before_it_is_decoded(tmp_path: Path, syntax: UID) -> None:
    """Decoders believe the picture: one took 12 GB for it, one died."""
    pixels = (drawn() // 10).astype(np.uint8) if syntax == JPEGBaseline8Bit else drawn()
    made = encapsulated(instance(pixels), syntax, swollen(packed(syntax), 60000))
    with pytest.raises(RefusedError, match="larger than its header"):
        inspect(write(tmp_path / "a", made))


@pytest.mark.parametrize("syntax", [*SYNTAXES, JPEGExtended12Bit], ids=lambda syntax: syntax.name)
@pytest.mark.parametrize(
    "frame", [b"", b"\xff\xd8", b"\xff\xd8\xff\xda\0\x08", b"\x89PNG\r\n\x1a\n" + bytes(64), bytes(64)]
)
def test_what_is_no_picture_of_its_syntax_is_refused(syntax: UID, frame: bytes) -> None:
    with pytest.raises(RefusedError):
        samples(frame, syntax)


def test_a_size_of_nothing_is_refused() -> None:
    for syntax in (JPEGBaseline8Bit, JPEG2000Lossless):
        with pytest.raises(RefusedError):
            samples(swollen(packed(syntax), 0), syntax)
