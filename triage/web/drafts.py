"""What the form of the review page keeps here while it is filled in, and what it is told about others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, TypeVar

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from triage.domain import Beyond, Reading
from triage.errors import ConflictError, ReadingError
from triage.languages.speech import later, retold, t
from triage.pipeline.acting import Acting
from triage.pipeline.installation import Installation
from triage.reading import UNKNOWN_ENTRY, Entries, as_json, from_json, hidden_from
from triage.records.audit import Event
from triage.records.marks import MarkDraft
from triage.records.views import Draft, Held, Refused, Shown
from triage.settings import ROOT
from triage.text import one_line, readable_name
from triage.web.reader import acting, answering

#: Modules of the form, for the browser.
MODULES = ROOT / "assets" / "reading"
NO_READER = later("Enter your name in the sidebar, so that the draft can be kept.")
OTHER_READER = later("This browser reads under another name by now. Load the page again.")
Kind = TypeVar("Kind")


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
            Route(study + "/seen", answering(self._see), methods=["PUT"]),
            Route(study + "/blind", answering(self._commit), methods=["PUT"]),
            Route(study + "/claim", answering(self._take_over), methods=["PUT"]),
            Route(study + "/claim", answering(self._leave), methods=["DELETE"]),
            Route(study + "/signature", answering(self._sign), methods=["PUT"]),
            Route(study + "/signature", answering(self._take_back), methods=["DELETE"]),
        ]

    def _look(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """Tell what the record has for this reader."""
        return snapshot(*self._opened(request))

    def _stay(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """Keep the claim of a reader who is at work, and tell what the record has."""
        installation, study_id, reader = self._opened(request)
        found = snapshot(installation, study_id, reader)
        if found["claim"] and found["claim"]["mine"]:
            installation.store.claims.take(study_id, reader, datetime.now(UTC))
        return found

    def _save(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        """Keep a draft; if another window changed it, answer with that one beside the reason."""
        installation, study_id, reader = self._opened(request)
        if not reader:
            raise ReadingError(NO_READER)
        _same(reader, sent)
        entries, base, seen = _entries(sent), _field(sent, "version", int), _field(sent, "seen", int)
        now = datetime.now(UTC)
        try:
            draft = installation.store.drafts.save(study_id, reader, entries, base=base, seen=seen, now=now)
        except ConflictError as error:
            return {"conflict": retold(str(error))} | snapshot(installation, study_id, reader)
        installation.store.claims.take(study_id, reader, now)
        # After it is on disk: what is answered from then on has it.
        at = datetime.now(UTC).timestamp()
        return {"version": draft.version, "saved_at": draft.saved_at.isoformat(), "at": at}

    def _see(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        """Note how many readings the reader has seen."""
        installation, study_id, reader = self._opened(request)
        installation.store.drafts.catch_up(study_id, reader, _field(sent, "readings", int))
        return snapshot(installation, study_id, reader)

    def _commit(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        """Keep the class that the reader chose before the AI result is shown."""
        return self._do(request, sent, lambda by, study_id: by.commit(study_id, _entries(sent), _shown(sent)))

    def _take_over(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        """Claim a study that another reader has open."""
        return self._do(request, sent, lambda by, study_id: by.take_over(study_id, _field(sent, "note", str)))

    def _leave(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """End the claim of a reader whose browser went from the study to another page."""
        installation, study_id = self._installation(), request.path_params["study"]
        installation.store.claims.release(study_id, acting(request, installation).person.name, datetime.now(UTC))
        return {}

    def _sign(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        """Sign what the form holds, for the study as the reader saw it."""
        version = _field(sent, "version", int)
        return self._do(request, sent, lambda by, study_id: by.sign(study_id, _entries(sent), _shown(sent), version))

    def _do(self, request: Request, sent: dict[str, Any], act: Callable[[Acting, str], object]) -> dict[str, Any]:
        installation, study_id, reader = self._opened(request)
        _same(reader, sent)
        act(acting(request, installation), study_id)
        return snapshot(installation, study_id, reader)

    def _take_back(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """Take a signature back that is not stored yet."""
        installation, study_id, reader = self._opened(request)
        installation.store.drafts.take_back(study_id, reader, datetime.now(UTC))
        return snapshot(installation, study_id, reader)

    def _opened(self, request: Request) -> tuple[Installation, str, str]:
        """Note who looks at a study before anything of it is told; return where, which study, and the reader."""
        installation, study_id = self._installation(), request.path_params["study"]
        by = acting(request, installation)
        if not installation.visits.goes_on(by.person, Event.VIEWED, study_id):
            installation.store.readings.of(study_id)  # or it is not there, and nobody looks at it
            by.view(study_id)
        return installation, study_id, by.person.name


def _module(request: Request) -> Response:
    """Send a module of the form; an upgrade must not leave an old one in a browser."""
    path = MODULES / request.path_params["name"]
    if path.suffix != ".js" or path not in MODULES.iterdir():
        raise HTTPException(404)
    return FileResponse(path, media_type="text/javascript", headers={"Cache-Control": "no-cache"})


def _same(reader: str, sent: dict[str, Any]) -> None:
    """Refuse what was entered under another name: in single-user mode another tab may have changed it."""
    if sent.get("reader") != reader:
        raise ReadingError(OTHER_READER)


def _field(sent: dict[str, Any], name: str, kind: type[Kind]) -> Kind:
    value = sent.get(name)
    if not isinstance(value, kind):
        raise ReadingError(UNKNOWN_ENTRY)
    return value


def _entries(sent: dict[str, Any]) -> Entries:
    return from_json(_field(sent, "entries", dict))


def _shown(sent: dict[str, Any]) -> Shown:
    shown = _field(sent, "shown", dict)
    return Shown(_field(shown, "readings", int), _field(shown, "contents", str), _field(shown, "model", str))


def snapshot(installation: Installation, study_id: str, reader: str) -> dict[str, Any]:
    """Return what the record has for a reader of a study, as JSON: draft, marks, claim, news, signatures.

    What was refused after all, as somebody else was faster, is of other studies: the draft of this one says it itself.

    News are the readings that others signed since the draft was begun. From a second reader, who has not signed yet,
    it keeps what the first one said; from a blind reader, who has not committed a class yet, why the AI was overridden.

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
    # First: a signature that is filed meanwhile is in both, and never in none.
    draft = store.drafts.get(study_id, reader) if reader else None
    status, readings = store.readings.of(study_id)
    claim = store.claims.holder(study_id, now)
    hidden = hidden_from(reader, readings, status)
    seen = draft.seen if draft else len(readings)
    committed = bool(draft and draft.entries.blind) or any(item.reader == reader for item in readings)
    blind = installation.settings.blind_first_read and not committed
    return {
        "at": now.timestamp(),
        "status": status.value,
        "readings": len(readings),
        "draft": _draft(draft) if draft else None,
        "marked_at": _marked_at(store.marks.draft(study_id, reader), readings, reader) if reader else None,
        "news": [_news(item, hidden=hidden, blind=blind) for item in readings[seen:] if item.reader != reader],
        "claim": {
            "reader": claim.reader,
            "mine": claim.reader == reader,
            "since": claim.since.isoformat(),
            "note": one_line(claim.note),
        }
        if claim
        else None,
        "held": [_held(item) for item in store.drafts.held(reader)] if reader else [],
        "refused": [_refused(item) for item in store.drafts.refused(reader) if item.study_id != study_id]
        if reader
        else [],
    }


def said(item: Reading) -> str:
    """Return a conclusion in words, with the name of another lesion."""
    if item.finding is None:
        return t("Nothing chosen")
    label = t(item.finding.label)
    return f"{label}: {one_line(item.lesion)}" if item.finding is Beyond.OTHER_LESION else label


def _draft(draft: Draft) -> dict[str, Any]:
    return {
        "version": draft.version,
        "seen": draft.seen,
        "entries": as_json(draft.entries),
        "blind": draft.entries.blind,
        "saved_at": draft.saved_at.isoformat(),
        "due_at": draft.due_at.isoformat() if draft.due_at else None,
        "refusal": retold(draft.refusal),
    }


def _marked_at(marks: MarkDraft, readings: Sequence[Reading], reader: str) -> str | None:
    """Return when the reader last changed marks that no reading of this reader has taken along yet."""
    signed = max((item.signed_at for item in readings if item.reader == reader), default=None)
    if marks.saved_at is None or (signed and signed >= marks.saved_at):
        return None
    return marks.saved_at.isoformat()


def _news(item: Reading, *, hidden: bool, blind: bool) -> dict[str, Any]:
    told = {"reader": item.reader, "signed_at": item.signed_at.isoformat(), "said": "", "why": "", "comment": ""}
    if hidden:
        return told
    why = t(item.reason) if item.reason and not blind else ""
    return told | {"said": said(item), "why": why, "comment": item.comment}


def _refused(item: Refused) -> dict[str, Any]:
    return {"study": item.study_id, "name": readable_name(item.name), "reason": retold(item.reason)}


def _held(item: Held) -> dict[str, Any]:
    return {
        "study": item.study_id,
        "name": readable_name(item.name),
        "said": t(item.finding.label),
        "due_at": item.due_at.isoformat(),
    }
