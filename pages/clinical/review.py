"""One study: its slices, the heat map and the AI result; the reader decides and signs."""

from dataclasses import replace

import streamlit as st

from triage import reading
from triage.access.roles import Right
from triage.domain import Role, StudyStatus
from triage.errors import TriageError
from triage.languages.speech import retold, t
from triage.reading import hidden_from
from triage.records.views import UNBOUND
from triage.text import markdown
from triage.ui import bars, decision, identity, proof, record, reports, state, viewer

state.require(Right.READ)
installation = state.installation()
study_id = st.query_params.get("study") or state.read_next()[0]
if study_id is None:
    st.title(t("Review"))
    st.info(t("No study is waiting to be read. New studies arrive through **Upload**."), icon=":material/inbox:")
    st.stop()
try:
    study = installation.store.study(study_id)
except TriageError as error:
    st.title(t("Review"))
    st.error(markdown(retold(str(error))), icon=":material/error:")
    st.stop()
if not study.instances:  # they were merged with another study
    st.title(t("Review"))
    reason = markdown(retold(study.reason))
    st.info(t("{reason}. Open that one from the worklist.", reason=reason), icon=":material/merge:")
    decision.left_over(installation, study)
    st.stop()
if st.query_params.get("study") != study_id:
    st.query_params["study"] = study_id
state.acting().view(study_id)
if study.opened_at is None:
    installation.store.readings.note_opened(study_id, reader=state.person().actor)
next_role = reading.next_role(state.reader(), study.readings, study.status)
state.arrive(study_id, to_read=next_role is not Role.AMENDMENT)
# Before a blind reading is committed, nothing on this page knows of the AI result, the order of the slices included.
blind = decision.awaits_commit(installation, study)
seen = replace(study, results=()) if blind else study
result = seen.result
onward = state.coming(study_id)
# A report says what the AI found and what the first reader signed.
may_report = not blind and not hidden_from(state.reader(), study.readings, study.status)

left, right = st.columns([1.3, 1], gap="medium")
with left:
    viewer.draw(study, of=state.person().account or state.reader(), following=onward["study"], blind=blind)
with right, st.container(gap="xsmall"):
    identity.heading(study)
    if not state.person().may(Right.AUDIT):  # an administrator is told above, and what was changed
        record.warn_reader(installation)
    if may_report and reports.asked():
        reports.show(installation, study_id)
        st.stop()
    if study.unbound:
        st.error(markdown(UNBOUND), icon=":material/gpp_bad:")
    if study.conflict:
        conflict = markdown(retold(study.conflict))
        st.warning(t("**{conflict}.** Decide on the page **Conflicts**.", conflict=conflict), icon=":material/rule:")
    if study.status is StudyStatus.DISCARDED:
        said = t(
            "**{reason}.** If it is to be read after all, undo that on the page **Conflicts**.",
            reason=markdown(retold(study.reason)),
        )
        st.warning(said, icon=":material/delete:")
    elif blind:
        st.info(decision.blind_reading(study), icon=":material/visibility_off:")
    elif study.status is StudyStatus.RECEIVED:
        said = t("Scoring takes a few seconds. You can read the study without the AI.")
        st.info(said, icon=":material/hourglass_top:")
    elif result is None:
        st.warning(
            t(
                "**Not analysable.** {reason}. Read the study without the AI.",
                reason=markdown(retold(study.reason)),
            ),
            icon=":material/visibility_off:",
        )
    else:
        decision.headline(result)
        decision.anew(study)
        bars.probabilities(result.probabilities)
    decision.history(study, blind=blind)
    if study.status is StudyStatus.DISCARDED:
        decision.left_over(installation, study)
    else:
        proof.ask(study_id)
        decision.form(installation, study, onward)
    if may_report:
        reports.offer(study)
