"""Upload files, archives or folders: each file gets its own answer, and a bad file does not affect the others."""

from collections.abc import Sequence

import streamlit as st

from triage.domain import Receipt, StudyStatus
from triage.errors import TriageError
from triage.pipeline.spool import Incoming
from triage.text import markdown
from triage.ui import receipts, state, tables

SOURCES = {"Files or ZIP archives": True, "A folder": "directory"}

installation = state.installation()
if upload := st.query_params.get("upload"):
    st.session_state.upload_id = upload
elif upload := st.session_state.get("upload_id"):
    st.query_params["upload"] = upload  # so that a reload finds it again


@st.fragment(run_every="2s")
def follow(upload_id: str) -> None:
    """Draw how far an upload is, and the answers; storing and scoring go on in the server, whoever looks on.

    It never asks for a rerun of the page, which would draw it over the next one if the reader has left meanwhile.
    """
    now = installation.uploads.progress(upload_id)
    if now is None:
        st.info("This upload is no longer listed. What was stored of it is on the worklist.", icon=":material/info:")
    elif now.error:
        st.error(markdown(now.error), icon=":material/error:")
    elif now.receipts is None:
        place = f" {now.done + 1:,} of {now.known:,}: {markdown(now.name)}" if now.known else ""
        st.progress(0.5 * now.done / max(now.known, 1), f"Storing{place}. You may leave this page.")
    else:
        answer(now.receipts)


def answer(sent: Sequence[Receipt]) -> None:
    """Draw the answers to what was stored, and how many of its studies are scored."""
    standing = installation.queue.standing({one.study_id for one in sent if one.study_id}, state.now())
    queued = sum(one.row.status is StudyStatus.RECEIVED for one in standing.values())
    if queued:
        ranked = len(standing) - queued
        st.progress(0.5 + 0.5 * ranked / len(standing), f"Scoring: {ranked:,} of {len(standing):,} studies ranked")
    summary, button = st.columns([4, 1], vertical_alignment="center")
    summary.markdown(receipts.counted(sent))
    # A link, which the browser follows: leaving from here by the server can race with the next look at the upload.
    button.page_link(state.WORKLIST, label="Open the worklist", icon=":material/format_list_numbered:", width="stretch")
    receipts.draw(sent, standing)


@st.fragment(run_every="2s")
def arrivals() -> None:
    """Draw the latest arrivals, of this upload and of others."""
    recent = installation.queue.recent(10)
    st.subheader("Latest arrivals")
    if recent:
        st.dataframe(tables.worklist(recent, state.now()), column_config=tables.WORKLIST_COLUMNS, hide_index=True)
    else:
        st.caption("No study has arrived yet.")


st.title("Upload")
st.caption(
    "Brain MRI as DICOM, NIfTI, PNG or JPEG files, or ZIP archives of these. DICOM files are grouped into studies by "
    "Study Instance UID; every other file is one study. Each study is scored and ranked on arrival."
)
source = st.segmented_control(
    "What to upload", list(SOURCES), default="Files or ZIP archives", required=True, label_visibility="collapsed"
)
with st.form("upload", clear_on_submit=True, border=False):
    files = st.file_uploader("Files", accept_multiple_files=SOURCES[source], label_visibility="collapsed", key=source)
    sent = st.form_submit_button("Score and rank", icon=":material/upload:", type="primary")

if sent and not files:
    st.warning("Choose or drop at least one file.")
if sent and files:
    try:
        upload = installation.uploads.begin(
            [Incoming(file.name, data=file.getbuffer()) for file in files], actor=state.reader() or "upload"
        )
        st.session_state.upload_id = st.query_params["upload"] = upload
    except TriageError as error:
        st.error(markdown(str(error)), icon=":material/error:")

if upload:
    follow(upload)

arrivals()
