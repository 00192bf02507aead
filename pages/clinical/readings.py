"""The reader's own decisions, and their export as a data set."""

import tempfile

import streamlit as st

from triage.domain import Decision
from triage.learning.dataset import write_export
from triage.text import markdown
from triage.ui import state, tables

installation = state.installation()
reader = state.reader()

st.title("My readings")
if not reader:
    st.info("Enter your name in the sidebar to see your readings.", icon=":material/person:")
    st.stop()
items = installation.store.readings.signed(reader)
if not items:
    st.info(
        f"{markdown(reader)} has not signed a reading yet. Open a study from the **Worklist**.",
        icon=":material/history_edu:",
    )
    st.stop()

overrides = sum(item.reading.decision is Decision.OVERRIDE for item in items)
unaided = sum(item.reading.decision is Decision.UNAIDED for item in items)
for column, (name, value) in zip(
    st.columns([1, 1, 1, 5]),
    {"Readings": len(items), "Overrides": overrides, "Without AI": unaided}.items(),
    strict=False,
):
    column.metric(name, f"{value:,}")
st.dataframe(
    tables.readings(items),
    hide_index=True,
    column_config=tables.READING_COLUMNS,
    height="auto" if len(items) < 12 else 460,
)


def export() -> bytes:
    """Write the ZIP when it is asked for, not before."""
    with tempfile.SpooledTemporaryFile(max_size=64 * 2**20) as file:
        write_export(items, installation.files, file)
        file.seek(0)
        return file.read()


st.download_button(
    "Export as a data set (ZIP)",
    export,
    file_name="neurotriage-readings.zip",
    mime="application/zip",
    icon=":material/download:",
    type="primary",
    on_click="ignore",  # a rerun beside the download would replace the file while it is being written
    help="One folder per class with the pictures, and readings.csv with what the AI said and what was signed.",
)
