"""What the record returns of a study: its files, results and readings, and what a reader is about to sign."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime

from triage.domain import (
    AIResult,
    Band,
    Conclusion,
    Finding,
    Outcome,
    Reading,
    ReadingState,
    SeriesHeader,
    StudyHeader,
    StudyStatus,
)
from triage.reading import Entries
from triage.records.reranked import Reranked

#: Said wherever a reading is shown or exported whose signature does not fit what was signed.
UNBOUND = (
    "A signature of this study does not fit what was signed: the record was changed behind its back. Do not rely on "
    "it; tell the administrator, who finds the place with: python -m triage verify"
)


def contents_of(digests: Iterable[str]) -> str:
    """Return the digest of a study's contents from the sha256 of each of its files, in any order."""
    return hashlib.sha256("\n".join(sorted(digests)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Instance:
    """One received file.

    Attributes
    ----------
    sop_instance_uid, sop_class_uid, transfer_syntax
        Of DICOM files; empty for other formats.
    frames
        Images in the file.
    content
        Digest of the data set, see `triage.scans.formats.data_set`; empty for other formats than DICOM, and for files
        that an earlier version received.
    """

    sha256: str
    name: str
    kind: str
    size: int
    sop_instance_uid: str = ""
    sop_class_uid: str = ""
    transfer_syntax: str = ""
    frames: int = 1
    content: str = ""


@dataclass(frozen=True, slots=True)
class KnownInstance:
    """A file on the record that has a certain SOP Instance UID, or claims it while another one has it."""

    study_id: str
    sha256: str
    content: str
    claimed: bool


@dataclass(frozen=True, slots=True)
class Arrival:
    """A file in the files folder that is to be added to the record, with the identity that it states."""

    instance: Instance
    study: StudyHeader = field(default_factory=StudyHeader)
    series: SeriesHeader = field(default_factory=SeriesHeader)


@dataclass(frozen=True, slots=True)
class Added:
    """Outcome of adding files of one study.

    Attributes
    ----------
    outcomes
        One for each arrival: accepted, already here, or conflict (set aside in a study of its own).
    study_ids
        For each arrival, the study that holds it.
    changed
        Studies with new files, each with the digest of all files that it has now.
    """

    outcomes: tuple[Outcome, ...]
    study_ids: tuple[str, ...]
    changed: dict[str, str]

    @property
    def study_id(self) -> str:
        """The study that holds the first arrival."""
        return self.study_ids[0]


@dataclass(frozen=True, slots=True)
class SeriesFiles:
    """A series with its files."""

    header: SeriesHeader
    instances: tuple[Instance, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """What of a study was on the screen when its reader decided.

    Attributes
    ----------
    readings
        Number of the signed readings.
    contents
        Digest of its files, `Study.contents`.
    model
        Digest of the model whose result was there; "" without a result.
    """

    readings: int
    contents: str
    model: str


@dataclass(frozen=True, slots=True)
class Study:
    """A study with its files, AI results and readings.

    Attributes
    ----------
    conflict
        Why its identity is in doubt, until a person has decided; otherwise empty.
    merged
        That images of it came under another patient, if a person merged them: a sentence for each.
    results
        AI results, the oldest first; but the last is the one that ranks the study.
    unbound
        Versions of the readings whose signature does not fit what was signed: somebody changed the record.
    reranked
        What the newest model made of the rank, if it did so after another one; otherwise None.
    """

    study_id: str
    name: str
    status: StudyStatus
    reason: str
    site_band: Band
    arrived_at: datetime
    opened_at: datetime | None
    header: StudyHeader
    series: tuple[SeriesFiles, ...]
    results: tuple[AIResult, ...]
    readings: tuple[Reading, ...]
    conflict: str = ""
    merged: tuple[str, ...] = ()
    unbound: tuple[int, ...] = ()
    reranked: Reranked | None = None

    @property
    def instances(self) -> tuple[Instance, ...]:
        """All files, in the order in which they are decoded; `Slice.instance` counts along it."""
        return tuple(instance for series in self.series for instance in series.instances)

    @property
    def contents(self) -> str:
        """Digest of all files."""
        return contents_of(instance.sha256 for instance in self.instances)

    @property
    def result(self) -> AIResult | None:
        """The AI result for the files that the study has now; of several, the one that ranks it."""
        contents = self.contents
        return next((result for result in reversed(self.results) if result.contents == contents), None)

    @property
    def shown(self) -> Shown:
        """What a page that draws this study has of it."""
        return Shown(len(self.readings), self.contents, self.result.model_sha256 if self.result else "")


@dataclass(frozen=True, slots=True)
class Claim:
    """Who has a study open, since when and until when; `note` says why it was taken over from another reader."""

    reader: str
    since: datetime
    until: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Draft:
    """What a reader has entered about a study and not signed for good.

    Attributes
    ----------
    version
        Counts the changes, from 1; 0 while nothing was entered.
    seen
        How many readings the reader has seen.
    due_at
        When its signature is stored for good; None if it is not signed.
    refusal
        Why its signature was not stored; otherwise empty.
    """

    study_id: str
    reader: str
    version: int
    seen: int
    entries: Entries
    saved_at: datetime
    due_at: datetime | None = None
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """A signature that its reader can take back until it is due; `name` is that of the patient, or of the study."""

    study_id: str
    name: str
    finding: Conclusion
    due_at: datetime


@dataclass(frozen=True, slots=True)
class Refused:
    """A signature that was not stored after all, and why; `name` is that of the patient, or of the study."""

    study_id: str
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class SignedReading:
    """A reading with the study and the AI result that it answers.

    Attributes
    ----------
    instance
        The file that represents the study: the one of the slice that the AI result shows, or the first.
    state
        Of the reading now: it can wait for another reader although it was final once, see `triage.reading.standing`.
    settled
        Whether it was preliminary until another reader signed.
    superseded
        Whether a later reading took its place.
    before
        The reading of the study before this one, or None.
    """

    study_id: str
    name: str
    patient_name: str
    mrn: str
    accession_number: str
    study_date: date | None
    instance: Instance
    predicted: Finding | None
    reading: Reading
    state: ReadingState
    settled: bool
    superseded: bool
    before: Reading | None
