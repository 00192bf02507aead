"""The part of a data set that a patient belongs to: decided by the patient's key alone, so it never changes."""

from __future__ import annotations

import hashlib
from enum import StrEnum


class Part(StrEnum):
    """What the studies of a patient are used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


#: Share of the patients up to and with each part.
UP_TO = ((Part.TRAIN, 0.6), (Part.VALIDATION, 0.8), (Part.TEST, 1.0))
#: Changing it would deal all patients anew and so mix training and test: it never changes.
NAMESPACE = b"neurotriage patient "


def part_of(patient: str) -> Part:
    """Return the part of a patient, the same in every export however many patients join: about 60, 20 and 20 in 100.

    Parameters
    ----------
    patient
        Key of the patient, `StudyEntry.patient`; it holds no identity.
    """
    digest = hashlib.sha256(NAMESPACE + patient.encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    return next((part for part, end in UP_TO if place < end), Part.TEST)
