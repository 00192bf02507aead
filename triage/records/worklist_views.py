"""What the record returns of the worklist: its rows, its pages and what waits; and how it is filtered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

from triage.domain import Band, Finding, StudyStatus


class Sort(StrEnum):
    """Columns that the worklist can be sorted by; without one it is in the reading order."""

    BAND = "band"
    MALIGNANCY = "malignancy"
    PREDICTED = "predicted"
    PATIENT = "patient"
    MRN = "mrn"
    ACCESSION = "accession"
    STUDY = "study"
    DATE = "date"
    IMAGES = "images"
    ARRIVED = "arrived"
    STATUS = "status"


@dataclass(frozen=True, slots=True)
class WorklistFilter:
    """Filter and order of the worklist; an empty one shows everything that waits, in the reading order.

    Attributes
    ----------
    everything
        Studies of every status, but for those that were merged with another one.
    reader
        Whose list it is: what they signed themselves, and now waits for another reader, is not in it; "" for nobody.
    for_another
        Only those that `reader` signed and that wait for another reader.
    text
        Words of the name of the study, the patient, the MRN or the accession number, in any order; case, accents and
        width do not count, and a part of a word is enough.
    blind
        Whether no order may tell what the AI found: what waits comes in the order of arrival.
    """

    bands: tuple[Band, ...] = ()
    findings: tuple[Finding, ...] = ()
    statuses: tuple[StudyStatus, ...] = ()
    everything: bool = False
    reader: str = ""
    for_another: bool = False
    text: str = ""
    blind: bool = False
    sort: Sort | None = None
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Signature:
    """Who signed what, when, and whether a later reading took its place."""

    reader: str
    finding: str
    signed_at: datetime
    superseded: bool = False


@dataclass(frozen=True, slots=True)
class WorklistRow:
    """One study on the worklist.

    Attributes
    ----------
    waiting
        Whether it waits for a reading.
    slices
        Images received, without those of series that are set aside.
    doubt
        Why its identity is in doubt, until a person has decided; otherwise empty.
    merged
        That images of it came under another patient, if a person merged them: a sentence for each.
    claimed_by
        Who has it open; empty if nobody has.
    drafts
        Who has entered or marked something that is not signed.
    committed
        Who has committed a class before the AI result was shown.
    is_prior
        Whether it is an older study of a patient who has a newer one.
    signatures
        Of its readings, the oldest first.
    """

    study_id: str
    name: str
    status: StudyStatus
    band: Band
    malignancy: float | None
    predicted: Finding | None
    arrived_at: datetime
    reason: str
    waiting: bool = True
    patient_name: str = ""
    mrn: str = ""
    accession_number: str = ""
    study_date: date | None = None
    modality: str = ""
    slices: int = 1
    doubt: str = ""
    merged: tuple[str, ...] = ()
    claimed_by: str = ""
    drafts: tuple[str, ...] = ()
    committed: frozenset[str] = frozenset()
    is_prior: bool = False
    signatures: tuple[Signature, ...] = ()

    def hides_ai(self, reader: str) -> bool:
        """Tell whether, where the first reading is blind, the AI result stays out of sight of a reader.

        The band too, also without a result: what became not analysable keeps the one that an earlier result gave it.
        """
        return reader not in {*self.committed, *(one.reader for one in self.signatures)}


@dataclass(frozen=True, slots=True)
class Counted:
    """Number of studies of one status, band and class; `for_another` as of `WorklistFilter`."""

    status: StudyStatus
    waiting: bool
    band: Band
    predicted: Finding | None
    count: int
    for_another: bool = False


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a study stands: as a row of the worklist, and its place in the reading order, from 1, while it waits."""

    row: WorklistRow
    place: int | None


@dataclass(frozen=True, slots=True)
class Onward:
    """What comes when a reader leaves a study and goes on down the list.

    Attributes
    ----------
    following
        The study that comes next; None if no other is free.
    fresh
        Whether it stands above the study that is left: it was ranked since the reader came to that one.
    from_top
        Whether nothing is free below the study that is left, so that the list begins again.
    above
        Free STAT studies that stand above the study that is left, in the reading order; none if the first of them is
        what comes next.
    """

    following: WorklistRow | None
    fresh: bool
    from_top: bool
    above: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorklistPage:
    """One page of the worklist.

    Attributes
    ----------
    total
        Rows on all pages.
    number
        Of this page, from 0.
    """

    rows: tuple[WorklistRow, ...]
    total: int
    number: int = 0


@dataclass(frozen=True, slots=True)
class QueueSummary:
    """Number of waiting studies.

    Attributes
    ----------
    counts
        Waiting studies by band.
    not_analysable
        Number of them that the AI could not judge.
    histogram
        By band: counts in equal bins of P(glioma) from 0 to 1.
    """

    counts: dict[Band, int]
    not_analysable: int
    histogram: dict[Band, list[int]]

    @property
    def total(self) -> int:
        """All waiting studies."""
        return sum(self.counts.values())
