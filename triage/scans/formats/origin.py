"""What the header of a DICOM object states about where and how each of its pictures was acquired.

Tested in tests/scans/formats/test_stacks.py.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from pydicom import Dataset
from pydicom.tag import Tag

from triage.domain import Origin
from triage.scans.formats.elements import functional, integer, numbers, text, values
from triage.scans.formats.gray_scale import Stored

#: Timing that all slices of a stack share, and the functional group that holds it in enhanced objects.
TIMING = {
    "EchoTime": "MREchoSequence",
    "EffectiveEchoTime": "MREchoSequence",
    "RepetitionTime": "MRTimingAndRelatedParametersSequence",
    "InversionTime": "MRModifierSequence",
    "FlipAngle": "MRTimingAndRelatedParametersSequence",
}
#: What tells repeated passes over the same places apart, with its functional group, most telling first: part of the
#: complex signal, echo, inversion, diffusion, phase of a dynamic; at last the times, which often differ by slice.
PASSES = (
    ("ComplexImageComponent", "MRImageFrameTypeSequence"),
    ("EchoNumbers", "MREchoSequence"),
    ("EchoTime", "MREchoSequence"),
    ("EffectiveEchoTime", "MREchoSequence"),
    ("InversionTime", "MRModifierSequence"),
    ("DiffusionBValue", "MRDiffusionSequence"),
    ("DiffusionGradientOrientation", "MRDiffusionSequence"),
    ("TemporalPositionIdentifier", "FrameContentSequence"),
    ("TemporalPositionIndex", "FrameContentSequence"),
    ("AcquisitionNumber", "FrameContentSequence"),
    ("FrameAcquisitionNumber", "FrameContentSequence"),
    ("TriggerTime", "CardiacSynchronizationSequence"),
    ("AcquisitionTime", "FrameContentSequence"),
    ("ContentTime", "FrameContentSequence"),
)
#: Private elements with the b value, by manufacturer: Siemens, General Electric, Philips.
PRIVATE_B_VALUES = tuple(map(Tag, (0x0019100C, 0x00431039, 0x20011003)))
SHARED = Tag("SharedFunctionalGroupsSequence")
PER_FRAME = Tag("PerFrameFunctionalGroupsSequence")
MAX_VALUE = 64


def origin(header: Dataset, frame: int, stored: Stored, position: Sequence[float] | None = None) -> Origin:
    """Return the origin of a picture.

    Parameters
    ----------
    header, frame
        The object, and the frame in it.
    stored
        Its decoded pixels.
    position
        Position of a tile of a mosaic; by default that of the frame.
    """
    orientation = numbers(functional(header, frame, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
    if position is None:
        position = numbers(functional(header, frame, "PlanePositionSequence"), "ImagePositionPatient", 3)
    located = numbers(header, "SliceLocation", 1)
    return Origin(
        picture=_digest(stored),
        series=text(header, "SeriesInstanceUID"),
        series_number=integer(header, "SeriesNumber", 1),
        instance_number=integer(header, "InstanceNumber", 0),
        acquisition=_acquisition(header, frame, stored),
        passes=_passes(header, frame),
        frame_of_reference=text(header, "FrameOfReferenceUID"),
        orientation=tuple(orientation) if orientation else None,
        position=tuple(position) if position else None,
        location=located[0] if located else None,
    )


def _digest(stored: Stored) -> str:
    pixels = np.ascontiguousarray(stored, stored.dtype.newbyteorder("<"))
    return hashlib.blake2b(pixels.data, digest_size=16).hexdigest()


def _acquisition(header: Dataset, frame: int, stored: Stored) -> tuple[str, ...]:
    timing = (numbers(_group(header, frame, macro), keyword, 1) for keyword, macro in TIMING.items())
    size = numbers(functional(header, frame, "PixelMeasuresSequence"), "PixelSpacing", 2) or ()
    return (
        text(header, "SeriesDescription"),
        text(header, "ProtocolName"),
        text(header, "SequenceName"),
        # Scanners adapt timing by fractions of a per cent from slice to slice.
        *(f"{found[0]:.3g}" if found else "" for found in timing),
        *map(str, stored.shape[:2]),
        *(f"{side:.4g}" for side in size),
    )


def _passes(header: Dataset, frame: int) -> tuple[str, ...]:
    image_type = values(_group(header, frame, "MRImageFrameTypeSequence"), "FrameType") or values(header, "ImageType")
    private = next((header[tag].value for tag in PRIVATE_B_VALUES if tag in header), "")
    stated = (_group(header, frame, macro).get(keyword) or header.get(keyword) for keyword, macro in PASSES)
    # Only compared, never shown; a hostile value can be long.
    return tuple(
        "" if value is None else str(value)[:MAX_VALUE]
        for value in ("\\".join(map(str, image_type[2:])), private, *stated)
    )


def _group(header: Dataset, frame: int, macro: str) -> Dataset:
    """Return `functional`, without its cost for objects that are not enhanced."""
    enhanced = SHARED in header or PER_FRAME in header
    return functional(header, frame, macro) if enhanced else header
