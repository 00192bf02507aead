"""Files without a Study Instance UID: which of them are of one study for all that they state."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

from pydicom import Dataset

from triage.scans.formats.elements import MAX_PERSON, text

#: Identifiers that only the files of one study share.
SHARED = ("SeriesInstanceUID", "FrameOfReferenceUID")
#: Frames of reference of atlases, which all patients share (PS3.6 A.2).
STANDARD = "1.2.840.10008."
PATIENT = ("PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex")


def ties(header: Dataset) -> tuple[str, ...]:
    """Return what ties a file to others of its study, without naming the patient; empty if it states its study."""
    return () if text(header, "StudyInstanceUID") else tuple(_ties(header))


def _ties(header: Dataset) -> Iterator[str]:
    patient = [text(header, keyword, MAX_PERSON) for keyword in PATIENT]
    for keyword in SHARED:
        uid = text(header, keyword)
        if uid and not uid.startswith(STANDARD):
            yield hashlib.blake2b(repr((keyword, uid, patient)).encode(), digest_size=16).hexdigest()


def tied(files: Sequence[tuple[str, ...]]) -> list[int]:
    """Number the groups of files that are tied to each other, if only by others between them.

    Parameters
    ----------
    files
        The ties of each.
    """
    roots = list(range(len(files)))
    first: dict[str, int] = {}
    for number, own in enumerate(files):
        for tie in own:
            one, other = sorted((_root(roots, first.setdefault(tie, number)), _root(roots, number)))
            roots[other] = one
    return [_root(roots, number) for number in roots]


def _root(roots: Sequence[int], number: int) -> int:
    while roots[number] != number:
        number = roots[number]
    return number
