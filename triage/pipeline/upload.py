"""One file of a hand-over: its copy, its inspection and its outcome."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from triage.domain import Outcome, Receipt
from triage.errors import InputError, RefusedError, StorageError, TriageError, storage_error
from triage.records.views import Arrival, Instance
from triage.scans.formats.inspect import Inspected

logger = logging.getLogger(__name__)

NOT_TAKEN = (
    "The record cannot take this file; the others are not affected. Export it from the PACS again; if that does not "
    "help, report it with the log of the server."
)


@dataclass(slots=True)
class Upload:
    """One file of a hand-over, from its copy in the spool folder to its receipt.

    Attributes
    ----------
    name
        Shown to people; never used as a path.
    path
        The copy in the spool folder; nobody else changes it.
    sha256
        Of the copy, in hex.
    inspection
        Format and identity of the copy; None before it is inspected and for a file that was refused.
    outcome
        None until it is decided; a file is ACCEPTED only after the commit.
    message
        The reason for the outcome, safe to show.
    study_id
        The study that holds the file, or None.
    size
        Bytes of the copy when it was stored.
    retry
        Whether our disk or database failed: the same file may be accepted later.
    source
        Name of the archive that it came in, as it is shown; empty if it was sent by itself.
    twin
        An earlier file of the same hand-over with the same data set; its outcome decides.
    mends
        sha256 of the file on the record whose place it takes, because that is missing or altered on disk.
    """

    name: str
    path: Path
    sha256: str = ""
    inspection: Inspected | None = None
    outcome: Outcome | None = None
    message: str = ""
    study_id: str | None = None
    size: int = 0
    retry: bool = False
    source: str = ""
    twin: Upload | None = None
    mends: str = ""

    @property
    def study_uid(self) -> str:
        """Study Instance UID; empty for other formats than DICOM."""
        return self.inspection.study.uid if self.inspection else ""

    @property
    def content(self) -> str:
        """Digest of the data set; empty for other formats than DICOM."""
        return self.inspection.content if self.inspection else ""

    @property
    def sop_instance_uid(self) -> str:
        """SOP Instance UID; empty for other formats than DICOM."""
        return self.inspection.sop_instance_uid if self.inspection else ""

    def decide(self, outcome: Outcome, message: str, study_id: str | None = None, *, retry: bool = False) -> None:
        """Set the outcome."""
        self.outcome, self.message, self.study_id, self.retry = outcome, message, study_id, retry

    def refuse(self, error: Exception) -> None:
        """Refuse the file for an error: of ours, whose text is safe to show, of the disk, or one nobody foresaw."""
        if isinstance(error, OSError):
            error = storage_error(error)
        elif isinstance(error, InputError) or not isinstance(error, TriageError):
            # Whoever hands a file over cannot leave a character of it out, as an InputError asks.
            logger.error("a file was refused for an error of the program", exc_info=error)
            error = RefusedError(NOT_TAKEN)
        retry = isinstance(error, StorageError)
        if retry:
            logger.error("a file was not stored", exc_info=error)
        # The identity of a refused file goes no further: it may not be de-identified yet.
        self.inspection = None
        self.decide(Outcome.REFUSED, str(error), retry=retry)

    def arrival(self) -> Arrival:
        """Return the file as the record takes it, with its study and series.

        Raises
        ------
        ValueError
            If the file was not inspected.
        """
        if self.inspection is None:
            raise ValueError("An upload enters the record only after its inspection.")
        found = self.inspection
        instance = Instance(
            sha256=self.sha256,
            name=self.name,
            kind=found.kind,
            size=self.size,
            sop_instance_uid=found.sop_instance_uid,
            sop_class_uid=found.sop_class_uid,
            transfer_syntax=found.transfer_syntax,
            frames=found.frames,
            content=found.content,
        )
        return Arrival(instance, found.study, found.series)

    def receipt(self) -> Receipt:
        """Return the answer to whoever handed the file over.

        Raises
        ------
        ValueError
            If the outcome is not decided yet.
        """
        if self.outcome is None:
            raise ValueError("An upload has no receipt before its outcome is decided.")
        return Receipt(
            self.name,
            self.outcome,
            self.message,
            self.study_id,
            study_uid=self.study_uid,
            sop_class_uid=self.inspection.sop_class_uid if self.inspection else "",
            sop_instance_uid=self.sop_instance_uid,
            retry=self.retry,
            source=self.source,
        )
