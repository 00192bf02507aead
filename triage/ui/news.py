"""What the browser keeps up to date by itself: the rows of the worklist, and the announcement of new STAT studies.

Tested in tests/e2e/test_worklist.py.
"""

from __future__ import annotations

import streamlit as st

from triage.settings import ROOT

MOUNT = (ROOT / "assets" / "worklist-mount.js").read_text()
SOUND = """
<label style="display: flex; gap: .5rem; align-items: center; font: 14px var(--st-font); color: var(--st-text-color)">
<input type="checkbox"> Sound at a new STAT
</label>
"""
#: What an empty worklist says.
ARRIVE = "New studies arrive through the page Upload, or from a scanner or PACS over DICOMweb."
_worklist = st.components.v2.component(
    "worklist", css=(ROOT / "assets" / "worklist.css").read_text(), html="\n", js=MOUNT
)
_news = st.components.v2.component("news", html=SOUND, js=MOUNT)


def worklist() -> str | None:
    """Draw the table of the worklist, and return the ID of the study that the reader has just opened, if any."""
    data = {"module": "/worklist/modules/worklist.js", "arrive": ARRIVE}
    drawn = _worklist(data=data, key="worklist", on_open_change=lambda: None)
    return drawn.open if isinstance(drawn.open, str) else None


def listen() -> None:
    """Listen to the news of the record on this page, and offer a sound."""
    _news(data={"module": "/worklist/modules/events.js"}, key="news")
