"""The rows of the worklist, which the page asks for as the reader types; the same as CSV; the reader's columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from triage.domain import Band, Finding, StudyStatus
from triage.errors import TriageError
from triage.languages.speech import retold, t
from triage.pipeline.installation import Installation
from triage.records.worklist_views import Sort, WorklistFilter, WorklistRow
from triage.settings import ROOT
from triage.web import worklist_lists
from triage.web.audit_export import in_pieces
from triage.web.reader import NO_STORE, STATUS, acting, answering, reader_of, refuse_other_sites
from triage.web.worklist_lists import ALL, FOR_ANOTHER, WAITING
from triage.web.worklist_rows import as_csv, as_shown, told

PAGE_SIZE = 50
#: What sorts by the AI result.
BY_THE_AI = {Sort.BAND, Sort.MALIGNANCY, Sort.PREDICTED}
#: Scripts of the pages that are loaded from here.
MODULES = ROOT / "assets"
#: Name under which the columns of a reader are kept, and how many there may be, wide and narrow: pixels.
COLUMNS, MAX_COLUMNS, WIDTHS = "worklist columns", 40, (40, 900)

Chosen = TypeVar("Chosen", bound=StrEnum)


class Worklist:
    """The routes below ``/worklist``.

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
        return [
            Route("/worklist/rows", answering(self._rows)),
            Route("/worklist/rows.csv", self._csv),
            Route("/worklist/columns", answering(self._columns)),
            Route("/worklist/columns", answering(self._keep_columns), methods=["PUT"]),
            Route("/worklist/modules/{name}", _module),
        ]

    def _rows(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """Return one page of rows, and how many studies each list, band and class holds."""
        wanted, queue = self._wanted(request), self._installation().queue
        number = request.query_params.get("page", "1")
        now = datetime.now(UTC)
        page = queue.page(wanted, now, number=_page(number) - 1, size=PAGE_SIZE)
        counts = queue.counts(wanted.text, wanted.reader)
        return {
            # How long a study waits is told in seconds: the clock of the browser can be wrong.
            "rows": [
                told(self._row(row, wanted)) | {"waited": (now - row.arrived_at).total_seconds()} for row in page.rows
            ],
            "total": page.total,
            "page": page.number + 1,
            "pages": max(-(-page.total // PAGE_SIZE), 1),
            "lists": worklist_lists.lists(wanted, counts),
            "hiding": worklist_lists.hiding(wanted, counts) if not page.total else None,
            "bands": {} if wanted.blind else worklist_lists.of_bands(wanted, counts),
            "findings": [] if wanted.blind else worklist_lists.of_findings(wanted, counts),
            "sort": wanted.sort or "",
        }

    async def _csv(self, request: Request) -> Response:
        """Send the rows of all pages as a table, as they are read."""
        refuse_other_sites(request)
        wanted, queue = self._wanted(request), self._installation().queue
        try:
            count, rows = await to_thread.run_sync(queue.all, wanted, datetime.now(UTC))
            await to_thread.run_sync(acting(request, self._installation()).export_list, count)
        except TriageError as error:
            raise HTTPException(STATUS.get(type(error), 503), retold(str(error)), NO_STORE) from error
        headers = NO_STORE | {"Content-Disposition": 'attachment; filename="worklist.csv"'}
        lines = as_csv(self._row(row, wanted) for row in rows)
        return StreamingResponse(in_pieces(lines), media_type="text/csv; charset=utf-8", headers=headers)

    def _wanted(self, request: Request) -> WorklistFilter:
        """Return the filter of a request; before a blind reading no filter or order tells what the AI found."""
        wanted = replace(_wanted(request), reader=reader_of(request))
        if not self._installation().settings.blind_first_read:
            return wanted
        sort = None if wanted.sort in BY_THE_AI else wanted.sort
        return replace(wanted, bands=(), findings=(), sort=sort, blind=True)

    def _row(self, row: WorklistRow, wanted: WorklistFilter) -> dict[str, Any]:
        return as_shown(row, wanted.reader, blind=wanted.blind)

    def _columns(self, request: Request, _: dict[str, Any]) -> dict[str, Any]:
        """Return the columns that the reader has chosen; none while no name is entered."""
        reader = reader_of(request)
        kept = self._installation().store.preferences.of(reader, COLUMNS) if reader else {}
        return {"columns": kept.get("columns", [])}

    def _keep_columns(self, request: Request, sent: dict[str, Any]) -> dict[str, Any]:
        reader, columns = reader_of(request), _as_columns(sent.get("columns"))
        if reader:
            self._installation().store.preferences.keep(reader, COLUMNS, {"columns": columns})
        return {"kept": bool(reader)}


def _wanted(request: Request) -> WorklistFilter:
    """Return the filter of a request; a value that is not known counts as none."""
    asked = request.query_params
    name = asked.get("list", WAITING)
    return WorklistFilter(
        bands=_chosen(Band, asked.get("bands", "")),
        findings=_chosen(Finding, asked.get("findings", "")),
        statuses=_chosen(StudyStatus, name),
        everything=name == ALL,
        for_another=name == FOR_ANOTHER,
        text=asked.get("text", ""),
        sort=next(iter(_chosen(Sort, asked.get("sort", ""))), None),
        descending=asked.get("descending") == "true",
    )


def _chosen(kind: type[Chosen], names: str) -> tuple[Chosen, ...]:
    return tuple(one for one in kind if one.value in names.split(","))


def _page(number: str) -> int:
    return max(int(number), 1) if number.isdecimal() and len(number) < 8 else 1


def _as_columns(sent: object) -> list[dict[str, Any]]:
    """Return the columns of a request without what the page would not send."""
    columns = [one for one in sent if isinstance(one, dict)] if isinstance(sent, list) else []
    low, high = WIDTHS
    return [
        {
            "name": str(one.get("name", ""))[:32],
            "shown": one.get("shown") is True,
            "width": min(max(width, low), high) if isinstance(width := one.get("width"), int) else None,
        }
        for one in columns[:MAX_COLUMNS]
    ]


def _module(request: Request) -> Response:
    """Send a script of the worklist or of the news."""
    known = {path.name: path for pattern in ("worklist*.js", "events*.js") for path in MODULES.glob(pattern)}
    if (path := known.get(request.path_params["name"])) is None:
        raise HTTPException(404, t("There is no such script. Load the page again."))
    return FileResponse(path, media_type="text/javascript", headers={"Cache-Control": "no-cache"})
