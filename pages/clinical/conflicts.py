"""Two studies that claim one identity, side by side: a person decides; decisions stay listed, most can be undone."""

from collections.abc import Callable, Mapping

import streamlit as st

from triage.access.roles import Right
from triage.domain import Resolution
from triage.errors import TriageError
from triage.languages.speech import retold, t
from triage.records.conflict_views import Conflict, Decided
from triage.text import markdown, visible
from triage.ui import state, tables
from triage.ui.resolutions import DONE, NAMES, UNDONE, choices

#: Characters of a reason.
MAX_REASON = 200
#: What cannot be undone, and is asked for twice.
MERGES = (Resolution.MERGE, Resolution.MERGE_AS_SECOND)

person = state.require(Right.CONFLICTS)
installation = state.installation()


def decide(conflict: Conflict) -> None:
    """Draw a conflict with the form that ends it."""
    key = conflict.second.study_id
    st.subheader(markdown(retold(conflict.reason)), anchor=False)
    st.caption(f"UID {markdown(conflict.uid)}" if conflict.uid else t("Without a Study Instance UID"))
    st.dataframe(tables.sides(conflict.first, conflict.second), hide_index=True, height="content")
    opens = {"first": (t("Open the first"), conflict.first), "second": (t("Open the second"), conflict.second)}
    for column, (name, (label, side)) in zip(st.columns([2, 2, 5]), opens.items(), strict=False):
        if not person.may(Right.READ):
            continue
        if column.button(label, key=f"{name}_of_{key}", icon=":material/neurology:", width="stretch"):
            state.open_study(side.study_id)
    if conflict.first.signed or conflict.second.signed:
        said = t("A signed reading stays with its study and its patient; a merge that would move one is not offered.")
        st.caption(said)
    possible = choices(conflict)
    with st.form(f"decide_{key}", border=False):
        st.radio(
            t("Decision"),
            list(possible),
            format_func=lambda one: t(NAMES[one]),
            captions=list(possible.values()),
            index=None,
            key=f"choice_{key}",
        )
        ask_why(key, t("What the comparison at the source showed"))
        st.form_submit_button(t("Decide"), icon=":material/gavel:", type="primary", on_click=settle, args=(conflict,))


def decided(item: Decided) -> None:
    """Draw a decision, with its undoing if it can be undone."""
    text, button = st.columns([6, 1], vertical_alignment="center")
    what = t(NAMES[item.what] if item.what else UNDONE)
    first, second = (markdown(tables.patient(one.header)) for one in (item.first, item.second))
    text.markdown(f"**{what}**: {markdown(item.why)}")
    text.caption(
        t(
            "{time}, {reader} · first: {first} · second: {second}",
            time=state.local(item.at),
            reader=markdown(item.by),
            first=first,
            second=second,
        )
    )
    if key := item.undo_id:
        with button.popover(t("Undo"), icon=":material/undo:", width="stretch"), st.form(f"undo_{key}", border=False):
            st.caption(t("Both studies go back to where they were, and their conflict is open again."))
            ask_why(f"undo_{key}", t("What was wrong with the decision"))
            st.form_submit_button(t("Undo this decision"), icon=":material/undo:", on_click=undo, args=(key,))


def ask_why(key: str, hint: str) -> None:
    """Draw the field for the reason, and what was missing when the form was sent."""
    st.text_input(t("Why"), max_chars=MAX_REASON, placeholder=hint, key=f"why_{key}")
    if missing := st.session_state.pop(f"missing_{key}", ""):
        st.warning(missing, icon=":material/edit:")


def settle(conflict: Conflict) -> None:
    """Decide what was entered; a merge is asked for twice, the second time with the patient that stays.

    This runs before the page is drawn again, so that whoever comes second is told, although the form is gone.
    """
    study_id = conflict.second.study_id
    choice, asked = st.session_state.get(f"choice_{study_id}"), f"asked_{study_id}"
    lacking = {} if choice else {t("Decision"): t("choose one of those above.")}
    if choice in MERGES and st.session_state.get(asked) != choice:
        again = t("two studies that are merged stay merged. Press Decide again to merge them.")
        lacking = {t("Decision"): f"{again} {choices(conflict)[choice]}"}
    st.session_state[asked] = choice
    carry_out(study_id, lambda reason: state.acting().resolve(study_id, choice, reason), choice, lacking)


def undo(study_id: str) -> None:
    """Undo a decision."""
    carry_out(f"undo_{study_id}", lambda reason: state.acting().undo(study_id, reason), None, {})


def carry_out(key: str, act: Callable[[str], None], what: Resolution | None, lacking: Mapping[str, str]) -> None:
    """Act for the reader with the reason, unless something is lacking; say what came of it."""
    entered, reader = st.session_state, state.reader()
    reason = visible(entered[f"why_{key}"], MAX_REASON)
    said = dict(lacking)
    if not reason:
        said[t("Why")] = t("say what showed it. It is kept with the decision, for whoever asks later.")
    if not reader:
        said[t("Reader")] = t("enter your name in the sidebar on the left. The decision is kept under it.")
    if said:
        lines = [f"- **{field}**: {text}" for field, text in said.items()]
        entered[f"missing_{key}"] = "\n".join([t("Nothing was changed yet:"), *lines])
        return
    try:
        act(reason)
    except TriageError as error:  # a toast is seen however far down the page the conflict was
        st.toast(markdown(retold(str(error))), icon=":material/error:", duration="infinite")
    else:
        st.toast(t(DONE[what]), icon=":material/check_circle:", duration="long")


st.title(t("Conflicts"))
st.caption(
    t(
        "Files that came under a known UID, but with another patient or another data set, are stored as a study of "
        "their own. The first to arrive need not be the right one: compare both with the source, then decide. Nothing "
        "is deleted."
    )
)
# Each part has its place, so that what is open below stays open when a conflict comes or goes.
undecided, settled = st.container(), st.container()
with undecided:
    conflicts = installation.store.conflicts.open()
    if not conflicts:
        st.info(t("No identity is in doubt."), icon=":material/check_circle:")
    for conflict in conflicts:
        with st.container(border=True):
            decide(conflict)
with settled:
    st.subheader(t("Decided"), anchor=False)
    made = installation.store.decisions.made()
    if not made:
        st.caption(t("No conflict was decided yet."))
    for item in made:
        with st.container(border=True):
            decided(item)
