"""Audit rows about access: who did what, from where. Tested in tests/access/test_sign_in.py."""

from __future__ import annotations

from triage.records.audit import Event
from triage.records.store import Store
from triage.text import visible

#: Who acts while nobody is signed in.
STRANGER = "stranger"


def note(
    store: Store,
    event: Event,
    detail: str,
    *,
    actor: str,
    account: str = "",
    address: str = "",
    study_id: str | None = None,
) -> None:
    """Write an audit row.

    Parameters
    ----------
    store
        Holds the trail.
    event
        What happened.
    detail
        Safe to show; never a patient's identity, a password or a token.
    actor
        Name of the person or peer.
    account, address
        ID of the account, and network address that the request came from; those of the origin if left out, see
        `triage.records.audit.row`.
    study_id
        The study, if it is about one.
    """
    store.audit.did(
        event,
        detail,
        actor=actor[:128],
        study_id=study_id,
        account=account or None,
        address=visible(address, 64) or None,
    )
