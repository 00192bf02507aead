"""What the browser keeps up to date by itself: the rows of the worklist, and the announcement of new STAT studies.

Tested in tests/e2e/test_worklist.py.
"""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from triage.languages.speech import later, t
from triage.settings import ROOT
from triage.text import html_text
from triage.web.modules import addresses

MOUNT = (ROOT / "assets" / "worklist-mount.js").read_text()
SOUND = """
<label style="display: flex; gap: .5rem; align-items: center; font: 14px var(--st-font); color: var(--st-text-color)">
<input type="checkbox"> {label}
</label>
"""
#: What an empty worklist says.
ARRIVE = later("New studies arrive through the page Upload, or from a scanner or PACS over DICOMweb.")
_worklist = st.components.v2.component(
    "worklist", css=(ROOT / "assets" / "worklist.css").read_text(), html="\n", js=MOUNT
)


def worklist(of: str, *, may_list: bool) -> str | None:
    """Draw the table of the worklist, and return the ID of the study that the reader has just opened, if any.

    Parameters
    ----------
    of
        Whose list it is: what one person filtered and sought is not shown to the next one in the same tab.
    may_list
        Whether the reader may take the list away as a table, and is shown the link.
    """
    data = {
        "module": "/worklist/modules/worklist.js",
        "arrive": t(ARRIVE),
        "loading": t("Loading the worklist …"),
        "viewer": list(addresses("ahead.js")),
        "list": may_list,
        "of": of,
    }
    drawn = _worklist(data=data, key="worklist", on_open_change=lambda: None)
    return drawn.open if isinstance(drawn.open, str) else None


def listen(latest: Callable[[], int], *, blind: bool) -> None:
    """Listen to the news of the record on this page, and offer a sound where a new STAT is announced.

    Parameters
    ----------
    latest
        Gives the number of the latest news, asked when the page is drawn first: later ones are news to it.
    blind
        Whether readers commit a class before they see the AI result: then nothing tells them its band.
    """
    html = "\n" if blind else SOUND.format(label=html_text(t("Sound at a new STAT")))
    if "news_since" not in st.session_state:
        st.session_state.news_since = latest()
    data = {"module": "/worklist/modules/events.js", "since": st.session_state.news_since}
    # Its trigger draws the page again, so that a server that was started anew knows its buttons.
    st.components.v2.component("news", html=html, js=MOUNT)(data=data, key="news", on_back_change=lambda: None)
