"""Audit rows for DICOMweb: who stored, searched and retrieved, one row for each request."""

from __future__ import annotations

from functools import partial

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request

from triage.errors import StorageError
from triage.pipeline.installation import Installation
from triage.records.audit import Event


def peer(request: Request) -> str:
    """Return the name of the peer for the audit trail: its address, since all peers share one token."""
    return f"dicomweb {request.client.host}" if request.client else "dicomweb"


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
    HTTPException
        503, if the record did not take the row.
    """
    uid = request.path_params.get("study", "")
    row = partial(installation.store.audit.requested, event, uid, detail, actor=peer(request))
    try:
        await to_thread.run_sync(row)
    except StorageError as error:
        raise HTTPException(503, str(error)) from error
