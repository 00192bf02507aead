"""The audit trail to take away: CSV, and FHIR AuditEvent as one JSON object a line; written as it is read."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from itertools import chain, islice

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from triage.errors import TriageError
from triage.languages.speech import later, retold, t
from triage.pipeline.installation import Installation
from triage.records.audit import Event
from triage.records.trail import TrailEntry, TrailFilter
from triage.reports.audit_event import audit_event
from triage.text import csv_cell, visible
from triage.web.reader import NO_STORE, acting, refuse_other_sites

COLUMNS = ("number", "time", "who", "account", "address", "what", "study", "detail")
NOT_KNOWN = later("There is no such time or event. Choose both on the page Audit trail.")
#: Rows of one piece of an answer, and characters of a search.
PIECE, MAX_SEARCH = 500, 200
#: Media type and end of the file name of each form.
FORMS = {"CSV": ("text/csv; charset=utf-8", "csv"), "FHIR": ("application/fhir+ndjson", "ndjson")}


class AuditExport:
    """The routes below ``/trail``.

    Parameters
    ----------
    installation
        Returns the installation; called for every request.
    """

    def __init__(self, installation: Callable[[], Installation]) -> None:
        self._installation = installation

    @property
    def routes(self) -> list[BaseRoute]:
        """The routes, for the server of the pages."""
        return [Route("/trail/rows.csv", self._csv), Route("/trail/events.ndjson", self._fhir)]

    async def _csv(self, request: Request) -> Response:
        return await self._send(request, "CSV", csv_lines)

    async def _fhir(self, request: Request) -> Response:
        installation = self._installation()
        site, record = installation.settings.address or "localhost", installation.store.key.fingerprint

        def lines(entries: Iterator[TrailEntry]) -> Iterator[str]:
            return (
                json.dumps(audit_event(one, site, record), ensure_ascii=False, separators=(",", ":")) + "\n"
                for one in entries
            )

        return await self._send(request, "FHIR", lines)

    async def _send(
        self, request: Request, form: str, written: Callable[[Iterator[TrailEntry]], Iterator[str]]
    ) -> Response:
        refuse_other_sites(request)
        wanted, who = wanted_by(request), acting(request, self._installation())

        def begun() -> Iterator[TrailEntry]:
            entries = who.export_trail(wanted, form)
            first = next(entries, None)  # what is wrong with the record is said before anything is sent
            return chain([first] if first else [], entries)

        try:
            entries = await to_thread.run_sync(begun)
        except TriageError as error:
            raise HTTPException(503, retold(str(error)), NO_STORE) from error
        kind, ending = FORMS[form]
        headers = NO_STORE | {"Content-Disposition": f'attachment; filename="audit-trail.{ending}"'}
        return StreamingResponse(in_pieces(written(entries)), media_type=kind, headers=headers)


def csv_lines(entries: Iterator[TrailEntry]) -> Iterator[str]:
    """Give the lines of a table that no spreadsheet takes for formulas."""
    line = io.StringIO()
    writer = csv.writer(line, quoting=csv.QUOTE_ALL)
    line.write("\ufeff")
    writer.writerow(COLUMNS)
    for one in entries:
        at = one.at.astimezone(UTC).isoformat(timespec="milliseconds")
        cells = (str(one.number), at, one.actor, one.account, one.address, one.event, one.study_id, one.detail)
        writer.writerow(map(csv_cell, cells))
        yield line.getvalue()
        line.seek(0)
        line.truncate()
    yield line.getvalue()  # of nothing, the names of the columns


def query_of(wanted: TrailFilter) -> dict[str, str]:
    """Return the query of an address that asks for what a filter lets through."""
    fields = {
        "words": wanted.words,
        "events": ",".join(wanted.events),
        "who": wanted.actor,
        "study": wanted.study,
        "since": wanted.since.isoformat() if wanted.since else "",
        "until": wanted.until.isoformat() if wanted.until else "",
    }
    return {name: value for name, value in fields.items() if value}


def wanted_by(request: Request) -> TrailFilter:
    """Return the filter that an address asks for.

    Raises
    ------
    HTTPException
        400, if a time or an event is none.
    """
    asked = request.query_params
    words, actor, study = (visible(asked.get(name, ""), MAX_SEARCH) for name in ("words", "who", "study"))
    try:
        events = tuple(map(Event, filter(None, asked.get("events", "").split(","))))
        since, until = (_time(asked.get(name, "")) for name in ("since", "until"))
    except (ValueError, OverflowError) as error:
        raise HTTPException(400, t(NOT_KNOWN), NO_STORE) from error
    return TrailFilter(words, events, actor, study, since, until)


def _time(text: str) -> datetime | None:
    at = datetime.fromisoformat(text) if text else None
    return at and (at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC))


def in_pieces(lines: Iterator[str]) -> Iterator[str]:
    """Give some lines at a time: each piece costs the server a turn."""
    while piece := "".join(islice(lines, PIECE)):
        yield piece
