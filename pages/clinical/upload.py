"""Upload files, archives or folders: each file gets its own answer, and a bad file does not affect the others."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st
from streamlit.runtime.uploaded_file_manager import UploadedFile

from triage.access.roles import Right
from triage.domain import Receipt, StudyStatus
from triage.errors import TriageError
from triage.languages.speech import later, retold, t
from triage.pipeline.spool import Incoming
from triage.text import markdown
from triage.ui import language, receipts, server, state, tables

FILES, FOLDER = later("Files or ZIP archives"), later("A folder")
SOURCES = {FILES: True, FOLDER: "directory"}
#: So many columns that the reason is read whole on a small screen.
SHOWN = (
    "band",
    "p_glioma",
    "ai_label",
    "patient_name",
    "description",
    "waiting",
    "rank_reason",
)
#: Before a blind reading nobody sees what the AI found.
BLIND = ("patient_name", "description", "images", "waiting")

state.require(Right.UPLOAD)
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
        st.info(t("This upload is no longer listed. What was stored of it is on the worklist."), icon=":material/info:")
    elif now.error:
        st.error(markdown(retold(now.error)), icon=":material/error:")
    elif now.receipts is None:
        storing = t("Storing. You may leave this page.")
        if now.known:
            at, name = now.done + 1, markdown(now.name)
            storing = t("Storing {at} of {count}: {name}. You may leave this page.", at=at, count=now.known, name=name)
        st.progress(now.done / max(now.known, 1), storing)
    else:
        answer(now.receipts)


def answer(sent: Sequence[Receipt]) -> None:
    """Draw the answers to what was stored, and how many of its studies are scored."""
    standing = installation.queue.standing({one.study_id for one in sent if one.study_id}, state.now())
    if installation.settings.blind_first_read:
        hidden = {one: replace(found.row, predicted=None) for one, found in standing.items()}
        standing = {one: replace(standing[one], row=row, place=None) for one, row in hidden.items()}
    queued = sum(one.row.status is StudyStatus.RECEIVED for one in standing.values())
    if queued:
        ranked = len(standing) - queued
        scoring = t("Scoring: {count} of {all} studies ranked", count=ranked, all=len(standing))
        st.progress(ranked / len(standing), scoring)
    summary, button = st.columns([4, 1], vertical_alignment="center")
    summary.markdown(receipts.counted(sent))
    # A link, which the browser follows: leaving from here by the server can race with the next look at the upload.
    button.page_link(
        state.WORKLIST, label=t("Open the worklist"), icon=":material/format_list_numbered:", width="stretch"
    )
    receipts.draw(sent, standing)


@st.fragment(run_every="2s")
def arrivals() -> None:
    """Draw the latest arrivals, of this upload and of others."""
    recent, blind = installation.queue.recent(10), installation.settings.blind_first_read
    st.subheader(t("Latest arrivals"))
    if recent:
        table, columns = tables.worklist(recent, state.now(), blind=blind), tables.worklist_columns()
        order = BLIND if blind else SHOWN
        st.dataframe(
            table,
            column_config=columns,
            column_order=order,
            hide_index=True,
            row_height=tables.row_height(table.data, {name: columns[name] for name in order}),
        )
    else:
        st.caption(t("No study has arrived yet."))


def taken(chosen: Sequence[UploadedFile]) -> list[Incoming]:
    """Return the chosen files as the server holds them: on disk, see `triage.web.holding`."""
    found = []
    for file in chosen:
        path = installation.held.path((server.page_number(), file.file_id))
        found.append(Incoming(file.name, path=path) if path is not None else Incoming(file.name, data=file.getvalue()))
    return found


st.title(t("Upload"))
st.caption(
    t(
        "Brain MRI as DICOM, NIfTI, PNG or JPEG files, or ZIP archives of these. DICOM files are grouped into studies "
        "by Study Instance UID; every other file is one study. Each study is scored and ranked on arrival."
    )
)
source = st.segmented_control(
    t("What to upload"), list(SOURCES), default=FILES, format_func=t, required=True, label_visibility="collapsed"
)
language.name_uploader()
with st.form("upload", border=False):
    # A new widget after each hand-over: files that could not be handed over stay chosen.
    files = st.file_uploader(
        t("Files"),
        accept_multiple_files=SOURCES[source],
        label_visibility="collapsed",
        key=f"{source} {st.session_state.setdefault('handed_over', 0)}",
    )
    sent = st.form_submit_button(t("Score and rank"), icon=":material/upload:", type="primary")

if sent and not files:
    st.toast(t("Choose or drop at least one file."), icon=":material/upload_file:")  # gone once it was done
now = st.empty()  # at once something else than what became of an earlier upload
if sent and files:
    taking = t("Taking over what was chosen, {count} file(s). Stay on this page for a moment.", count=len(files))
    now.progress(0.0, taking)
    try:
        st.session_state.upload_id = st.query_params["upload"] = state.acting().upload(taken(files))
        installation.held.drop([(server.page_number(), file.file_id) for file in files])
        st.session_state.handed_over += 1
        st.rerun()
    except TriageError as error:
        now.error(markdown(retold(str(error))), icon=":material/error:")
elif upload:
    with now.container():
        follow(upload)

arrivals()
