"""The proof of who signs, where the site asks for one (`TRIAGE_SIGN_WITH_PASSWORD`).

Tested in tests/access/test_sign_in.py and tests/e2e/test_access.py.
"""

from __future__ import annotations

from urllib.parse import quote

import streamlit as st

from triage.access.sign_in import PROOF, Caller
from triage.errors import TriageError
from triage.languages.speech import retold, t
from triage.records.accounts import Account
from triage.records.sessions import Session
from triage.text import markdown
from triage.ui import state

MINUTES = int(PROOF.total_seconds() // 60)


def standing() -> str:
    """Return whether the next signature needs a proof: `"missing"`, `"given"`, or "" where none is asked for."""
    found = _session()
    if found is None:
        return ""
    proved_at = found[0].proved_at
    return "given" if proved_at is not None and state.now() - proved_at < PROOF else "missing"


def ask(study_id: str) -> None:
    """Draw the line in which a reader confirms who they are, for the next signature; nothing where none is asked for.

    It keeps its height, whatever it says: the button to sign is just below.

    Parameters
    ----------
    study_id
        The study that is open, to come back to from the sign-in service.
    """
    found = _session()
    if found is None:
        return
    _, account = found
    draft = state.installation().store.drafts.get(study_id, state.reader())
    with st.container(key="proof"):
        if draft is not None and draft.due_at is not None:
            st.caption(f":material/verified_user: {t('Confirmed for this signature.')}")
        elif standing() == "given":
            confirmed = t("Confirmed for your next signature, within {minutes} minutes.", minutes=MINUTES)
            st.caption(f":material/verified_user: {confirmed}")
        elif account.subject:
            back = quote(f"/review?study={study_id}", safe="")
            address = f"/sign-in/oidc?again=1&next={back}"
            st.link_button(t("Confirm it is you"), address, icon=":material/key:", help=t("Then sign there."))
        else:
            _field(account)


def _session() -> tuple[Session, Account] | None:
    """Return the session and the account of the reader, where the site asks for a proof."""
    installation, person = state.installation(), state.person()
    if not person.session or not installation.settings.sign_with_password:
        return None
    return installation.store.sessions.get(person.session)


def _field(account: Account) -> None:
    with st.form("proof", clear_on_submit=True, border=False):
        typed, *codes, button = st.columns([3, 2, 2] if account.totp else [3, 2], vertical_alignment="bottom")
        password = typed.text_input(
            t("Password"),
            type="password",
            autocomplete="current-password",
            placeholder=t("Password, to sign"),
            label_visibility="collapsed",
        )
        once = ""
        for code in codes:
            label = t("One-time code")
            once = code.text_input(label, max_chars=8, placeholder=label, label_visibility="collapsed")
        sent = button.form_submit_button(t("Check it"), icon=":material/key:", width="stretch")
    if not sent:
        return
    if not password:  # a second press, after the first one emptied the field
        _refuse(t("Type your password first."))
        return
    try:
        caller = Caller(st.context.ip_address or "")
        state.installation().access.sign_in.prove(state.person(), password, once, caller)
    except TriageError as error:
        _refuse(retold(str(error)))
    else:
        st.rerun()


def _refuse(said: str) -> None:
    """Say why it was not taken, in one line: the form below it stays in the window."""
    st.markdown(f":small[:red[:material/error: {markdown(said)}]]")
