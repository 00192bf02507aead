"""What the header of a DICOM object states about where and how each of its pictures was acquired.

Tested in tests/scans/formats/test_acquisitions.py and test_stacks.py.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence

import numpy as np
from pydicom import Dataset
from pydicom.tag import Tag

from triage.domain import Origin
from triage.scans.formats.elements import functional, integer, numbers, private, text, values
from triage.scans.formats.gray_scale import Stored

#: Timing that all pictures of a stack share, and the functional group that holds it in enhanced objects.
TIMING = {
    "EchoTime": "MREchoSequence",
    "EffectiveEchoTime": "MREchoSequence",
    "RepetitionTime": "MRTimingAndRelatedParametersSequence",
    "InversionTime": "MRModifierSequence",
    "FlipAngle": "MRTimingAndRelatedParametersSequence",
}
#: What tells repeated passes over the same places apart, with its functional group, most telling first. The kind of
#: picture: stack, part of the complex signal, echo, diffusion.
KINDS = (
    ("StackID", "FrameContentSequence"),
    ("ComplexImageComponent", "MRImageFrameTypeSequence"),
    ("EchoNumbers", "MREchoSequence"),
    ("DiffusionBValue", "MRDiffusionSequence"),
    ("DiffusionGradientOrientation", "MRDiffusionSequence"),
)
#: The phase of a dynamic.
PHASES = (
    ("TemporalPositionIdentifier", "FrameContentSequence"),
    ("TemporalPositionIndex", "FrameContentSequence"),
)
#: What often differs from slice to slice too.
NUMBERS = (
    ("EchoTime", "MREchoSequence"),
    ("EffectiveEchoTime", "MREchoSequence"),
    ("InversionTime", "MRModifierSequence"),
    ("AcquisitionNumber", "FrameContentSequence"),
    ("FrameAcquisitionNumber", "FrameContentSequence"),
    ("TriggerTime", "CardiacSynchronizationSequence"),
    ("AcquisitionTime", "FrameContentSequence"),
    ("ContentTime", "FrameContentSequence"),
)
#: Private elements by creator: b value of Siemens, General Electric and Philips; part of the complex signal of
#: General Electric.
PRIVATE_B_VALUES = (
    ("SIEMENS MR HEADER", (0x0019, 0x100C)),
    ("GEMS_PARM_01", (0x0043, 0x1039)),
    ("Philips Imaging DD 001", (0x2001, 0x1003)),
)
PRIVATE_PART = ("GEMS_PARM_01", (0x0043, 0x102F))
#: In `Origin.passes`, entries up to here are the kind of picture; then up to here its phase.
KIND_ENTRIES = 3 + len(KINDS)
ECHO_ENTRY = 3 + KINDS.index(("EchoNumbers", "MREchoSequence"))
PHASE_ENTRIES = KIND_ENTRIES + 1 + len(PHASES)
ACQUISITION_ENTRY = PHASE_ENTRIES + NUMBERS.index(("AcquisitionNumber", "FrameContentSequence"))
#: Dimensions of an enhanced object that number the places of a stack.
PLACE_DIMENSIONS = tuple(map(Tag, ("InStackPositionNumber", "ImagePositionPatient", "SliceLocation")))
SHARED = Tag("SharedFunctionalGroupsSequence")
PER_FRAME = Tag("PerFrameFunctionalGroupsSequence")
MAX_VALUE = 64
#: A number that stands alone or after a word for slice: some scanners number the descriptions of the slices. Numbers
#: with a letter or a sign (T1, 3D, b=1000, 1.5) say what the picture is.
NUMBERING = re.compile(
    r"(?<![a-z0-9.=])(?:(?:slice|slc?|image|img?|frame|no|nr)[\s_.#:-]*)?\d+(?![a-z0-9]|\.\d)(?:[\s_]*(?:of|/)[\s_]*\d+)?"
)
SEPARATOR = re.compile(r"[\s_.,:;#/()\[\]-]+")


def origin(
    header: Dataset, frame: int = 0, stored: Stored | None = None, position: Sequence[float] | None = None
) -> Origin:
    """Return the origin of a picture.

    Parameters
    ----------
    header, frame
        The object, and the frame in it.
    stored
        Its decoded pixels; without them, `Origin.picture` is empty.
    position
        Position of a tile of a mosaic; by default that of the frame.
    """
    orientation = numbers(functional(header, frame, "PlaneOrientationSequence"), "ImageOrientationPatient", 6)
    place = functional(header, frame, "PlanePositionSequence")
    if position is None and _is_of_frame(header, place):
        position = numbers(place, "ImagePositionPatient", 3)
    measures = functional(header, frame, "PixelMeasuresSequence")
    size = numbers(measures, "PixelSpacing", 2)
    location, dimensions = _dimensions(header, frame)
    shape = stored.shape[:2] if stored is not None else (integer(header, "Rows", 0), integer(header, "Columns", 0))
    return Origin(
        picture=_digest(stored) if stored is not None else "",
        series=text(header, "SeriesInstanceUID"),
        series_number=integer(header, "SeriesNumber", 1),
        instance_number=integer(header, "InstanceNumber", 0),
        texts=(
            without_numbering(text(header, "SeriesDescription")),
            without_numbering(text(header, "ProtocolName")),
            f"{text(header, 'StationName')} {text(header, 'DeviceSerialNumber')}".strip(),
        ),
        sequence=text(header, "SequenceName"),
        timing=tuple(_positive(_group(header, frame, macro), keyword) for keyword, macro in TIMING.items()),
        shape=(shape[0], shape[1]),
        pixel_size=(size[0], size[1]) if size and min(size) > 0 else None,
        thickness=_positive(measures, "SliceThickness"),
        passes=_passes(header, frame, dimensions),
        frame_of_reference=text(header, "FrameOfReferenceUID"),
        orientation=tuple(orientation) if orientation else None,
        position=tuple(position) if position else None,
        location=location,
    )


def without_numbering(description: str) -> str:
    """Return what the descriptions have in common of slices that are numbered in them."""
    return SEPARATOR.sub(" ", NUMBERING.sub(" ", description.lower())).strip()


def _digest(stored: Stored) -> str:
    pixels = np.ascontiguousarray(stored, stored.dtype.newbyteorder("<"))
    return hashlib.blake2b(pixels.data, digest_size=16).hexdigest()


def _positive(header: Dataset, keyword: str) -> float | None:
    """Return a number; 0 means that it was not filled in."""
    found = numbers(header, keyword, 1)
    return found[0] if found and found[0] > 0 else None


def _is_of_frame(header: Dataset, place: Dataset) -> bool:
    """Return whether a place is that of one frame: an object of several frames states that of its first one."""
    return place is not header or integer(header, "NumberOfFrames", 1) == 1


def _dimensions(header: Dataset, frame: int) -> tuple[float | None, str]:
    """Return where the picture lies in its stack, and its indices in the other dimensions of an enhanced object."""
    content = _group(header, frame, "FrameContentSequence")
    location = numbers(header, "SliceLocation", 1) if _is_of_frame(header, header) else None
    stated = location or numbers(content, "InStackPositionNumber", 1)
    indices = values(content, "DimensionIndexValues")
    if not indices:
        return stated[0] if stated else None, ""
    pointers = [item.get("DimensionIndexPointer") for item in header.get("DimensionIndexSequence") or ()]
    named = dict(zip(pointers, indices, strict=False))
    place = next((float(named[tag]) for tag in PLACE_DIMENSIONS if tag in named), None)
    others = [str(index) for tag, index in named.items() if tag not in PLACE_DIMENSIONS]
    return stated[0] if stated else place, "\\".join(others)[:MAX_VALUE]


def _passes(header: Dataset, frame: int, dimensions: str) -> tuple[str, ...]:
    image_type = values(_group(header, frame, "MRImageFrameTypeSequence"), "FrameType") or values(header, "ImageType")
    b_value = next((found for entry in PRIVATE_B_VALUES if (found := private(header, *entry)) is not None), None)
    part = private(header, *PRIVATE_PART)
    numbering = "\\".join(NUMBERING.findall(text(header, "SeriesDescription").lower()))
    kinds, phases, others = (
        [_group(header, frame, macro).get(keyword) or header.get(keyword) for keyword, macro in entries]
        for entries in (KINDS, PHASES, NUMBERS)
    )
    # Only compared, never shown; a hostile value can be long.
    return tuple(
        "" if value is None else str(value)[:MAX_VALUE]
        for value in (
            "\\".join(map(str, image_type[2:])),
            b_value,
            part,
            *kinds,
            *phases,
            dimensions,
            *others,
            numbering,
        )
    )


def _group(header: Dataset, frame: int, macro: str) -> Dataset:
    """Return `functional`, without its cost for objects that are not enhanced."""
    enhanced = SHARED in header or PER_FRAME in header
    return functional(header, frame, macro) if enhanced else header
