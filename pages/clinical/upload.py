"""Upload files, archives or folders: each file gets its own answer, and a bad file does not affect the others."""

from collections.abc import Mapping, Sequence

import streamlit as st

from triage.domain import Receipt
from triage.errors import TriageError
from triage.pipeline.spool import Incoming
from triage.pipeline.uploads import Progress
from triage.records.views import Standing
from triage.text import markdown
from triage.ui import receipts, state, tables

SOURCES = {"Files or ZIP archives": True, "A folder": "directory"}

installation = state.installation()
if upload := st.query_params.get("upload"):
    st.session_state.upload_id = upload
elif upload := st.session_state.get("upload_id"):
    st.query_params["upload"] = upload  # so that a reload finds it again


def follow(upload_id: str, drawn: Mapping[str, str] | None) -> None:
    """Draw how far an upload is; storing and scoring go on in the server, whoever looks on.

    The page is drawn anew if its answers are no longer true. They are not part of this fragment: a button that leaves
    the page from within one can race with the next look, and the new page then stays blank.

    Parameters
    ----------
    drawn
        Where each study stands by the answers on the page; None if there are none yet.
    """
    now = installation.uploads.progress(upload_id)
    words = places(now)
    if words != drawn:
        st.rerun()
    elif now is None:
        st.info("This upload is no longer listed. What was stored of it is on the worklist.", icon=":material/info:")
    elif now.error:
        st.error(markdown(now.error), icon=":material/error:")
    elif words is None:
        place = f" {now.done + 1:,} of {now.known:,}: {markdown(now.name)}" if now.known else ""
        st.progress(0.5 * now.done / max(now.known, 1), f"Storing{place}. You may leave this page.")
    elif queued := list(words.values()).count(receipts.QUEUED):
        ranked = len(words) - queued
        st.progress(0.5 + 0.5 * ranked / len(words), f"Scoring: {ranked:,} of {len(words):,} studies ranked")


def standing(now: Progress | None) -> dict[str, Standing]:
    """Return where each study of an upload stands."""
    studies = {receipt.study_id for receipt in (now and now.receipts) or () if receipt.study_id}
    return installation.queue.standing(studies, state.now())


def places(now: Progress | None) -> dict[str, str] | None:
    """Return in words where each study of an upload stands; None until all of it is stored."""
    if now is None or now.receipts is None:
        return None
    return {study: receipts.where(one) for study, one in standing(now).items()}


def answer(sent: Sequence[Receipt], found: Mapping[str, Standing]) -> None:
    """Draw the answers to what was stored."""
    summary, button = st.columns([4, 1], vertical_alignment="center")
    summary.markdown(receipts.counted(sent))
    if button.button("Open the worklist", icon=":material/format_list_numbered:", width="stretch"):
        st.switch_page(state.WORKLIST)
    receipts.draw(sent, found)


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
    now = installation.uploads.progress(upload)
    words = places(now)
    busy = now is not None and not now.error and (words is None or receipts.QUEUED in words.values())
    st.fragment(follow, run_every="1s" if busy else "10s")(upload, words)
    if now and now.receipts is not None:
        answer(now.receipts, standing(now))

recent = installation.queue.recent(10)
st.subheader("Latest arrivals")
if recent:
    st.dataframe(tables.worklist(recent, state.now()), column_config=tables.WORKLIST_COLUMNS, hide_index=True)
else:
    st.caption("No study has arrived yet.")
