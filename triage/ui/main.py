"""The script that runs for every page: page config, navigation, reader, and the research-use notice.

Tested in tests/pages/test_pages.py.
"""

import streamlit as st

from triage.settings import ROOT
from triage.ui import news, state

st.set_page_config(
    page_title="NeuroTriage", page_icon=str(ROOT / "assets" / "icon.svg"), layout="wide", initial_sidebar_state=232
)
st.html(ROOT / "assets" / "style.css")
st.logo(str(ROOT / "assets" / "logo.svg"), icon_image=str(ROOT / "assets" / "icon.svg"), size="large")

page = st.navigation(
    {
        "Clinical": [
            st.Page(state.WORKLIST, title="Worklist", icon=":material/format_list_numbered:", default=True),
            st.Page(state.REVIEW, title="Review", icon=":material/neurology:"),
            st.Page(state.UPLOAD, title="Upload", icon=":material/upload:"),
            st.Page(state.CONFLICTS, title="Conflicts", icon=":material/rule:"),
            st.Page(state.READINGS, title="My readings", icon=":material/history_edu:"),
            st.Page(state.INSIGHTS, title="Insights", icon=":material/monitoring:"),
        ],
        "Administration": [st.Page(state.MODELS, title="Model", icon=":material/network_intelligence_history:")],
    }
)
with st.sidebar:
    state.ask_reader()
    news.listen()
    st.caption(
        ":material/science: **Research use only.** Not a medical device; not for diagnosis or treatment. "
        "Every study is read by a person."
    )
page.run()
