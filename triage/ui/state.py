"""What the pages share: the installation's installation, the reader, and the way from one page to another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import unquote

import streamlit as st

from triage.pipeline.installation import Installation
from triage.settings import ROOT, Settings

COOKIE = "triage_reader"
WORKLIST = ROOT / "pages" / "clinical" / "worklist.py"
UPLOAD = ROOT / "pages" / "clinical" / "upload.py"
REVIEW = ROOT / "pages" / "clinical" / "review.py"
READINGS = ROOT / "pages" / "clinical" / "readings.py"
MODELS = ROOT / "pages" / "admin" / "models.py"


@st.cache_resource(show_spinner=False)
def installation() -> Installation:
    """Return this installation, opened once per process."""
    return Installation(Settings())


def now() -> datetime:
    """Return the time, aware."""
    return datetime.now(UTC)


def reader() -> str:
    """Return the reader's name, "" while nobody has given one."""
    return str(st.session_state.get("reader", "")).strip()


def ask_reader() -> None:
    """Ask for the reader's name and let the browser remember it across reloads."""
    if "reader" not in st.session_state:
        st.session_state.reader = unquote(st.context.cookies.get(COOKIE, ""))
    st.text_input(
        "Reader",
        key="reader",
        placeholder="Your name",
        max_chars=80,
        persist_state="session",
        icon=":material/person:",
        help="Signed under every reading; this browser remembers it.",
    )
    if reader():
        st.session_state.named = True
    if "named" not in st.session_state:
        return  # a name that the browser may keep is not written over by none
    remember = st.components.v2.component("remember", js=(ROOT / "assets" / "remember.js").read_text())
    remember(data={"cookie": COOKIE, "value": reader()}, key="remember", height=1)


def open_study(study_id: str) -> NoReturn:
    """Open a study on the review page; the address carries its ID, so a reload stays there."""
    st.switch_page(REVIEW, query_params={"study": study_id})
