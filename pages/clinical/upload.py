"""Hand over slices: each file gets its answer, one bad file costs the others nothing."""

import streamlit as st

from triage.domain import Outcome, Receipt
from triage.pipeline import Incoming
from triage.ui import state, tables

ICONS = {
    Outcome.ACCEPTED: ":green[:material/check_circle:]",
    Outcome.ALREADY_HERE: ":blue[:material/content_copy:]",
    Outcome.CONFLICT: ":orange[:material/warning:]",
    Outcome.REFUSED: ":red[:material/cancel:]",
}

parts = state.pipeline()
receipts: list[Receipt] = st.session_state.setdefault("receipts", [])

st.title("Upload")
st.caption("Brain MRI slices as PNG or JPEG, one study per picture. Each is scored and ranked as it arrives.")
with st.form("upload", clear_on_submit=True, border=False):
    files = st.file_uploader("Slices", type=None, accept_multiple_files=True, label_visibility="collapsed")
    sent = st.form_submit_button("Score and rank", icon=":material/upload:", type="primary")

if sent and not files:
    st.warning("Choose or drop at least one file first.")
if sent and files:
    receipts.clear()
    progress = st.progress(0.0, "Starting …")
    handed_over = [Incoming(file.name, data=file.getvalue()) for file in files]
    receipts += parts.receive(
        handed_over,
        actor=state.reader() or "upload",
        progress=lambda done, known, name: progress.progress(done / known, f"Storing {done + 1} of {known}: {name}"),
    )
    parts.wait({receipt.study_id for receipt in receipts if receipt.study_id})
    progress.empty()

if receipts:
    counts = {outcome: sum(receipt.outcome is outcome for receipt in receipts) for outcome in Outcome}
    summary, button = st.columns([4, 1], vertical_alignment="center")
    summary.markdown(
        "  ·  ".join(f"{ICONS[outcome]} **{count}** {outcome}" for outcome, count in counts.items() if count)
    )
    if button.button("To the worklist", icon=":material/format_list_numbered:", width="stretch"):
        st.switch_page(state.WORKLIST)
    with st.container(border=True, height=min(60 + 42 * len(receipts), 380)):
        for receipt in receipts:
            mark, name, message = st.columns([1.4, 3, 7], vertical_alignment="center")
            mark.markdown(f"{ICONS[receipt.outcome]} {receipt.outcome}")
            name.text(receipt.name)
            message.text(receipt.message)

recent = parts.queue.recent(10)
st.subheader("Latest arrivals")
if recent:
    st.dataframe(tables.worklist(recent, state.now()), column_config=tables.WORKLIST_COLUMNS, hide_index=True)
else:
    st.caption("Nothing has arrived yet.")
