"""State that the pages share: the installation, the reader, and the navigation between pages."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NoReturn
from urllib.parse import unquote
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import streamlit as st

from triage.pipeline.installation import Installation
from triage.settings import ROOT, Settings
from triage.text import visible
from triage.web.reader import COOKIE, MAX_READER

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


def zone() -> ZoneInfo:
    """Return the time zone of the reader's browser; UTC if it does not say."""
    try:
        return ZoneInfo(st.context.timezone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return ZoneInfo("UTC")


def local(time: datetime) -> str:
    """Return a time as the reader's clock shows it."""
    return f"{time.astimezone(zone()):%Y-%m-%d %H:%M %Z}"


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


def arrive(study_id: str, *, to_read: bool) -> None:
    """Note which study is open now, and end the claim of the one that was open before in this tab.

    Parameters
    ----------
    study_id
        The study.
    to_read
        Whether it waits for this reader, who claims it then; one who looks at what they signed keeps nobody away.
    """
    claims, name, time = installation().store.claims, reader(), now()
    before = st.session_state.get("at", study_id)
    if before != study_id or "came" not in st.session_state:
        st.session_state.came = time
    st.session_state.at = study_id
    if name:
        if before != study_id:
            claims.release(before, name, time)
        if to_read:
            claims.take(study_id, name, time)


def read_next(leaving: str = "") -> tuple[str | None, bool]:
    """Claim the study to read next, so that two readers get two, and return it; None if none is free.

    The list goes on below the study that is left, then from its top, past those that this reader left before; once it
    is through, it begins again. The second value tells whether it did.

    Parameters
    ----------
    leaving
        The study that is left; its claim ends.
    """
    record, name, time = installation(), reader(), now()
    left: list[str] = st.session_state.setdefault("left", [])
    since: datetime = st.session_state.get("came", time)
    if leaving:
        left[:] = [*(one for one in left if one != leaving), leaving]
        record.store.claims.release(leaving, name, time)
    for again in (False, True):
        free = record.queue.free(name, time, left=left, since=since)
        following = record.store.claims.take_first(free, name, time) if name else next(iter(free), None)
        if following is not None:
            return following, again
        left[:] = left[-1:]
    return None, False
