"""What every report says of where it comes from: the source instances, the model, identifiers that stay the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydicom import Dataset, dcmread
from pydicom.uid import generate_uid

from triage.domain import AIResult

MANUFACTURER = "NeuroTriage"
RESEARCH = "Research use only"
#: What a report repeats of its sources; a file may lack any of it, the standard lets it be empty but not absent.
REPEATED = (
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
        Its place among the files of the study, as `Slice.instance` counts them.
    header
        Its dataset without the pixels.
    """

    instance: int
    header: Dataset

    @property
    def frames(self) -> int:
        """Number of frames of an object whose frames have numbers (enhanced MR), 0 of any other."""
        return int(self.header.NumberOfFrames) if "PerFrameFunctionalGroupsSequence" in self.header else 0


def read_source(instance: int, path: Path) -> Source:
    """Read what a report needs of a file that was taken in as DICOM."""
    header = dcmread(path, stop_before_pixels=True, force=True)
    for keyword in REPEATED:
        if keyword not in header:
            setattr(header, keyword, "")
    return Source(instance, header)


def uid(what: str, result: AIResult, sources: Sequence[Source]) -> str:
    """Return an identifier that is the same whenever the same result of the same files is reported."""
    study = str(sources[0].header.StudyInstanceUID)
    return generate_uid(entropy_srcs=[what, study, result.contents, result.model_sha256])


def stamp(report: Dataset, result: AIResult) -> None:
    """Date a report by its result, not by its making, so that making it again gives the same report."""
    filed = (result.filed_at or datetime.now(UTC)).astimezone(UTC)
    report.TimezoneOffsetFromUTC = "+0000"
    for equipment in report.get("ContributingEquipmentSequence", []):
        equipment.ContributionDateTime = f"{filed:%Y%m%d%H%M%S}"
    report.ContentDate = report.SeriesDate = report.InstanceCreationDate = f"{filed:%Y%m%d}"
    report.ContentTime = report.SeriesTime = report.InstanceCreationTime = f"{filed:%H%M%S}"
