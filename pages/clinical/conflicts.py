"""Two studies that claim one identity, side by side: a person decides, once, and the audit trail keeps it."""

import streamlit as st

from triage.domain import Resolution
from triage.errors import TriageError
from triage.records.views import Conflict, Side
from triage.text import markdown
from triage.ui import state, tables

CHOICES = {
    Resolution.KEEP_APART: "Keep apart: both are right",
    Resolution.MERGE: "Merge: they are one patient and one study",
    Resolution.DISCARD_SECOND: "Discard the second",
    Resolution.DISCARD_FIRST: "Discard the first; the second gets its UIDs",
}

installation = state.installation()


def side(title: str, one: Side) -> None:
    """Draw one of the two studies."""
    st.markdown(f"**{title}**")
    st.dataframe(tables.identity(one), hide_index=True, height="content")
    if st.button("Open the study", key=f"open_{title}_{one.study_id}", icon=":material/neurology:"):
        state.open_study(one.study_id)


def decide(conflict: Conflict) -> None:
    """Draw a conflict with the form that ends it."""
    key = conflict.second.study_id
    st.subheader(markdown(conflict.reason), anchor=False)
    st.caption(f"UID {markdown(conflict.uid)}" if conflict.uid else "Without a Study Instance UID")
    left, right = st.columns(2)
    with left:
        side("First to arrive", conflict.first)
    with right:
        side("Second, set aside", conflict.second)
    with st.form(f"decide_{key}", border=False):
        choice = st.radio("Decision", list(CHOICES), format_func=CHOICES.__getitem__, index=None, key=f"choice_{key}")
        reason = st.text_input("Why", max_chars=200, placeholder="What the comparison at the source showed")
        sent = st.form_submit_button("Decide", icon=":material/gavel:")
    if not sent:
        return
    if choice is None or not reason.strip() or not state.reader():
        st.warning("Choose a decision, say why, and enter your name in the sidebar.")
        return
    try:
        installation.resolve(key, choice, by=state.reader(), reason=reason.strip())
    except TriageError as error:
        st.error(markdown(str(error)), icon=":material/error:")
        return
    st.rerun()


st.title("Conflicts")
st.caption(
    "Files that came under a known UID, but with another patient or another data set, are stored as a study of their "
    "own. The first to arrive need not be the right one: compare both with the source, then decide. Nothing is deleted."
)
conflicts = installation.store.conflicts.open()
if not conflicts:
    st.info("No identity is in doubt.", icon=":material/check_circle:")
for item in conflicts:
    with st.container(border=True):
        decide(item)
