"""The proof of who signs, where the site asks for one (`TRIAGE_SIGN_WITH_PASSWORD`).

Tested in tests/access/test_sign_in.py and tests/e2e/test_access.py.
"""

from __future__ import annotations

from urllib.parse import quote

import streamlit as st

from triage.access.sign_in import PROOF, Caller
from triage.errors import TriageError
from triage.languages.speech import retold, t
from triage.text import markdown
from triage.ui import state

MINUTES = int(PROOF.total_seconds() // 60)


def ask(study_id: str) -> None:
    """Draw the field in which a reader confirms who they are, for the next signature; nothing where none is asked for.

    Parameters
    ----------
    study_id
        The study that is open, to come back to from the sign-in service.
    """
    installation, person = state.installation(), state.person()
    found = installation.store.sessions.get(person.session) if person.session else None
    if found is None or not installation.settings.sign_with_password:
        return
    session, account = found
    if session.proved_at is not None and state.now() - session.proved_at < PROOF:
        confirmed = t("Confirmed for your next signature, within {minutes} minutes.", minutes=MINUTES)
        st.caption(f":material/verified_user: {confirmed}")
        return
    if account.subject:
        back = quote(f"/review?study={study_id}", safe="")
        address = f"/sign-in/oidc?again=1&next={back}"
        st.link_button(t("Confirm it is you"), address, icon=":material/key:", help=t("Then sign there."))
        return
    with st.form("proof", clear_on_submit=True, border=True):
        said = t("Confirm it is you. It counts for the next signature, within {minutes} minutes.", minutes=MINUTES)
        st.caption(said)
        typed, code, button = st.columns([3, 2, 2], vertical_alignment="bottom")
        password = typed.text_input(t("Password"), type="password", autocomplete="current-password")
        once = code.text_input(t("One-time code"), max_chars=8) if account.totp else ""
        sent = button.form_submit_button(t("Confirm"), icon=":material/key:", width="stretch")
    if sent:
        try:
            installation.access.sign_in.prove(person, password, once, Caller(st.context.ip_address or ""))
        except TriageError as error:
            st.warning(markdown(retold(str(error))), icon=":material/error:")
        else:
            st.rerun()
