"""A row of the worklist as the page shows it, and as a line of the CSV. Tested in tests/web/test_worklist.py."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from typing import Any

from triage.domain import StudyStatus
from triage.languages.speech import later, retold, t
from triage.records.worklist_views import WorklistRow
from triage.text import csv_cell, one_line, readable_name

#: Shown instead of the class of a study without a result.
WITHOUT_RESULT = {
    StudyStatus.RECEIVED: later("Being scored"),
    StudyStatus.NOT_ANALYSABLE: later("Not analysable"),
}
#: Instead of the reason of the rank, while a study that has a result is scored with other files.
AGAIN = later("It is scored again; band and P(glioma) are those of the result before")
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


def as_shown(row: WorklistRow, reader: str, *, blind: bool) -> dict[str, Any]:
    """Return a row as the page shows it to a reader; before a blind reading without all that the AI found."""
    hidden = blind and row.hides_ai(reader)
    answer = row.predicted.label if row.predicted else "Not analysable"
    if hidden and row.predicted:
        answer = later("Hidden")
    # While it is scored again, it keeps its place and the numbers of the result before.
    again = row.status is StudyStatus.RECEIVED and row.malignancy is not None
    # Why a study is not analysable says nothing of its band.
    reason = "" if hidden and row.status is not StudyStatus.NOT_ANALYSABLE else AGAIN if again else row.reason
    return {
        "id": row.study_id,
        "band": "" if hidden else row.band,
        "malignancy": None if hidden else row.malignancy,
        "finding": None if hidden else row.predicted,
        "ai": WITHOUT_RESULT.get(row.status, answer),
        "patient": readable_name(row.patient_name),
        "mrn": one_line(row.mrn),
        "accession": one_line(row.accession_number),
        "study": one_line(row.name),
        "date": row.study_date.isoformat() if row.study_date else "",
        "images": f"{one_line(row.modality)} {row.slices}".strip(),
        "arrived": row.arrived_at.isoformat(),
        "status": row.status,
        "waiting": row.waiting,
        "reason": [one for one in (row.doubt, *row.merged, reason) if one],
        "claimed": one_line(row.claimed_by),
        "drafts": [one_line(one) for one in row.drafts],
        "own": bool(reader) and row.claimed_by == reader,
        "prior": row.is_prior,
        "signed": [
            # Who reads a study for the second time is not to know what the first reader found.
            {
                "reader": one_line(one.reader),
                "finding": "" if row.status is StudyStatus.SECOND_READ else one.finding,
                "at": one.signed_at.isoformat(),
                "superseded": one.superseded,
            }
            for one in row.signatures
        ],
    }


def told(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row in the language of the reader."""
    signed = [one | {"finding": t(one["finding"])} for one in row["signed"]]
    # One by one: what a file says in one of them does not go on with the next.
    return row | {"ai": t(row["ai"]), "reason": ". ".join(map(retold, row["reason"])), "signed": signed}


def as_csv(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Give the lines of rows as a table, in English as every table that can be taken away."""
    written = io.StringIO()
    writer = csv.writer(written, quoting=csv.QUOTE_ALL)
    written.write("\ufeff")
    writer.writerow(CSV_COLUMNS.values())
    for row in rows:
        signed = "; ".join(map(_signed, row["signed"]))
        line = row | {"signed": signed, "reason": ". ".join(row["reason"])}
        writer.writerow([csv_cell(_cell(line[name])) for name in CSV_COLUMNS])
        yield written.getvalue()
        written.seek(0)
        written.truncate()
    yield written.getvalue()  # of nothing, the names of the columns


def _signed(one: dict[str, Any]) -> str:
    said = ": ".join(filter(None, (one["reader"], one["finding"])))
    return f"{said} (superseded)" if one["superseded"] else said


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.3f}" if isinstance(value, float) else str(value)
