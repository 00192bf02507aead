"""Errors on a page that nothing else has caught: a sentence; after those of disk and database the page tries again.

Tested in tests/e2e/test_faults.py.
"""

from __future__ import annotations

import streamlit as st

from triage.errors import StorageError, TriageError, storage_error
from triage.languages.speech import retold, t
from triage.text import markdown
from triage.ui import state

#: Time between two tries.
AGAIN = "3s"


def said(error: Exception) -> bool:
    """Say what went wrong in the place of what could not be drawn, and return whether there is a sentence for it.

    Streamlit calls it for pages, for parts that draw themselves again, and for what a click does. What was entered
    stays in the session and in the browser.
    """
    if isinstance(error, OSError):
        error = storage_error(error)
    if not isinstance(error, TriageError):
        return False
    sentence = markdown(retold(str(error)))
    if not isinstance(error, StorageError):
        st.error(sentence, icon=":material/error:")
        return True
    again = t("This page tries again by itself. What you entered is kept.")
    st.error(f"{sentence} {again}", icon=":material/database_off:")
    st.session_state.again = False
    _again()
    return True


@st.fragment(run_every=AGAIN)
def _again() -> None:
    """Draw the whole page again once the record answers; the first run of this part is that of the fault itself."""
    if not st.session_state.again:
        st.session_state.again = True
        return
    try:
        state.installation().store.results.count_pending()
    except StorageError:
        return
    st.rerun()
