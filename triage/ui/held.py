"""Signatures that can still be taken back, said where one's readings are listed.

Tested in tests/pages/test_pages.py.
"""

from __future__ import annotations

import streamlit as st

from triage.languages.speech import t
from triage.ui import state

#: Time between two looks whether they are filed.
EVERY = "2s"


def show(reader: str) -> None:
    """Say that signatures of a reader wait, and draw the page anew once they are filed; draw nothing without one.

    Parameters
    ----------
    reader
        Whose page it is.
    """
    if state.installation().store.drafts.held(reader):
        _wait(reader)


@st.fragment(run_every=EVERY)
def _wait(reader: str) -> None:
    waiting = len(state.installation().store.drafts.held(reader))
    if not waiting:
        st.rerun()
    st.info(
        t("Signed, and listed here in a few seconds: {count}. Until then it can be taken back.", count=waiting),
        icon=":material/hourglass_top:",
    )
