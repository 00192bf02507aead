"""State that the pages share: the installation, the reader, and the navigation between pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import unquote

import streamlit as st

from triage.pipeline.installation import Installation
from triage.settings import ROOT, Settings
from triage.text import visible

COOKIE = "triage_reader"
#: Characters of a reader's name.
MAX_READER = 80
WORKLIST = ROOT / "pages" / "clinical" / "worklist.py"
UPLOAD = ROOT / "pages" / "clinical" / "upload.py"
REVIEW = ROOT / "pages" / "clinical" / "review.py"
CONFLICTS = ROOT / "pages" / "clinical" / "conflicts.py"
INSIGHTS = ROOT / "pages" / "clinical" / "insights.py"
READINGS = ROOT / "pages" / "clinical" / "readings.py"
MODELS = ROOT / "pages" / "admin" / "models.py"


@st.cache_resource(show_spinner=False)
def installation() -> Installation:
    """Return the installation, opened once per process."""
    return Installation(Settings())


def now() -> datetime:
    """Return the current time in UTC, with its time zone."""
    return datetime.now(UTC)


def reader() -> str:
    """Return the reader's name, "" while none is entered; the cookie of a browser may hold anything."""
    return visible(str(st.session_state.get("reader", "")), MAX_READER)


def ask_reader() -> None:
    """Ask for the reader's name; the browser remembers it across reloads."""
    if "reader" not in st.session_state:
        st.session_state.reader = visible(unquote(st.context.cookies.get(COOKIE, "")), MAX_READER)
    st.text_input(
        "Reader",
        key="reader",
        placeholder="Your name",
        max_chars=MAX_READER,
        persist_state="session",
        icon=":material/person:",
        help="Signed under every reading; this browser remembers it.",
    )
    if reader():
        st.session_state.named = True
    if "named" not in st.session_state:
        return  # an empty name must not overwrite the name that the browser remembers
    remember = st.components.v2.component("remember", js=(ROOT / "assets" / "remember.js").read_text())
    remember(data={"cookie": COOKIE, "value": reader()}, key="remember", height=1)


def open_study(study_id: str) -> NoReturn:
    """Open a study on the review page; its ID is in the address, so a reload stays there."""
    st.switch_page(REVIEW, query_params={"study": study_id})
