"""Upload files, archives or folders: each file gets its own answer, and a bad file does not affect the others."""

from collections.abc import Sequence

import streamlit as st

from triage.domain import Receipt, StudyStatus
from triage.errors import TriageError
from triage.pipeline.spool import Incoming
from triage.pipeline.uploads import Progress
from triage.text import markdown
from triage.ui import receipts, state, tables

SOURCES = {"Files or ZIP archives": True, "A folder": "directory"}

installation = state.installation()
if upload := st.query_params.get("upload"):
    st.session_state.upload_id = upload
elif upload := st.session_state.get("upload_id"):
    st.query_params["upload"] = upload  # so that a reload finds it again


def follow(upload_id: str) -> None:
    """Draw how far an upload is, and the answers; storing and scoring go on in the server, whoever looks on."""
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
    elif st.session_state.get("upload_every") == "1s":
        st.rerun()  # to look less often, and to show the new arrivals below
    summary, button = st.columns([4, 1], vertical_alignment="center")
    summary.markdown(receipts.counted(sent))
    if button.button("Open the worklist", icon=":material/format_list_numbered:", width="stretch"):
        st.switch_page(state.WORKLIST)
    receipts.draw(sent, standing)


def is_settled(now: Progress | None) -> bool:
    """Return whether nothing of an upload is still to be stored or scored."""
    if now is None or now.error:
        return True
    studies = {receipt.study_id for receipt in now.receipts or () if receipt.study_id}
    return now.receipts is not None and not (studies and installation.store.results.pending(studies))


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
    st.session_state.upload_every = "10s" if is_settled(installation.uploads.progress(upload)) else "1s"
    st.fragment(follow, run_every=st.session_state.upload_every)(upload)

recent = installation.queue.recent(10)
st.subheader("Latest arrivals")
if recent:
    st.dataframe(tables.worklist(recent, state.now()), column_config=tables.WORKLIST_COLUMNS, hide_index=True)
else:
    st.caption("No study has arrived yet.")
