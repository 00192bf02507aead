"""What the report of a study says, whatever form it is given: a page, or FHIR.

Tested in tests/reports/test_page.py and tests/reports/test_fhir.py.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from triage.domain import Reading
from triage.errors import ConflictError, RefusedError
from triage.records.marked import Measurement
from triage.records.marks import SignedMarks, latest
from triage.records.views import UNBOUND, Study
from triage.reports.key_images import KeyImage, LeftOut, key_images, left_out
from triage.reports.out import Services
from triage.text import one_line


@dataclass(frozen=True, slots=True)
class StudyReport:
    """A study with its key images, as it stood at one time.

    Attributes
    ----------
    signed
        What was marked for the latest reading of each reader, in their order.
    head
        The last seal of the record: its number, and the first 16 digits of its code.
    unseen
        Why there are no key images; empty if there are, or nothing was marked.
    left_out
        The marked slices that the key images have no room for.
    """

    study: Study
    signed: tuple[SignedMarks, ...]
    images: tuple[KeyImage, ...]
    made_at: datetime
    head: str = ""
    unseen: str = ""
    left_out: tuple[LeftOut, ...] = ()

    @property
    def measured(self) -> list[tuple[str, Measurement]]:
        """All that was measured, with the places: what has a picture first."""
        slices: tuple[KeyImage | LeftOut, ...] = (*self.images, *self.left_out)
        return [(one.place, found) for one in slices for found in one.measurements]


def study_report(services: Services, study_id: str, now: datetime) -> StudyReport:
    """Return the report of a study.

    Raises
    ------
    ConflictError
        If a signature does not fit what was signed.
    NotFoundError
        If the study or one of its files is missing.
    """
    study = services.store.study(study_id)
    if study.unbound:
        raise ConflictError(UNBOUND)
    last = services.store.head()
    head = f"{last.number} {last.mac[:16]}"
    signed = latest(services.store.marks.signed(study_id), study.readings)
    try:
        series = services.series(study_id)
    except RefusedError as error:
        return StudyReport(study, signed, (), now, head, str(error))
    model = services.runtime_of(study.result.model_sha256 if study.result else "")
    images = tuple(key_images(study, series, signed, model))
    return StudyReport(study, signed, images, now, head, left_out=left_out(study, series, signed))


def concluded(reading: Reading) -> str:
    """Return what a reading says, with the reader's own words for another lesion."""
    return f"{reading.finding.label}: {one_line(reading.lesion)}" if reading.lesion else reading.finding.label


def moment(at: datetime) -> str:
    """Return a time in the time zone of this machine, and in UTC if that is another."""
    local, universal = at.astimezone(), at.astimezone(UTC)
    if local.tzname() == "UTC":
        return f"{universal:%Y-%m-%d %H:%M} UTC"
    day = "" if local.date() == universal.date() else f"{universal:%Y-%m-%d} "
    return f"{local:%Y-%m-%d %H:%M} {local.tzname()} ({day}{universal:%H:%M} UTC)"
