"""What readers have begun in studies and not signed: the worklist says so, and it keeps a claim.

Tested in tests/records/test_claims.py and tests/records/test_queue.py.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.reading import Entries, as_json
from triage.records.tables import DraftRow, MarkDraftRow, ReadingRow

NOTHING = as_json(Entries())


@dataclass(frozen=True, slots=True)
class Begun:
    """What readers have begun in one study, by their names.

    Attributes
    ----------
    drafts
        Who has entered or marked something that is not signed.
    committed
        Who has committed a class before the AI result was shown.
    signing
        Whose signature waits until it cannot be taken back any more.
    """

    drafts: set[str] = field(default_factory=set)
    committed: set[str] = field(default_factory=set)
    signing: set[str] = field(default_factory=set)


def begun(session: Session, study_ids: Collection[str]) -> dict[str, Begun]:
    """Return what readers have begun in each of some studies."""
    found = {study_id: Begun() for study_id in study_ids}
    entered = select(DraftRow.study_id, DraftRow.reader, DraftRow.entries, DraftRow.blind, DraftRow.due_at)
    for study_id, reader, entries, blind, due in session.execute(entered.where(DraftRow.study_id.in_(study_ids))):
        one = found[study_id]
        if blind:
            one.committed.add(reader)
        if due:
            one.signing.add(reader)
        elif blind or entries != NOTHING:
            one.drafts.add(reader)
    marked = select(MarkDraftRow.study_id, MarkDraftRow.reader).where(MarkDraftRow.study_id.in_(study_ids))
    signed = select(ReadingRow.id).where(
        ReadingRow.study_id == MarkDraftRow.study_id,
        ReadingRow.reader == MarkDraftRow.reader,
        ReadingRow.signed_at >= MarkDraftRow.saved_at,
    )
    for study_id, reader in session.execute(marked.where(~signed.exists())):
        if reader not in found[study_id].signing:
            found[study_id].drafts.add(reader)
    return found
