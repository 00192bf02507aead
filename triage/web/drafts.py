"""What the form of the review page keeps here while it is filled in, and what it is told about others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from triage.domain import Beyond, Reading
from triage.errors import ConflictError, ReadingError
from triage.pipeline.installation import Installation
from triage.reading import as_json, from_json, hidden_from
from triage.records.views import Draft, Held
from triage.settings import ROOT
from triage.text import one_line, readable_name
from triage.web.reader import answering, reader_of

#: Modules of the form, for the browser.
MODULES = ROOT / "assets" / "reading"
NO_READER = "Enter your name in the sidebar, so that the draft can be kept."
OTHER_READER = "This browser reads under another name by now. Load the page again."


class Drafts:
    """The routes below ``/reading``.

    Parameters
    ----------
    installation
        Returns the installation; called for every request.
    """

    def __init__(self, installation: Callable[[], Installation]) -> None:
        self._installation = installation

    def routes(self) -> list[BaseRoute]:
        """Return the routes."""
        study = "/reading/{study}"
        return [
            Route("/reading/modules/{name}", _module),
            Route(study, answering(self._look), methods=["GET"]),
            Route(study, answering(self._stay), methods=["POST"]),
            Route(study + "/draft", answering(self._save), methods=["PUT"]),
            Route(study + "/signature", answering(self._take_back), methods=["DELETE"]),
        ]

    def _look(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """Tell what the record has for this reader."""
        return snapshot(self._installation(), request.path_params["study"], reader_of(request))

    def _stay(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """Keep the claim of a reader who is at work, and tell what the record has."""
        study_id, reader, installation = request.path_params["study"], reader_of(request), self._installation()
        found = snapshot(installation, study_id, reader)
        if found["claim"] and found["claim"]["mine"]:
            installation.store.claims.take(study_id, reader, datetime.now(UTC))
        return found

    def _save(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        """Keep a draft; if another window changed it, answer with that one beside the reason."""
        study_id, reader, installation = request.path_params["study"], reader_of(request), self._installation()
        if not reader:
            raise ReadingError(NO_READER)
        if sent.get("reader") != reader:
            raise ReadingError(OTHER_READER)
        fields, base, seen = sent.get("entries"), sent.get("version"), sent.get("seen")
        if not isinstance(fields, dict) or not isinstance(base, int) or not isinstance(seen, int):
            raise ReadingError("The form sent something that is not known here. Load the page again.")
        now = datetime.now(UTC)
        try:
            draft = installation.store.drafts.save(study_id, reader, from_json(fields), base=base, seen=seen, now=now)
        except ConflictError as error:
            return {"conflict": str(error)} | snapshot(installation, study_id, reader)
        installation.store.claims.take(study_id, reader, now)
        return {"version": draft.version, "saved_at": draft.saved_at.isoformat()}

    def _take_back(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """Take a signature back that is not stored yet."""
        study_id, reader, installation = request.path_params["study"], reader_of(request), self._installation()
        installation.store.drafts.take_back(study_id, reader, datetime.now(UTC))
        return snapshot(installation, study_id, reader)


def _module(request: Request) -> Response:
    """Send a module of the form; an upgrade must not leave an old one in a browser."""
    path = MODULES / request.path_params["name"]
    if path.suffix != ".js" or path not in MODULES.iterdir():
        raise HTTPException(404)
    return FileResponse(path, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def snapshot(installation: Installation, study_id: str, reader: str) -> dict[str, Any]:
    """Return what the record has for a reader of a study, as JSON: draft, claim, news, signatures that wait.

    News are the readings that others signed since the draft was begun. From a second reader, who has not signed yet,
    it keeps what the first one said.

    Parameters
    ----------
    installation
        Holds the record.
    study_id
        The study.
    reader
        Name of the reader; "" for nobody, who has no draft.

    Raises
    ------
    NotFoundError
        If there is no such study.
    """
    store, now = installation.store, datetime.now(UTC)
    status, readings = store.readings.of(study_id)
    draft = store.drafts.get(study_id, reader) if reader else None
    claim = store.claims.holder(study_id, now)
    hidden = hidden_from(reader, readings, status)
    seen = draft.seen if draft else len(readings)
    return {
        "status": status.value,
        "readings": len(readings),
        "draft": _draft(draft) if draft else None,
        "news": [_news(item, hidden=hidden) for item in readings[seen:] if item.reader != reader],
        "claim": {
            "reader": claim.reader,
            "mine": claim.reader == reader,
            "since": claim.since.isoformat(),
            "note": one_line(claim.note),
        }
        if claim
        else None,
        "held": [_held(item) for item in store.drafts.held(reader)] if reader else [],
    }


def said(item: Reading) -> str:
    """Return a conclusion in words, with the name of another lesion."""
    if item.finding is None:
        return "Nothing chosen"
    return (
        f"{item.finding.label}: {one_line(item.lesion)}" if item.finding is Beyond.OTHER_LESION else item.finding.label
    )


def _draft(draft: Draft) -> dict[str, Any]:
    return {
        "version": draft.version,
        "seen": draft.seen,
        "entries": as_json(draft.entries),
        "blind": draft.entries.blind,
        "saved_at": draft.saved_at.isoformat(),
        "due_at": draft.due_at.isoformat() if draft.due_at else None,
        "refusal": draft.refusal,
    }


def _news(item: Reading, *, hidden: bool) -> dict[str, Any]:
    told = {"reader": item.reader, "signed_at": item.signed_at.isoformat(), "said": "", "why": "", "comment": ""}
    if hidden:
        return told
    return told | {"said": said(item), "why": item.reason or "", "comment": item.comment}


def _held(item: Held) -> dict[str, Any]:
    return {
        "study": item.study_id,
        "name": readable_name(item.name),
        "said": item.finding.label,
        "due_at": item.due_at.isoformat(),
    }
