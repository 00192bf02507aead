"""The studies whose next reading would teach the model most, as a table to open them from.

Tested in tests/pages/test_second_reads.py.
"""

from __future__ import annotations

import pandas as pd
import streamlit as st

from triage.domain import StudyStatus
from triage.languages.speech import later, t
from triage.learning.second_reads import SecondRead, by_what_they_teach
from triage.pipeline.installation import Installation
from triage.records.unsettled import latest_said
from triage.records.worklist_views import WorklistRow
from triage.text import one_line, readable_name
from triage.ui import state, tables

#: Studies in the table: a reader who has an hour.
SHOWN = 20
ASKED = later(
    "Another reading of these studies would teach the next model most: readers and AI are not of one opinion, or the "
    "pictures are unlike those that it knows. You have read none of them."
)
#: Said instead of a reason that would tell a second or blind reader what others said.
AFTER = later("shown once you have signed")


def show(installation: Installation, reader: str) -> None:
    """Draw the studies that this reader would help most with; a click opens one."""
    found = by_what_they_teach(latest_said(installation.store.read), reader)[:SHOWN]
    if "second_read_open" in st.session_state:
        state.open_study(st.session_state.pop("second_read_open"))
    st.subheader(t("Worth a second reading"))
    if not found:
        st.caption(t("No study would teach more by a reading of yours."))
        return
    standing = installation.queue.standing([one.study_id for one in found], state.now())
    listed = [(one, standing[one.study_id].row) for one in found if one.study_id in standing]
    st.session_state.second_reads_shown = [one.study_id for one, _ in listed]
    st.caption(t(ASKED))
    place, height = tables.place(len(listed))
    place.dataframe(
        pd.DataFrame([_cells(installation, one, row) for one, row in listed]),
        hide_index=True,
        height=height,
        placeholder="",
        key="second_reads_table",
        on_select=_note_click,
        selection_mode="single-cell",
    )


def _cells(installation: Installation, one: SecondRead, row: WorklistRow) -> dict[str, object]:
    # A second reader must not learn what the first one said, and a blind reader not what the AI said.
    hidden = installation.settings.blind_first_read or one.status is StudyStatus.SECOND_READ
    return {
        t("Patient"): readable_name(row.patient_name),
        t("MRN"): one_line(row.mrn),
        t("Study date"): row.study_date,
        t("Study"): row.name,
        t("Readers"): one.readers,
        t("Why"): t(AFTER) if hidden else ", ".join(t(why.value) for why in one.why),
    }


def _note_click() -> None:
    """Remember the clicked study, by the rows that were on the screen at the click."""
    cells = st.session_state.second_reads_table.selection.cells
    if cells:
        st.session_state.second_read_open = st.session_state.second_reads_shown[cells[0][0]]
