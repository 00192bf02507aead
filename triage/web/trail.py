"""Audit rows for DICOMweb: who stored, searched and retrieved, one row for each request."""

from __future__ import annotations

from functools import partial

from anyio import to_thread
from starlette.requests import Request

from triage.pipeline.installation import Installation
from triage.records.audit import Event
from triage.web.guard import address_of
from triage.web.tokens import PEER, named


def peer(request: Request) -> str:
    """Return the name of the peer for the audit trail."""
    return named(request.scope.get(PEER), address_of(request.scope))


async def note(request: Request, installation: Installation, event: Event, detail: str) -> None:
    """Write the audit row of a request before it is answered, so that nothing is handed out unaudited.

    Parameters
    ----------
    request
        Its path names the study, if there is one.
    installation
        Holds the audit trail.
    event
        `Event.SEARCHED` or `Event.RETRIEVED`.
    detail
        Safe to show: the kind of request, never the values of a search.

    Raises
    ------
    StorageError
        If the record did not take the row.
    """
    uid = request.path_params.get("study", "")
    row = partial(installation.store.audit.requested, event, uid, detail, actor=peer(request))
    await to_thread.run_sync(row)
