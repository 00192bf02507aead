"""Decide what is stored of a file and under which name: with de-identification on, without any identity."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from triage.errors import RefusedError, StorageError, TriageError
from triage.pipeline.spool import digest
from triage.pipeline.upload import Upload
from triage.scans.deidentify.pseudonym import PseudonymMap
from triage.scans.formats.inspect import Inspected
from triage.text import display_name

if TYPE_CHECKING:
    from triage.scans.deidentify.deidentifier import Deidentifier

logger = logging.getLogger(__name__)

#: Name of a file whose own name may not be shown while it has no pseudonym.
UNNAMED = "file"
#: Longest UID in DICOM (PS3.5 9.1): characters.
MAX_UID_LENGTH = 64


class Admission:
    """Rules for the files of one hand-over.

    Parameters
    ----------
    pseudonyms
        The map of pseudonyms if this installation de-identifies, else None.
    """

    def __init__(self, pseudonyms: PseudonymMap | None) -> None:
        self._pseudonyms = pseudonyms
        self._deidentifier: Deidentifier | None = None

    def open(self, folder: Path) -> None:
        """Set the folder for de-identified copies; the caller removes it."""
        if self._pseudonyms is not None:
            # Its libraries are needed only by installations that de-identify.
            from triage.scans.deidentify.deidentifier import Deidentifier

            self._deidentifier = Deidentifier(self._pseudonyms, folder)

    def names(self, names: Iterable[str]) -> list[str]:
        """Return the names to show, one for each name of the sender: pseudonyms, or the names without hidden text."""
        shown = [display_name(name) for name in names]
        if self._pseudonyms is None:
            return shown
        if self._deidentifier is None:
            return [UNNAMED] * len(shown)
        try:
            pseudonyms = self._deidentifier.rename(shown)
        except StorageError:
            logger.exception("the pseudonyms of file names were not stored")
            return [UNNAMED] * len(shown)
        return [pseudonyms[name] for name in shown]

    def check(self, upload: Upload) -> None:
        """De-identify an inspected file if this installation does so, or refuse it; the upload is changed."""
        if upload.outcome is not None or upload.inspection is None:
            return
        try:
            if self._deidentifier is not None:
                original = upload.path
                upload.path, upload.inspection, upload.name = self._deidentifier.admit(
                    original, upload.inspection, upload.name
                )
                original.unlink()
                upload.sha256 = digest(upload.path)
            check_identifiers(upload.inspection)
        except (TriageError, OSError) as error:
            upload.refuse(error)


def check_identifiers(inspection: Inspected) -> None:
    """Refuse identifiers that the record cannot hold.

    Raises
    ------
    RefusedError
        If one is longer than `MAX_UID_LENGTH`.
    """
    uids = (
        inspection.study.uid,
        inspection.series.uid,
        inspection.sop_instance_uid,
        inspection.sop_class_uid,
        inspection.transfer_syntax,
    )
    if any(len(uid) > MAX_UID_LENGTH for uid in uids):
        raise RefusedError(
            f"An identifier is longer than {MAX_UID_LENGTH} characters. Export the study from the PACS again."
        )
