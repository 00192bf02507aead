"""The rows of the worklist, which the page asks for as the reader types; the same as CSV; the reader's columns."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, TypeVar

from anyio import to_thread
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute, Route

from triage.domain import Band, Finding, StudyStatus
from triage.errors import TriageError
from triage.languages.speech import later, retold, t
from triage.pipeline.installation import Installation
from triage.records.worklist_views import Counted, Sort, WorklistFilter, WorklistRow
from triage.settings import ROOT
from triage.text import csv_cell, one_line, readable_name
from triage.web.reader import NO_STORE, STATUS, acting, answering, reader_of, refuse_other_sites

PAGE_SIZE = 50
#: Most rows of a CSV file.
MAX_CSV_ROWS = 10_000
ALL, WAITING, FOR_ANOTHER = "all", "waiting", "for another reader"
#: Statuses with a list of their own; what is being scored or ranked is found among what waits.
LISTED = tuple(
    status for status in StudyStatus if status not in (StudyStatus.RECEIVED, StudyStatus.RANKED, StudyStatus.MERGED)
)
#: Statuses in which a study does not wait, and what sorts by the AI result.
SETTLED = {StudyStatus.READ, StudyStatus.DISCARDED}
BY_THE_AI = {Sort.MALIGNANCY, Sort.PREDICTED}
#: Scripts of the pages that are loaded from here.
MODULES = ROOT / "assets"
#: Name under which the columns of a reader are kept, and how many there may be, wide and narrow: pixels.
COLUMNS, MAX_COLUMNS, WIDTHS = "worklist columns", 40, (40, 900)
#: Shown instead of the class of a study without a result.
WITHOUT_RESULT = {
    StudyStatus.RECEIVED: later("Being scored"),
    StudyStatus.NOT_ANALYSABLE: later("Not analysable"),
}
#: Columns of the CSV by the field of a row, named as in every table that can be taken away (docs/readings-export.md).
CSV_COLUMNS = {
    "id": "study",
    "band": "band",
    "malignancy": "p_glioma",
    "ai": "ai_label",
    "patient": "patient_name",
    "mrn": "mrn",
    "accession": "accession",
    "study": "description",
    "date": "study_date",
    "images": "images",
    "arrived": "arrived_at",
    "status": "status",
    "claimed": "open_by",
    "signed": "signed",
    "reason": "rank_reason",
}

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
        page = queue.page(wanted, datetime.now(UTC), number=_page(number) - 1, size=PAGE_SIZE)
        counts = queue.counts(wanted.text, wanted.reader)
        any_band, any_finding = (
            [one for one in counts if _is_in(less, one)]
            for less in (replace(wanted, bands=()), replace(wanted, findings=()))
        )
        return {
            "rows": [_told(self._row(row)) for row in page.rows],
            "total": page.total,
            "page": page.number + 1,
            "pages": max(-(-page.total // PAGE_SIZE), 1),
            "lists": [
                {"name": ALL, "label": t("All"), "count": _sum(counts)},
                {
                    "name": WAITING,
                    "label": t("Waiting"),
                    "count": _sum(one for one in counts if one.waiting and not one.for_another),
                },
                *(_list(status, counts) for status in LISTED),
                *_of_the_reader(wanted, counts),
            ],
            "hiding": _hiding(wanted, counts) if not page.total else None,
            "bands": {band: _sum(one for one in any_band if one.band is band) for band in Band},
            "findings": [
                {
                    "name": finding,
                    "label": t(finding.label),
                    "count": _sum(one for one in any_finding if one.predicted is finding),
                }
                for finding in Finding
                if not self._hides_ai(wanted)
            ],
        }

    async def _csv(self, request: Request) -> Response:
        """Send the rows of all pages as a table."""
        refuse_other_sites(request)
        wanted, queue = self._wanted(request), self._installation().queue
        try:
            page = await to_thread.run_sync(lambda: queue.page(wanted, datetime.now(UTC), size=MAX_CSV_ROWS))
            await to_thread.run_sync(acting(request, self._installation()).export_list, len(page.rows))
        except TriageError as error:
            raise HTTPException(STATUS.get(type(error), 503), retold(str(error)), NO_STORE) from error
        table = io.StringIO()
        writer = csv.writer(table, quoting=csv.QUOTE_ALL)
        writer.writerow(CSV_COLUMNS.values())
        for row in map(self._row, page.rows):
            signed = "; ".join(": ".join(filter(None, (one["reader"], one["finding"]))) for one in row["signed"])
            writer.writerow([csv_cell(_cell((row | {"signed": signed})[name])) for name in CSV_COLUMNS])
        headers = NO_STORE | {"Content-Disposition": 'attachment; filename="worklist.csv"'}
        return Response(f"\ufeff{table.getvalue()}", media_type="text/csv; charset=utf-8", headers=headers)

    def _wanted(self, request: Request) -> WorklistFilter:
        """Return the filter of a request; before a blind reading no filter or order tells what the AI found."""
        wanted = replace(_wanted(request), reader=reader_of(request))
        if not self._hides_ai(wanted):
            return wanted
        return replace(wanted, findings=(), sort=None if wanted.sort in BY_THE_AI else wanted.sort)

    def _hides_ai(self, wanted: WorklistFilter) -> bool:
        """Return whether a list holds studies whose AI result is not to be seen yet."""
        return self._installation().settings.blind_first_read and not (
            wanted.statuses and {*wanted.statuses} <= SETTLED
        )

    def _row(self, row: WorklistRow) -> dict[str, Any]:
        """Return a row; before a blind reading it keeps the AI's answer to itself, and only the band shows."""
        found = _row(row)
        if row.waiting and row.predicted and self._installation().settings.blind_first_read:
            found |= {"malignancy": None, "finding": None, "ai": later("Hidden: blind reading"), "reason": row.doubt}
        return found

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


def _is_in(wanted: WorklistFilter, one: Counted) -> bool:
    """Return whether what was counted is in a list."""
    in_status = one.status in wanted.statuses if wanted.statuses else one.waiting
    in_list = wanted.everything or (in_status and one.for_another is wanted.for_another)
    in_bands = not wanted.bands or one.band in wanted.bands
    return in_list and in_bands and (not wanted.findings or one.predicted in wanted.findings)


def _list(status: StudyStatus, counts: list[Counted]) -> dict[str, Any]:
    """Return the list of a status; `within` says that it is a part of what waits."""
    found = [one for one in counts if one.status is status and not one.for_another]
    within = status not in (StudyStatus.READ, StudyStatus.DISCARDED)
    return {"name": status, "label": _capitalised(t(status)), "count": _sum(found), "within": within}


def _of_the_reader(wanted: WorklistFilter, counts: list[Counted]) -> list[dict[str, Any]]:
    """Return the list of what the reader has signed and another one is to sign too; none while it is empty."""
    count = _sum(one for one in counts if one.for_another)
    told = t("You signed these. They wait for another reader, and stand in the lists of all others.")
    shown = count or wanted.for_another
    return [{"name": FOR_ANOTHER, "label": t("For another reader"), "count": count, "told": told}] if shown else []


def _hiding(wanted: WorklistFilter, counts: list[Counted]) -> dict[str, Any] | None:
    """Return the least that hides all studies that the text finds, and how many show without it; None if none would.

    The list is named only where no study of it would show without the other filters.
    """
    anywhere = replace(wanted, statuses=(), for_another=False, everything=True)
    for base, names in ((wanted, ()), (anywhere, ("list",))):
        for others in ((), ("bands",), ("findings",), ("bands", "findings")):
            bands = () if "bands" in others else base.bands
            less = replace(base, bands=bands, findings=() if "findings" in others else base.findings)
            if count := _sum(one for one in counts if _is_in(less, one)):
                return {"count": count, "by": [*names, *others]}
    return None


def _sum(counts: Iterable[Counted]) -> int:
    return sum(one.count for one in counts)


def _row(row: WorklistRow) -> dict[str, Any]:
    """Return a row as the page shows it."""
    return {
        "id": row.study_id,
        "band": row.band,
        "malignancy": row.malignancy,
        "finding": row.predicted,
        "ai": WITHOUT_RESULT.get(row.status, row.predicted.label if row.predicted else "Not analysable"),
        "patient": readable_name(row.patient_name),
        "mrn": one_line(row.mrn),
        "accession": one_line(row.accession_number),
        "study": one_line(row.name),
        "date": row.study_date.isoformat() if row.study_date else "",
        "images": f"{one_line(row.modality)} {row.slices}".strip(),
        "arrived": row.arrived_at.isoformat(),
        "status": row.status,
        "waiting": row.waiting,
        "reason": f"{row.doubt}. {row.reason}" if row.doubt else row.reason,
        "claimed": one_line(row.claimed_by),
        "prior": row.is_prior,
        "signed": [
            # Who reads a study for the second time is not to know what the first reader found.
            {
                "reader": one_line(one.reader),
                "finding": "" if row.status is StudyStatus.SECOND_READ else one.finding,
                "at": one.signed_at.isoformat(),
            }
            for one in row.signatures
        ],
    }


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row in the language of the reader."""
    signed = [one | {"finding": t(one["finding"])} for one in row["signed"]]
    return row | {"ai": t(row["ai"]), "reason": retold(row["reason"]), "signed": signed}


def _capitalised(text: str) -> str:
    return text[:1].upper() + text[1:]


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)


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
