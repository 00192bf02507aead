"""One study: its slices, where the network looked, what it said; the reader decides and signs."""

import streamlit as st

from triage.domain import StudyStatus
from triage.errors import TriageError
from triage.ui import charts, decision, identity, maps, reports, stack, state, viewer

installation = state.installation()
study_id = st.query_params.get("study") or installation.queue.first(state.now())
if study_id is None:
    st.title("Review")
    st.info("Nothing waits to be read. New studies arrive through **Upload**.", icon=":material/inbox:")
    st.stop()
try:
    study = installation.store.study(study_id)
except TriageError as error:
    st.title("Review")
    st.error(str(error), icon=":material/error:")
    st.stop()
if st.query_params.get("study") != study_id:
    st.query_params["study"] = study_id
if study.opened_at is None:
    installation.store.readings.note_opened(study_id, reader=state.reader() or "unnamed reader")
result = study.result


@st.fragment
def look() -> None:
    """Draw a slice under its controls; only this part is drawn anew when a control or the slice moves."""
    try:
        slices = stack.open_stack(installation, study)
    except TriageError as error:
        st.error(str(error), icon=":material/error:")
        return
    if not slices.shown:
        st.info("No series of this study has slices to show.", icon=":material/hide_image:")
        return
    controls = maps.controls(result)
    view = stack.choose(slices)
    at = stack.position(view)
    shown = view.slice(at)
    gray = viewer.window(shown.pixels, *controls.window)
    overlay = maps.overlay(installation, slices, view.series, at, controls) if view.cut is None else None
    with st.container(key=stack.PICTURE, height=480, border=False):
        st.plotly_chart(
            viewer.picture(gray, overlay, shown.spacing, key=view.key),
            key=f"picture_{view.key}",
            height="stretch",
            config={"scrollZoom": True, "displayModeBar": False, "doubleClick": "reset"},
        )
    stack.navigate(view)
    said = [f"Slice {at + 1} of {view.count}: wheel, arrow keys"] if view.count > 1 else []
    if view.cut is not None:
        said.append(f"Cut from the {slices.series[view.series].header.plane} slices, which are what the AI judged")
    elif controls.finding:
        said.append(f"Heat map: **{controls.finding.label}**, {controls.method}")
    if view.cut is None and slices.step(view.series) > 1:
        said.append(f"Thin slices: the AI read one in {slices.step(view.series)}")
    st.caption(" · ".join(said))


left, right = st.columns([1.3, 1], gap="medium")
with left:
    look()
with right:
    identity.heading(study)
    if study.status is StudyStatus.RECEIVED:
        st.info("Being scored; this takes seconds. You may read it without the AI.", icon=":material/hourglass_top:")
    elif result is None:
        st.warning(f"**Not analysable.** {study.reason}. Read it without the AI.", icon=":material/visibility_off:")
    else:
        decision.headline(result)
        st.plotly_chart(charts.probabilities(result.probabilities), key="bars", config={"displayModeBar": False})
    decision.history(study)
    decision.form(installation, study)
    reports.offer(installation, study)
