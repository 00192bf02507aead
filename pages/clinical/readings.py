"""The reader's own decisions, and their export as a data set."""

import streamlit as st

from triage.access.roles import Right
from triage.domain import Decision
from triage.languages.speech import number, retold, t
from triage.text import markdown
from triage.ui import exports, second_reads, state, tables
from triage.ui.exports import ReadyExport

installation = state.installation()
reader = state.require(Right.EXPORT_OWN).name

st.title(t("My readings"))
if not reader:
    st.info(t("Enter your name in the sidebar to see your readings."), icon=":material/person:")
    st.stop()
items = installation.store.readings.signed(reader)
if not items:
    st.info(
        t("{reader} has not signed a reading yet. Open a study from the **Worklist**.", reader=markdown(reader)),
        icon=":material/history_edu:",
    )
    second_reads.show(installation, reader)
    st.stop()

overrides = sum(item.reading.decision is Decision.OVERRIDE for item in items)
unaided = sum(item.reading.decision is Decision.UNAIDED for item in items)
for column, (name, value) in zip(
    st.columns([1, 1, 1, 5]),
    {t("Readings"): len(items), t("Overrides"): overrides, t("Without AI"): unaided}.items(),
    strict=False,
):
    column.metric(name, number(value))
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
    place.dataframe(
        tables.readings(shown),
        hide_index=True,
        column_config=tables.reading_columns(str(state.zone())),
        height=height,
        placeholder="",
        key="readings_table",
        on_select=note_click,
        selection_mode="single-cell",
    )
    st.caption(t("Click a row to open its study."))
else:
    st.caption(t("No reading of yours is of a study that mentions all of these words."))

# Side by side: what unfolds from the one never covers the other.
making, getting = st.columns([1, 2], width=640)
with making:
    exports.ask(installation, reader)

ready: ReadyExport | None = st.session_state.get("ready_export")
if ready and ready.reader == reader and ready.path.is_file():
    made = ready.export
    getting.download_button(
        t("Download ({size} MB)", size=number(ready.path.stat().st_size / 2**20, 1)),
        ready.path.read_bytes,  # when it is asked for, not before
        file_name=ready.path.name,
        mime="application/zip",
        icon=":material/download:",
        on_click="ignore",  # a rerun beside the download would replace the file while it is being written
    )
    st.caption(
        t(
            "Studies: {studies} · readings: {readings} · slices: {slices}, with a label: {labelled}, contradicted by a "
            "copy: {contradicted}, known to the model: {copies}. {identity}. Readings that you sign from now on need a "
            "new data set.",
            studies=made.studies,
            readings=made.readings,
            slices=made.slices,
            labelled=made.labelled,
            contradicted=made.contradicted,
            copies=made.copies if made.compared_with else t("not compared"),
            identity=t("De-identified" if ready.deidentified else "Not de-identified"),
        )
    )
    if made.notes:
        st.write(t("Studies of which slices or labels are missing:"))
        st.dataframe(
            [{t("Study"): study_id, t("Reason"): retold(reason)} for study_id, reason in made.notes],
            hide_index=True,
        )

second_reads.show(installation, reader)
