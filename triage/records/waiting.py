"""The code of a signature that waits: it shows at its end that the signature is the one that its reader made here.

Tested in tests/records/test_drafts.py.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from triage.records.audit import Event
from triage.records.canonical import canonical, without
from triage.records.keys import Key
from triage.records.tables import AuditRow, DraftRow

#: Name of the code among what is kept of a signature.
CODE = "code"


def with_code(key: Key, study_id: str, signature: Mapping[str, Any], due: datetime) -> dict[str, Any]:
    """Return what is kept of a signature, with its code."""
    return {**signature, CODE: _code(key, study_id, signature, due)}


def is_genuine(session: Session, key: Key, row: DraftRow) -> bool:
    """Whether the signature of a draft was made here as it stands, and not taken back since."""
    kept = row.signature or {}
    if row.due_at is None or not isinstance(kept, dict) or not isinstance(code := kept.get(CODE), str):
        return False
    expected = _code(key, row.study_id, without(kept, (CODE,)), row.due_at)
    if not hmac.compare_digest(code.encode(), expected.encode()) or kept.get("reader") != row.reader:
        return False
    # Or one that was taken back could be put there again.
    taken_back = select(AuditRow.id).where(
        AuditRow.study_id == row.study_id,
        AuditRow.actor == row.reader,
        AuditRow.event == Event.TAKEN_BACK,
        AuditRow.at > datetime.fromisoformat(kept["signed_at"]),
    )
    return session.scalar(taken_back.limit(1)) is None


def _code(key: Key, study_id: str, signature: Mapping[str, Any], due: datetime) -> str:
    return key.mac(canonical({"waits": study_id, "signature": dict(signature), "due": due}))
