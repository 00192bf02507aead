"""The monthly report as PDF, on one or two pages A4. Tested in tests/reports/test_monthly.py."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Sequence
from typing import Any

from matplotlib.backends.backend_pdf import PdfPages

from triage.languages.speech import t
from triage.reports.drift_charts import CHARTED, draw
from triage.reports.monthly import NOT_CLINICAL, Content, Table
from triage.reports.paper import LEFT, MUTED, WARNING, Paper, cut, fonts
from triage.reports.sources import MANUFACTURER

#: Characters in a line, and in the first column of a table.
LINE, NAME = 104, 40
#: Heights, as a share of the page: of a row of charts, of a row of a table; below this y nothing more is written.
CHART, ROW, END = 0.118, 0.0165, 0.09


def as_pdf(said: Content) -> bytes:
    """Return the report as PDF."""
    buffer = io.BytesIO()
    about = {"Title": f"{MANUFACTURER}: {said.title}"}
    with fonts(), PdfPages(buffer, metadata=about) as pdf:
        first = _page(said)
        _alarms(first, said)
        first.rule(said.numbers.title)
        _table(first, said.numbers, LEFT, (0.34, 0.6))
        _charts(first, said)
        pdf.savefig(first.figure)
        second = _page(said)
        second.rule(t("Agreement of readers and AI"))
        _side_by_side(second, said.agreement)
        second.rule(t("How to read it"))
        for note in said.notes:
            _paragraph(second, note, 8)
        pdf.savefig(second.figure)
    return buffer.getvalue()


def _page(said: Content) -> Paper:
    page = Paper()
    page.write(cut(said.title, 60), 15, weight="bold")
    page.write(t(NOT_CLINICAL), 8.5, color=WARNING, weight="bold")
    page.y = 0.045
    page.write(cut(said.foot, 120), 6.5, color=MUTED)
    page.y = 0.915
    return page


def _alarms(page: Paper, said: Content) -> None:
    page.rule(t("Alarms") if said.alarmed else t("No alarm"))
    for alarm in said.alarms:
        _paragraph(page, alarm, 9, color=WARNING if said.alarmed else "black")


def _paragraph(page: Paper, text: str, size: float, **style: Any) -> None:
    for line in textwrap.wrap(text, round(LINE * 8.4 / size)):
        page.write(line, size, **style)
    page.y -= 0.003


def _table(page: Paper, table: Table, left: float, columns: Sequence[float], title: str = "") -> None:
    """Write a table whose columns behind the first begin at these places."""
    places = (left, *columns)
    heads = (title, *table.columns[1:])
    for place, head in zip(places, heads, strict=False):
        page.write(head, 8, x=place, line=False, color=MUTED)
    for row in table.rows:
        page.y -= ROW
        for place, cell in zip(places, row, strict=False):
            page.write(cut(cell, NAME), 8, x=place, line=False)
    page.y -= ROW


def _side_by_side(page: Paper, tables: Sequence[Table]) -> None:
    """Write tables in two columns."""
    for at in range(0, len(tables), 2):
        top, lowest = page.y, page.y
        for left, table in zip((LEFT, 0.52), tables[at : at + 2], strict=False):
            page.y = top
            _table(page, table, left, (left + 0.2, left + 0.335, left + 0.375), table.title)
            lowest = min(lowest, page.y)
        page.y = lowest - 0.012
    if not tables:
        page.write(t("nothing to show yet"), 8, color=MUTED)


def _charts(page: Paper, said: Content) -> None:
    page.rule(t("Charts"))
    wide, gap = 0.38, 0.055
    height = min((page.y - END) / 3 - gap, CHART)
    for number, what in enumerate(CHARTED):
        row, column = divmod(number, 2)
        left, bottom = LEFT + 0.03 + column * (wide + 0.07), page.y - 0.02 - (row + 1) * height - row * gap
        draw(page.figure.add_axes((left, bottom, wide, height)), what, said.month.watched)
