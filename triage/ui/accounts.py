"""What the page Users says of an account. Tested in tests/e2e/test_access.py."""

from __future__ import annotations

import streamlit as st

from triage.languages.speech import t
from triage.records.accounts import Account
from triage.text import markdown
from triage.ui import state


def describe(account: Account, sessions: int) -> None:
    """Draw how an account is signed in with, where it is, and what was signed under its name before it was there."""
    made = state.local(account.made_at)
    st.caption(t("Signed in: {count} browser(s). Made {time}.", count=sessions, time=made))
    if account.subject:
        st.caption(t("Of the sign-in service: its groups decide about the roles."))
    else:
        codes = t("with one-time codes") if account.totp else t("without one-time codes")
        st.caption(t("Signs in as {login}, {codes}.", login=markdown(account.login), codes=codes))
    if before := state.installation().store.readings.without_account(account.name):
        said = t("Signed under this name before there was the account: {count}. My readings lists them.", count=before)
        st.warning(said, icon=":material/person_alert:")
