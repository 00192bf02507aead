"""The worklist: what waits in reading order, each study with the reason for its place; assets/worklist.js draws it."""

import streamlit as st

from triage.ui import news, state

title, button = st.columns([5, 1], vertical_alignment="bottom")
title.title("Worklist")
if button.button("Read next", icon=":material/play_arrow:", type="primary", width="stretch"):
    top, _ = state.read_next()
    if top is not None:
        state.open_study(top)
    st.toast("Nothing waits to be read.", icon=":material/inbox:")
# Opened here, by the whole page and never by a fragment that repeats itself: leaving from there can race with a repeat.
if opened := news.worklist():
    state.open_study(opened)
