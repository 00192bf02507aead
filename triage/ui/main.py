"""The script that runs for every page: page config, navigation, who is there, and the research-use notice.

Tested in tests/pages/test_pages.py.
"""

from pathlib import Path
from typing import Literal

import streamlit as st
from streamlit.navigation.page import StreamlitPage

from triage.access.roles import Right
from triage.languages.speech import t
from triage.records.news import News
from triage.settings import ROOT
from triage.ui import language, monitoring, news, record, state

st.set_page_config(
    page_title="NeuroTriage", page_icon=str(ROOT / "assets" / "icon.svg"), layout="wide", initial_sidebar_state=232
)
language.settle()
st.html(ROOT / "assets" / "style.css")
st.logo(str(ROOT / "assets" / "logo.svg"), icon_image=str(ROOT / "assets" / "icon.svg"), size="large")

person = state.person()


def _page(right: Right, path: str | Path, title: str, icon: str, *, default: bool = False) -> StreamlitPage:
    """Return a page; one that this person may not open is on no list, and says so when its address is opened."""
    visibility: Literal["visible", "hidden"] = "visible" if person.may(right) else "hidden"
    return st.Page(path, title=title, icon=f":material/{icon}:", default=default, visibility=visibility)


page = st.navigation(
    {
        t("Clinical"): [
            _page(Right.WORKLIST, state.WORKLIST, t("Worklist"), "format_list_numbered", default=True),
            _page(Right.READ, state.REVIEW, t("Review"), "neurology"),
            _page(Right.UPLOAD, state.UPLOAD, t("Upload"), "upload"),
            _page(Right.CONFLICTS, state.CONFLICTS, t("Conflicts"), "rule"),
            _page(Right.EXPORT_OWN, state.READINGS, t("My readings"), "history_edu"),
            _page(Right.INSIGHTS, state.INSIGHTS, t("Insights"), "monitoring"),
        ],
        t("Administration"): [
            _page(Right.MODEL, state.MODELS, t("Models"), "network_intelligence_history"),
            _page(Right.MONITORING, state.MONITORING, t("Monitoring"), "monitor_heart"),
            _page(Right.USERS, state.USERS, t("Users"), "group"),
            _page(Right.AUDIT, state.AUDIT, t("Audit trail"), "policy"),
        ],
    }
)
with st.sidebar:
    if person.may(Right.BASELINE):
        monitoring.link(state.installation())
    state.who()
    news.listen(News(state.installation().store.read).latest, blind=state.installation().settings.blind_first_read)
    language.choose()
    st.caption(
        ":material/science: "
        + t(
            "**Research use only.** Not a medical device; not for diagnosis or treatment. "
            "Every study is read by a person."
        )
    )
# The notice of the sidebar is below its edge in a low window, and gone with a folded sidebar; this line stays.
st.html(f'<div class="research">{t("Research use only: not for clinical decisions")}</div>')
if person.may(Right.AUDIT):
    record.warn(state.installation())
if person.may(Right.BASELINE) and page.url_path == state.MODELS.stem:
    monitoring.warn(state.installation())
if person.may(Right.PROMOTE):
    record.warn_of_model(state.installation())
if page.url_path != state.REVIEW.stem:
    state.leave()
page.run()
