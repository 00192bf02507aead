"""Upload files, archives or folders: each file gets its own answer, and a bad file does not affect the others."""

from collections import Counter

import streamlit as st

from triage.domain import Outcome
from triage.errors import TriageError
from triage.pipeline.spool import Incoming
from triage.pipeline.uploads import Progress
from triage.text import markdown
from triage.ui import state, tables

ICONS = {
    Outcome.ACCEPTED: ":green[:material/check_circle:]",
    Outcome.ALREADY_HERE: ":blue[:material/content_copy:]",
    Outcome.CONFLICT: ":orange[:material/warning:]",
    Outcome.REFUSED: ":red[:material/cancel:]",
}
SOURCES = {"Files or ZIP archives": True, "A folder": "directory"}
#: Answers on the page; thousands would slow the browser down.
MAX_LINES = 100

installation = state.installation()
if upload := st.query_params.get("upload"):
    st.session_state.upload_id = upload
elif upload := st.session_state.get("upload_id"):
    st.query_params["upload"] = upload  # so that a reload finds it again


@st.fragment(run_every="1s")
def follow(upload_id: str) -> None:
    """Draw the progress every second; storing and scoring go on in the server, whoever looks on."""
    now = installation.uploads.progress(upload_id)
    waiting = still_scored(now)
    if now is None or now.error or (now.receipts is not None and not waiting):
        st.rerun()
    elif now.receipts is None:
        place = f" {now.done + 1:,} of {now.known:,}: {markdown(now.name)}" if now.known else ""
        st.progress(0.5 * now.done / max(now.known, 1), f"Storing{place}. You may leave this page.")
    else:
        studies = len({receipt.study_id for receipt in now.receipts if receipt.study_id})
        ranked = studies - len(waiting)
        st.progress(0.5 + 0.5 * ranked / studies, f"Scoring: {ranked:,} of {studies:,} studies ranked")


def still_scored(now: Progress | None) -> list[str]:
    """Return the studies of an upload that are not ranked yet."""
    studies = {receipt.study_id for receipt in (now and now.receipts) or () if receipt.study_id}
    return installation.store.results.pending(studies) if studies else []


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

found = installation.uploads.progress(upload) if upload else None
receipts = found.receipts or () if found else ()
if upload and found is None:
    st.info("This upload is no longer listed. What was stored of it is on the worklist.", icon=":material/info:")
elif found and found.error:
    st.error(markdown(found.error), icon=":material/error:")
elif upload and found and (found.receipts is None or still_scored(found)):
    follow(upload)

if receipts:
    counts = Counter(receipt.outcome for receipt in receipts)
    summary, button = st.columns([4, 1], vertical_alignment="center")
    summary.markdown(
        "  ·  ".join(f"{ICONS[outcome]} **{counts[outcome]:,}** {outcome}" for outcome in Outcome if counts[outcome])
    )
    if button.button("Open the worklist", icon=":material/format_list_numbered:", width="stretch"):
        st.switch_page(state.WORKLIST)
    # Files that were not accepted come first.
    lines = sorted(tables.grouped(receipts), key=lambda line: -list(Outcome).index(line[0].outcome))
    with st.container(border=True, height=min(60 + 42 * len(lines), 380)):
        for receipt, others in lines[:MAX_LINES]:
            mark, name, message = st.columns([1.4, 3, 7], vertical_alignment="center")
            mark.markdown(f"{ICONS[receipt.outcome]} {receipt.outcome}")
            name.text(f"{receipt.name} and {others:,} more" if others else receipt.name)
            message.text(receipt.message)
        if len(lines) > MAX_LINES:
            st.caption(f"{len(lines) - MAX_LINES:,} more; the ones above need attention first.")

recent = installation.queue.recent(10)
st.subheader("Latest arrivals")
if recent:
    st.dataframe(tables.worklist(recent, state.now()), column_config=tables.WORKLIST_COLUMNS, hide_index=True)
else:
    st.caption("No study has arrived yet.")
