"""STOW-RS (PS3.18 10.5): a peer stores instances; each gets its own answer and cannot spoil the others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from anyio import to_thread
from pydicom import Dataset
from pydicom.uid import UID
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from triage.domain import Outcome, Receipt
from triage.errors import RefusedError, TriageError
from triage.pipeline.installation import Installation
from triage.pipeline.intake import UNDO
from triage.pipeline.spool import Incoming
from triage.records.files import UNFINISHED
from triage.records.search import FoundInstance, Search
from triage.scans.formats.attributes import Identity
from triage.web.media import DicomJson, address, boundary_of, require_json
from triage.web.multipart import spool
from triage.web.tokens import PEER
from triage.web.trail import peer
from triage.web.turns import Turns

#: Characters of an Error Comment (0000,0902).
MAX_COMMENT = 64
SET_ASIDE = "Stored, but set aside: decide on the page Conflicts"
UID_FORM = re.compile("[0-9.]{1,64}")
#: Root of the UIDs of the DICOM standard.
STANDARD_ROOT = "1.2.840.10008."
#: Root of the SOP classes of the standard that can be stored (PS3.6 Annex A).
STORAGE_ROOT = "1.2.840.10008.5.1.4."


class Reason(IntEnum):
    """Failure Reason (0008,1197) and Warning Reason (0008,1196); PS3.18 Annex I.2, PS3.7 C.5."""

    PROCESSING_FAILURE = 0x0110
    SOP_CLASS_NOT_SUPPORTED = 0x0122
    OUT_OF_RESOURCES = 0xA700
    DOES_NOT_MATCH = 0xA900
    CANNOT_UNDERSTAND = 0xC000
    TRANSFER_SYNTAX_NOT_SUPPORTED = 0xC122
    COERCED = 0xB000


#: Details in the audit trail for instances that were refused before the intake.
REFUSAL_DETAILS = {
    Reason.DOES_NOT_MATCH: "DICOMweb: the UIDs are incomplete, or the study is not that of the address it was sent to",
    Reason.SOP_CLASS_NOT_SUPPORTED: "DICOMweb: the SOP class is not one of stored objects",
    Reason.TRANSFER_SYNTAX_NOT_SUPPORTED: "DICOMweb: the transfer syntax is not known",
}


@dataclass(slots=True)
class _Part:
    """One part of the request and its outcome.

    Attributes
    ----------
    identity
        None if the part has no valid SOP Class or SOP Instance UID.
    receipt
        None if the part was refused before the intake.
    failure
        None if the instance is on the record.
    """

    path: Path
    identity: Identity | None = None
    receipt: Receipt | None = None
    failure: Reason | None = None

    @property
    def stored_uid(self) -> str:
        """SOP Instance UID of the instance on the record; empty if it is not there."""
        if self.failure is not None or self.identity is None or self.receipt is None:
            return ""
        return self.receipt.sop_instance_uid or self.identity.sop_instance_uid

    @property
    def coerced(self) -> bool:
        """Whether the record has it under other UIDs than the sender."""
        return self.identity is not None and self.stored_uid not in ("", self.identity.sop_instance_uid)

    @property
    def set_aside(self) -> bool:
        """Whether it waits for a decision in a study of its own, or was discarded: not under the sender's UIDs."""
        return self.receipt is not None and self.receipt.outcome in (Outcome.CONFLICT, Outcome.DISCARDED)


class Stow:
    """The store transaction.

    Parameters
    ----------
    installation
        Returns the installation; called for every request.
    """

    def __init__(self, installation: Callable[[], Installation]) -> None:
        self._installation = installation
        self._turns = Turns()

    async def store(self, request: Request) -> Response:
        """Store the instances of a request: ``POST /studies`` or ``POST /studies/{study}``."""
        require_json(request)
        boundary, installation = boundary_of(request), self._installation()
        home = installation.settings.home
        home.mkdir(parents=True, exist_ok=True)
        # Counted by token: whoever has it may send from many addresses.
        sender, limit = request.scope[PEER].name, installation.settings.stow_limit
        with (
            self._turns.spooling(sender, limit) as count,
            TemporaryDirectory(dir=home, prefix=UNFINISHED) as folder,
        ):
            paths = await spool(request, boundary, Path(folder), limit, count)
            found = [_Part(path) for path in paths]
            study = request.path_params.get("study", "")
            try:
                await self._turns.take(sender, partial(_receive, installation, found, study, peer(request)))
            except TriageError as error:
                raise HTTPException(503, str(error)) from error
        uids = [part.stored_uid for part in found if part.stored_uid]
        places = await to_thread.run_sync(Search(installation.store.read).places, uids)
        return DicomJson(_module(request, found, places), _status(found))


def _receive(installation: Installation, parts: Sequence[_Part], study: str, actor: str) -> None:
    """Check the identity of every part, hand the acceptable ones to the intake, and note the outcome of each."""
    refusals = Counter[str]()
    for part in parts:
        try:
            identity = installation.door.identity(part.path)
            part.identity = identity if _has_uids(identity) else None
            part.failure = _objection(identity, study)
            detail = REFUSAL_DETAILS[part.failure] if part.failure else ""
        except RefusedError as error:
            part.failure, detail = Reason.CANNOT_UNDERSTAND, str(error)
        if part.failure is not None:
            refusals[detail] += 1
    if refusals:
        installation.store.audit.refused(refusals, actor=actor)
    acceptable = [part for part in parts if part.failure is None]
    incoming = [Incoming(f"{number}.dcm", path=part.path) for number, part in enumerate(acceptable, 1)]
    for part, receipt in zip(acceptable, installation.receive(incoming, actor=actor), strict=True):
        part.receipt, part.failure = receipt, _failure(receipt)


def _has_uids(identity: Identity) -> bool:
    """Whether the answer can refer to the instance by its UIDs."""
    return all(map(UID_FORM.fullmatch, (identity.sop_class_uid, identity.sop_instance_uid)))


def _objection(identity: Identity, study: str) -> Reason | None:
    """Return why an instance is refused for its identity, before its pixels are read; None if it is not."""
    if not _has_uids(identity) or not all(map(UID_FORM.fullmatch, (identity.study_uid, identity.series_uid))):
        return Reason.DOES_NOT_MATCH
    if study and identity.study_uid != study:
        return Reason.DOES_NOT_MATCH
    if identity.sop_class_uid.startswith(STANDARD_ROOT) and not identity.sop_class_uid.startswith(STORAGE_ROOT):
        return Reason.SOP_CLASS_NOT_SUPPORTED
    return None if UID(identity.transfer_syntax).is_transfer_syntax else Reason.TRANSFER_SYNTAX_NOT_SUPPORTED


def _failure(receipt: Receipt) -> Reason | None:
    if receipt.outcome is Outcome.REFUSED:
        return Reason.OUT_OF_RESOURCES if receipt.retry else Reason.CANNOT_UNDERSTAND
    return None


def _comment(receipt: Receipt) -> str:
    """Return why an instance that is on the record is not found under its UIDs, as an Error Comment (0000,0902)."""
    if receipt.outcome is Outcome.DISCARDED:
        return receipt.message.removesuffix(f". {UNDO}")[:MAX_COMMENT].rstrip()
    return SET_ASIDE


def _status(parts: Sequence[_Part]) -> int:
    """Return the HTTP status of the answer (PS3.18 Table 10.5.3-1)."""
    failures = {part.failure for part in parts}
    if failures == {None}:
        return 202 if any(part.coerced or part.set_aside for part in parts) else 200
    if None in failures:
        return 202
    return 503 if failures == {Reason.OUT_OF_RESOURCES} else 409


def _module(request: Request, parts: Sequence[_Part], places: Mapping[str, FoundInstance]) -> Dataset:
    """Return the Store Instances Response module (PS3.18 Annex I.1)."""
    stored, failed, unknown, studies = [], [], [], set()
    for part in parts:
        item = Dataset()
        if part.identity is None:
            item.FailureReason = part.failure
            unknown.append(item)
            continue
        item.ReferencedSOPClassUID = part.identity.sop_class_uid
        item.ReferencedSOPInstanceUID = part.identity.sop_instance_uid
        if part.failure is not None:
            item.FailureReason = part.failure
            failed.append(item)
            continue
        place = None if part.coerced or part.set_aside else places.get(part.stored_uid)
        # The sender must not learn the UIDs of a de-identified instance.
        item.RetrieveURL = address(request, place.study_uid, place.series_uid, part.stored_uid) if place else None
        if part.coerced or part.set_aside:
            item.WarningReason = Reason.COERCED
        if part.set_aside and part.receipt:
            item.ErrorComment = _comment(part.receipt)
        studies.add(place.study_uid if place else "")
        stored.append(item)
    module = Dataset()
    module.RetrieveURL = address(request, *studies) if len(studies) == 1 and "" not in studies else None
    if stored:
        module.ReferencedSOPSequence = stored
    if failed:
        module.FailedSOPSequence = failed
    if unknown:
        module.OtherFailuresSequence = unknown
    return module
