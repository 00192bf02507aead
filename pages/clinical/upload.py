"""Hand over files, archives or folders: each file gets its answer, one bad file costs the others nothing."""

from collections import Counter

import streamlit as st

from triage.domain import Outcome, Receipt
from triage.pipeline.spool import Incoming
from triage.ui import state, tables

ICONS = {
    Outcome.ACCEPTED: ":green[:material/check_circle:]",
    Outcome.ALREADY_HERE: ":blue[:material/content_copy:]",
    Outcome.CONFLICT: ":orange[:material/warning:]",
    Outcome.REFUSED: ":red[:material/cancel:]",
}
SOURCES = {"Files or ZIP archives": True, "A folder": "directory"}
#: How long the page waits for the scores of what it stored: seconds; they come to the worklist also without it.
PATIENCE = 120
#: Thousands of them would keep the browser busy.
LINES = 100

installation = state.installation()
receipts: list[Receipt] = st.session_state.setdefault("receipts", [])

st.title("Upload")
st.caption(
    "Brain MRI as DICOM, NIfTI, PNG or JPEG, single or in ZIP archives. DICOM files become studies by their own "
    "identity; every other file is a study of its own. Each is scored and ranked as it arrives."
)
source = st.segmented_control(
    "What to hand over", list(SOURCES), default="Files or ZIP archives", required=True, label_visibility="collapsed"
)
with st.form("upload", clear_on_submit=True, border=False):
    files = st.file_uploader("Files", accept_multiple_files=SOURCES[source], label_visibility="collapsed", key=source)
    sent = st.form_submit_button("Score and rank", icon=":material/upload:", type="primary")

if sent and not files:
    st.warning("Choose or drop at least one file first.")
if sent and files:
    receipts.clear()
    bar = st.progress(0.0, "Starting …")
    # The first half of the bar is storing, the second scoring.
    receipts += installation.receive(
        [Incoming(file.name, data=file.getbuffer()) for file in files],
        actor=state.reader() or "upload",
        progress=lambda done, known, name: bar.progress(
            0.5 * done / max(known, 1), f"Storing {done + 1:,} of {known:,}: {tables.plain(name)}"
        ),
    )
    studies = {receipt.study_id for receipt in receipts if receipt.study_id}
    for _ in range(PATIENCE):
        waiting = installation.wait(studies, timeout=1)
        bar.progress(
            1 - 0.5 * len(waiting) / max(len(studies), 1),
            f"Scoring: {len(studies) - len(waiting):,} of {len(studies):,} studies are ranked",
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
    if button.button("To the worklist", icon=":material/format_list_numbered:", width="stretch"):
        st.switch_page(state.WORKLIST)
    # What went wrong comes first.
    lines = sorted(tables.answers(receipts), key=lambda line: -list(Outcome).index(line[0].outcome))
    with st.container(border=True, height=min(60 + 42 * len(lines), 380)):
        for receipt, others in lines[:LINES]:
            mark, name, message = st.columns([1.4, 3, 7], vertical_alignment="center")
            mark.markdown(f"{ICONS[receipt.outcome]} {receipt.outcome}")
            name.text(f"{receipt.name} and {others:,} more" if others else receipt.name)
            message.text(receipt.message)
        if len(lines) > LINES:
            st.caption(f"{len(lines) - LINES:,} more, none worse than these.")

recent = installation.queue.recent(10)
st.subheader("Latest arrivals")
if recent:
    st.dataframe(tables.worklist(recent, state.now()), column_config=tables.WORKLIST_COLUMNS, hide_index=True)
else:
    st.caption("Nothing has arrived yet.")
