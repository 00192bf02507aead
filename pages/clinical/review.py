"""One study: the picture, where the network looked, what it said; the reader decides and signs."""

import streamlit as st

from triage.errors import TriageError
from triage.ui import charts, decision, maps, state, tables, viewer

HEIGHT = 600

parts = state.pipeline()
study_id = st.query_params.get("study") or parts.queue.first(state.now())
if study_id is None:
    st.title("Review")
    st.info("Nothing waits to be read. New studies arrive through **Upload**.", icon=":material/inbox:")
    st.stop()
try:
    study = parts.store.study(study_id)
    picture = maps.picture(parts, study_id)
except TriageError as error:
    st.title("Review")
    st.error(str(error), icon=":material/error:")
    st.stop()
if st.query_params.get("study") != study_id:
    st.query_params["study"] = study_id
if study.opened_at is None:
    parts.store.note_opened(study_id, reader=state.reader() or "unnamed reader")
result = study.result


@st.fragment
def look() -> None:
    """Draw the picture under its controls; only this part is drawn anew when a control moves."""
    controls = maps.controls(result)
    gray = viewer.window(picture.pixels, *controls.window)
    overlay = maps.overlay(parts, study_id, picture, controls) if controls.finding else None
    st.plotly_chart(
        viewer.picture(gray, overlay, key=study_id, height=HEIGHT),
        key=f"picture_{study_id}",
        config={"scrollZoom": True, "displayModeBar": False, "doubleClick": "reset"},
    )
    if controls.finding:
        st.caption(f"Heat map: evidence for **{controls.finding.label}** ({controls.method}).")


left, right = st.columns([1.3, 1], gap="medium")
with left:
    look()
with right:
    st.subheader(study.name, anchor=False)
    waited = tables.duration(state.now() - study.arrived_at)
    st.caption(f"Study {study_id[:8]} · arrived {study.arrived_at:%Y-%m-%d %H:%M} UTC, {waited} ago · {study.status}")
    if result is None:
        st.warning(f"**Not analysable.** {study.reason}. Read it without the AI.", icon=":material/visibility_off:")
    else:
        decision.headline(result)
        st.plotly_chart(charts.probabilities(result.probabilities), key="bars", config={"displayModeBar": False})
    decision.history(study)
    decision.form(parts, study)
