"""Upload files, archives or folders: each file gets its own answer, and a bad file does not affect the others."""

from collections import Counter

import streamlit as st

from triage.domain import Outcome, Receipt
from triage.pipeline.spool import Incoming
from triage.text import markdown
from triage.ui import state, tables

ICONS = {
    Outcome.ACCEPTED: ":green[:material/check_circle:]",
    Outcome.ALREADY_HERE: ":blue[:material/content_copy:]",
    Outcome.CONFLICT: ":orange[:material/warning:]",
    Outcome.REFUSED: ":red[:material/cancel:]",
}
SOURCES = {"Files or ZIP archives": True, "A folder": "directory"}
#: Seconds for which the page shows the progress of scoring; scoring goes on after that.
PROGRESS_SECONDS = 120
#: Answers on the page; thousands would slow the browser down.
MAX_LINES = 100

installation = state.installation()
receipts: list[Receipt] = st.session_state.setdefault("receipts", [])

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
    receipts.clear()
    bar = st.progress(0.0, "Starting …")
    # Storing takes the first half of the bar, scoring the second.
    receipts += installation.receive(
        [Incoming(file.name, data=file.getbuffer()) for file in files],
        actor=state.reader() or "upload",
        progress=lambda done, known, name: bar.progress(
            0.5 * done / max(known, 1), f"Storing {done + 1:,} of {known:,}: {markdown(name)}"
        ),
    )
    studies = {receipt.study_id for receipt in receipts if receipt.study_id}
    for _ in range(PROGRESS_SECONDS):
        waiting = installation.wait(studies, timeout=1)
        bar.progress(
            1 - 0.5 * len(waiting) / max(len(studies), 1),
            f"Scoring: {len(studies) - len(waiting):,} of {len(studies):,} studies ranked",
        )
        if not waiting:
            break
    bar.empty()

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
