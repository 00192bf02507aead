"""Who stored, searched and fetched over DICOMweb, for the audit trail: one row a request."""

from __future__ import annotations

from functools import partial

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request

from triage.errors import StorageError
from triage.pipeline.installation import Installation


def peer(request: Request) -> str:
    """Return who asks. All peers have the same token, so their address tells them apart."""
    return f"dicomweb {request.client.host}" if request.client else "dicomweb"


async def note(request: Request, installation: Installation, event: str, detail: str) -> None:
    """Keep the audit row of a request before it is answered: what cannot be noted is not handed out.

    Parameters
    ----------
    request
        Its address names the study, where there is one.
    installation
        The installation's parts.
    event
        searched or retrieved.
    detail
        Safe to show: what was asked for, never the values that were looked for.

    Raises
    ------
    HTTPException
        503, if the record did not take the row.
    """
    uid = request.path_params.get("study", "")
    row = partial(installation.store.note_request, event, uid, detail, actor=peer(request))
    try:
        await to_thread.run_sync(row)
    except StorageError as error:
        raise HTTPException(503, str(error)) from error
