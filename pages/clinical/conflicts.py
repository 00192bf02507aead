"""Two studies that claim one identity, side by side: a person decides; decisions stay listed, and can be undone."""

from collections.abc import Callable, Mapping

import streamlit as st

from triage.domain import Resolution
from triage.errors import TriageError
from triage.records.views import Conflict, Decided
from triage.text import markdown, visible
from triage.ui import state, tables

NAMES = {
    Resolution.KEEP_APART: "Keep apart",
    Resolution.MERGE: "Merge under the patient of the first",
    Resolution.MERGE_AS_SECOND: "Merge under the patient of the second",
    Resolution.DISCARD_SECOND: "Discard the second",
    Resolution.DISCARD_FIRST: "Discard the first",
}
UNDONE = "Undone, in conflict again"
#: What is said when it is done; None: undone.
DONE = {
    Resolution.KEEP_APART: "Kept apart: both studies stay to be read.",
    Resolution.MERGE: "Merged under the patient of the first. The study is scored again with all files.",
    Resolution.MERGE_AS_SECOND: "Merged under the patient of the second. The study is scored again with all files.",
    Resolution.DISCARD_SECOND: "The second study was discarded. If that was wrong, undo it under Decided.",
    Resolution.DISCARD_FIRST: "The first study was discarded. If that was wrong, undo it under Decided.",
    None: "The decision was undone. The conflict is open again.",
}
#: Characters of a reason.
MAX_REASON = 200

installation = state.installation()


def choices(conflict: Conflict) -> dict[Resolution, str]:
    """Return the possible decisions with what each leads to; a merge names the patient that stays and the one not."""
    first, second = (markdown(tables.patient(one.header)) for one in (conflict.first, conflict.second))
    merged = f"One study with all {conflict.first.files + conflict.second.files:,} files. Cannot be undone. "
    found = {Resolution.KEEP_APART: "Two studies to read. DICOMweb finds the first under the UID."}
    if not conflict.second.signed:
        found[Resolution.MERGE] = f"{merged}It is of **{first}**; dropped: {second}."
        if not conflict.first.signed:
            found[Resolution.MERGE_AS_SECOND] = f"{merged}It is of **{second}**; dropped: {first}."
    found[Resolution.DISCARD_SECOND] = f"{second} leaves the worklist. Its files are kept."
    found[Resolution.DISCARD_FIRST] = f"{first} leaves the worklist, and the second gets its UIDs. Its files are kept."
    return found


def decide(conflict: Conflict) -> None:
    """Draw a conflict with the form that ends it."""
    key = conflict.second.study_id
    st.subheader(markdown(conflict.reason), anchor=False)
    st.caption(f"UID {markdown(conflict.uid)}" if conflict.uid else "Without a Study Instance UID")
    st.dataframe(tables.sides(conflict.first, conflict.second), hide_index=True, height="content")
    for column, name, side in zip(
        st.columns([2, 2, 5]), ("first", "second"), (conflict.first, conflict.second), strict=False
    ):
        if column.button(f"Open the {name}", key=f"{name}_of_{key}", icon=":material/neurology:", width="stretch"):
            state.open_study(side.study_id)
    if conflict.first.signed or conflict.second.signed:
        st.caption("A signed reading stays with its study and its patient; a merge that would move one is not offered.")
    possible = choices(conflict)
    with st.form(f"decide_{key}", border=False):
        st.radio(
            "Decision",
            list(possible),
            format_func=NAMES.__getitem__,
            captions=list(possible.values()),
            index=None,
            key=f"choice_{key}",
        )
        ask_why(key, "What the comparison at the source showed")
        st.form_submit_button("Decide", icon=":material/gavel:", type="primary", on_click=settle, args=(key,))


def decided(item: Decided) -> None:
    """Draw a decision, with its undoing if it can be undone."""
    text, button = st.columns([6, 1], vertical_alignment="center")
    what = NAMES[item.what] if item.what else UNDONE
    first, second = (markdown(tables.patient(one.header)) for one in (item.first, item.second))
    text.markdown(f"**{what}**: {markdown(item.why)}")
    text.caption(f"{item.at:%Y-%m-%d %H:%M} UTC, {markdown(item.by)} · first: {first} · second: {second}")
    if key := item.undo_id:
        with button.popover("Undo", icon=":material/undo:", width="stretch"), st.form(f"undo_{key}", border=False):
            st.caption("Both studies go back to where they were, and their conflict is open again.")
            ask_why(f"undo_{key}", "What was wrong with the decision")
            st.form_submit_button("Undo this decision", icon=":material/undo:", on_click=undo, args=(key,))


def ask_why(key: str, hint: str) -> None:
    """Draw the field for the reason, and what was missing when the form was sent."""
    st.text_input("Why", max_chars=MAX_REASON, placeholder=hint, key=f"why_{key}")
    if missing := st.session_state.pop(f"missing_{key}", ""):
        st.warning(missing, icon=":material/edit:")


def settle(study_id: str) -> None:
    """Decide what was entered.

    This runs before the page is drawn again, so that whoever comes second is told, although the form is gone.
    """
    choice = st.session_state.get(f"choice_{study_id}")
    lacking = {} if choice else {"Decision": "choose one of those above."}
    carry_out(
        study_id, lambda by, reason: installation.resolve(study_id, choice, by=by, reason=reason), choice, lacking
    )


def undo(study_id: str) -> None:
    """Undo a decision."""
    carry_out(f"undo_{study_id}", lambda by, reason: installation.undo(study_id, by=by, reason=reason), None, {})


def carry_out(key: str, act: Callable[[str, str], None], what: Resolution | None, lacking: Mapping[str, str]) -> None:
    """Act for the reader with the reason, unless something is lacking; say what came of it."""
    entered, reader = st.session_state, state.reader()
    reason = visible(entered[f"why_{key}"], MAX_REASON)
    said = dict(lacking)
    if not reason:
        said["Why"] = "say what showed it. It is kept with the decision, for whoever asks later."
    if not reader:
        said["Reader"] = "enter your name in the sidebar on the left. The decision is kept under it."
    if said:
        lines = [f"- **{field}**: {text}" for field, text in said.items()]
        entered[f"missing_{key}"] = "\n".join(["Nothing was changed yet:", *lines])
        return
    try:
        act(reader, reason)
    except TriageError as error:  # a toast is seen however far down the page the conflict was
        st.toast(markdown(str(error)), icon=":material/error:", duration="infinite")
    else:
        st.toast(DONE[what], icon=":material/check_circle:", duration="long")


st.title("Conflicts")
st.caption(
    "Files that came under a known UID, but with another patient or another data set, are stored as a study of their "
    "own. The first to arrive need not be the right one: compare both with the source, then decide. Nothing is deleted."
)
# Each part has its place, so that what is open below stays open when a conflict comes or goes.
undecided, settled = st.container(), st.container()
with undecided:
    conflicts = installation.store.conflicts.open()
    if not conflicts:
        st.info("No identity is in doubt.", icon=":material/check_circle:")
    for conflict in conflicts:
        with st.container(border=True):
            decide(conflict)
with settled:
    st.subheader("Decided", anchor=False)
    made = installation.store.decisions.made()
    if not made:
        st.caption("No conflict was decided yet.")
    for item in made:
        with st.container(border=True):
            decided(item)
