"""The worklist: what waits in reading order, each study with the reason for its place; assets/worklist.js draws it."""

import streamlit as st

from triage.access.roles import Right
from triage.languages.speech import t
from triage.ui import news, state

person = state.require(Right.WORKLIST)
title, button = st.columns([3, 1], vertical_alignment="bottom")
title.title(t("Worklist"))
may_read = person.may(Right.READ)
if may_read and button.button(t("Read next"), icon=":material/play_arrow:", type="primary", width="stretch"):
    top, _ = state.read_next()
    if top is not None:
        state.open_study(top)
    st.toast(t("Nothing waits to be read."), icon=":material/inbox:")
# Opened here, by the whole page and never by a fragment that repeats itself: leaving from there can race with a repeat.
if (opened := news.worklist(person.account or person.name, may_list=person.may(Right.LIST))) and may_read:
    state.open_study(opened)
