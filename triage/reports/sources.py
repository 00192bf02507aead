"""What all reports share: the source instances, reproducible UIDs and dates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydicom import Dataset
from pydicom.sr.coding import Code
from pydicom.uid import generate_uid

from triage.domain import AIResult
from triage.scans.formats.parsing import read_header
from triage.text import visible

MANUFACTURER = "NeuroTriage"
RESEARCH = "Research use only"
#: What was examined (LOINC); DICOM has a code of its own for an MRI of no certain part of the body only.
MR_BRAIN = Code("24590-2", "LN", "MR Brain")
#: Characters of a person's name (PS3.5 6.2), and those that would divide it.
MAX_NAME = 60
DIVIDERS = str.maketrans("^=\\", "   ")
#: Elements copied from the sources to a report; the standard allows them to be empty but not absent.
COPIED = (
    "PatientID",
    "PatientName",
    "PatientBirthDate",
    "PatientSex",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "AccessionNumber",
    "ReferringPhysicianName",
)


@dataclass(frozen=True, slots=True)
class Source:
    """One DICOM file of a study.

    Attributes
    ----------
    instance
        Index among the files of the study, as in `Slice.instance`.
    header
        Its data set without the pixels.
    """

    instance: int
    header: Dataset

    @property
    def frames(self) -> int:
        """Number of frames of an enhanced multi-frame object; 0 for other objects."""
        return int(self.header.NumberOfFrames) if "PerFrameFunctionalGroupsSequence" in self.header else 0


def read_source(instance: int, path: Path) -> Source:
    """Read the header of a DICOM file on the record, with every copied element present."""
    header = read_header(path)
    for keyword in COPIED:
        if keyword not in header:
            setattr(header, keyword, "")
    return Source(instance, header)


def uid(purpose: str, result: AIResult, sources: Sequence[Source]) -> str:
    """Return a UID that is the same for every report of the same result of the same files."""
    study = str(sources[0].header.StudyInstanceUID)
    return generate_uid(entropy_srcs=[purpose, study, result.contents, result.model_sha256])


def person(name: str) -> str:
    """Return the name of a reader as DICOM writes names.

    A name of one component needs its divider, or it could be taken for a whole name in the wrong order.
    """
    return f"{visible(name.translate(DIVIDERS), MAX_NAME)}^"


def stamp(report: Dataset, at: datetime | None) -> None:
    """Set the dates of a report to that of what it reports, so that making it again gives the same report."""
    at = (at or datetime.now(UTC)).astimezone(UTC)
    report.TimezoneOffsetFromUTC = "+0000"
    for equipment in report.get("ContributingEquipmentSequence", []):
        equipment.ContributionDateTime = f"{at:%Y%m%d%H%M%S}"
    report.ContentDate = report.SeriesDate = report.InstanceCreationDate = f"{at:%Y%m%d}"
    report.ContentTime = report.SeriesTime = report.InstanceCreationTime = f"{at:%H%M%S}"
