"""The reader's own decisions, and their export as a data set."""

import streamlit as st

from triage.access.roles import Right
from triage.domain import Decision
from triage.languages.speech import number, t
from triage.text import markdown
from triage.ui import exports, held, second_reads, state, tables

installation = state.installation()
reader = state.require(Right.EXPORT_OWN).name

st.title(t("My readings"))
if not reader:
    st.info(t("Enter your name in the sidebar to see your readings."), icon=":material/person:")
    st.stop()
held.show(reader)
items = installation.store.readings.signed(reader)
if not items:
    st.info(
        t("{reader} has not signed a reading yet. Open a study from the **Worklist**.", reader=markdown(reader)),
        icon=":material/history_edu:",
    )
    second_reads.show(installation, reader)
    st.stop()

current = [item for item in items if not item.superseded]
overrides = sum(item.reading.decision is Decision.OVERRIDE for item in current)
unaided = sum(item.reading.decision is Decision.UNAIDED for item in current)
replaced = len(items) - len(current)
counts = {t("Readings"): len(current), t("Overrides"): overrides, t("Without AI"): unaided}
*columns, rest, _ = st.columns([1, 1, 1, 1, 4])
for column, (name, value) in zip(columns, counts.items(), strict=True):
    column.metric(name, number(value), help=t("Of yours that count now: no later reading took their place."))
if replaced:
    later = t("Yours that a later reading took the place of. They stay in the table below, and count nowhere else.")
    rest.metric(t("Superseded"), number(replaced), help=later)
text = st.text_input(
    t("Find"),
    placeholder=t("Patient, MRN, accession, study"),
    type="search",
    key="f_readings",
    persist_state="session",
    width=340,
)
shown = installation.store.readings.signed(reader, text) if text else items
st.session_state.readings_shown = [item.study_id for item in shown]
if "readings_open" in st.session_state:
    state.open_study(st.session_state.pop("readings_open"))


def note_click() -> None:
    """Remember the clicked study, by the rows that were on the screen at the click."""
    cells = st.session_state.readings_table.selection.cells
    if cells:
        st.session_state.readings_open = st.session_state.readings_shown[cells[0][0]]


if shown:
    place, height = tables.place(len(shown))
    table, columns = tables.readings(shown), tables.reading_columns(str(state.zone()))
    place.dataframe(
        table,
        hide_index=True,
        column_config=columns,
        column_order=tables.IN_SIGHT,
        height=height,
        row_height=tables.row_height(table, {name: columns[name] for name in tables.IN_SIGHT}),
        placeholder="",
        key="readings_table",
        on_select=note_click,
        selection_mode="single-cell",
    )
    st.caption(t("Click a row to open its study. The eye at the head of the table shows more columns."))
else:
    st.caption(t("No reading of yours is of a study that mentions all of these words."))

exports.ask(installation, reader)
second_reads.show(installation, reader)
