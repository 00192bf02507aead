"""The studies whose next reading would teach the model most, as a table to open them from.

Tested in tests/pages/test_second_reads.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd
import streamlit as st

from triage.domain import StudyStatus
from triage.languages.speech import day_pattern, later, t
from triage.learning.second_reads import SecondRead, by_what_they_teach
from triage.pipeline.installation import Installation
from triage.records.unsettled import latest_said
from triage.records.worklist_views import WorklistRow
from triage.text import readable_name, table_cell
from triage.ui import state, tables

#: Studies in the table: a reader who has an hour.
SHOWN = 20
OPEN, READ = later("Worth reading early"), later("Worth a second reading")
ASKED = {
    OPEN: later(
        "Nobody has read these studies yet, and a reading would teach the next model much: the AI cannot rule out "
        "several classes, or the pictures are unlike those that it knows."
    ),
    READ: later(
        "Others have read these studies, you have not. Another reading would teach the next model most: readers and AI "
        "are not of one opinion, or the pictures are unlike those that it knows."
    ),
}
#: Said instead of a reason that would tell a second reader what others said.
AFTER = later("shown once you have signed")


def show(installation: Installation, reader: str) -> None:
    """Draw the studies that this reader would help most with, those that nobody read apart; a click opens one.

    With a blind first read they are not told: where the AI is unsure, or not of the readers' opinion, is the AI result.
    """
    if installation.settings.blind_first_read:
        return
    found = by_what_they_teach(latest_said(installation.store.read), reader)
    if "second_read_open" in st.session_state:
        state.open_study(st.session_state.pop("second_read_open"))
    if not found:
        st.subheader(t(READ))
        st.caption(t("No study would teach more by a reading of yours."))
    for title in (READ, OPEN):
        some = [one for one in found if bool(one.readers) is (title is READ)][:SHOWN]
        if some:
            _table(installation, title, some)


def _table(installation: Installation, title: str, found: Sequence[SecondRead]) -> None:
    standing = installation.queue.standing([one.study_id for one in found], state.now())
    listed = [(one, standing[one.study_id].row) for one in found if one.study_id in standing]
    key = "read" if title is READ else "open"
    st.session_state[f"second_reads_shown_{key}"] = [one.study_id for one, _ in listed]
    st.subheader(t(title))
    st.caption(t(ASKED[title]))
    place, height = tables.place(len(listed))
    columns = _columns()
    place.dataframe(
        pd.DataFrame([_cells(one, row) for one, row in listed]),
        hide_index=True,
        height=height,
        column_config=columns,
        column_order=[name for name in columns if title is READ or name != "readers"],
        placeholder="",
        key=f"second_reads_{key}",
        on_select=lambda: _note_click(key),
        selection_mode="single-cell",
    )


def _columns() -> dict[str, Any]:
    column = st.column_config
    return {
        "patient_name": column.TextColumn(t("Patient")),
        "mrn": column.TextColumn(t("MRN")),
        "study_date": column.DateColumn(t("Study date"), format=day_pattern()),
        "description": column.TextColumn(t("Study")),
        "readers": column.NumberColumn(t("Readers"), help=t("Number of readers whose opinion counts")),
        "why": column.TextColumn(t("Why")),
    }


def _cells(one: SecondRead, row: WorklistRow) -> dict[str, object]:
    # A second reader must not learn what the first one said.
    hidden = one.status is StudyStatus.SECOND_READ
    return {
        "patient_name": table_cell(readable_name(row.patient_name)),
        "mrn": table_cell(row.mrn),
        "study_date": row.study_date,
        "description": table_cell(row.name),
        "readers": one.readers,
        "why": t(AFTER) if hidden else ", ".join(t(why.value) for why in one.why),
    }


def _note_click(key: str) -> None:
    """Remember the clicked study, by the rows that were on the screen at the click."""
    cells = st.session_state[f"second_reads_{key}"].selection.cells
    if cells:
        st.session_state.second_read_open = st.session_state[f"second_reads_shown_{key}"][cells[0][0]]
