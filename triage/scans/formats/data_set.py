"""The digest of a DICOM data set: equal for one object in other files, different for another object.

Transfer syntax (if lossless), file meta information, group lengths, padding and private elements do not count.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
from pydicom import Dataset

from triage.scans.formats.dicom import frames, holds_picture
from triage.scans.formats.elements import functional, numbers, quietly, text, values
from triage.scans.formats.pixels import stored_frames

#: Elements that say whose image it is, and which one.
IDENTITY = (
    "PatientName",
    "PatientID",
    "IssuerOfPatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyDate",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SOPClassUID",
    "SOPInstanceUID",
    "FrameOfReferenceUID",
    "Modality",
    "SeriesDescription",
    "SeriesNumber",
    "InstanceNumber",
)
#: Numbers that say where a frame lies and what its values mean, by functional group.
MEASURES = {
    "PlanePositionSequence": {"ImagePositionPatient": 3},
    "PlaneOrientationSequence": {"ImageOrientationPatient": 6},
    "PixelMeasuresSequence": {"PixelSpacing": 2, "SliceThickness": 1},
    "PixelValueTransformationSequence": {"RescaleSlope": 1, "RescaleIntercept": 1},
}
#: Trailing characters of text that mean nothing: padding, and empty components of a name.
PADDING = " ^="
CHARACTER_SET = "00080005"


@quietly
def digest(header: Dataset) -> str:
    """Return the sha256 of a data set in hex; all pixels are decoded once, one frame at a time.

    Raises
    ------
    RefusedError
        If the pixels cannot be decoded, are missing, or are fewer than the header says.
    """
    if not holds_picture(header):
        return hashlib.sha256(json.dumps(_standard_elements(header), sort_keys=True).encode()).hexdigest()
    sha256 = hashlib.sha256()
    for stored in stored_frames(header):  # first: it checks the number of frames
        sha256.update(str(stored.shape).encode())
        # Decoders differ in byte order.
        sha256.update(np.ascontiguousarray(stored, stored.dtype.newbyteorder("<")).data)
    described: list[Any] = [_words(header, keyword) for keyword in IDENTITY]
    # Compression may change the other photometric interpretations.
    described.append(text(header, "PhotometricInterpretation") == "MONOCHROME1")
    for frame in range(frames(header)):
        for macro, keywords in MEASURES.items():
            group = functional(header, frame, macro)
            described += [numbers(group, keyword, count) for keyword, count in keywords.items()]
    sha256.update(json.dumps(described).encode())
    return sha256.hexdigest()


def _words(header: Dataset, keyword: str) -> str:
    return "\\".join(str(value).strip().rstrip(PADDING) for value in values(header, keyword))


def _standard_elements(header: Dataset) -> dict[str, Any]:
    """Return the elements of an object without pixels as DICOM JSON, without private ones and group lengths."""
    model = header.to_json_dict(suppress_invalid_tags=True)
    return {
        tag: value
        for tag, value in model.items()
        if tag != CHARACTER_SET and not tag.endswith("0000") and int(tag[3], 16) % 2 == 0
    }
