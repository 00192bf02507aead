"""Accounts and the tokens of DICOMweb peers: add, change, close, revoke."""

from collections.abc import Callable

import streamlit as st

from triage.access.roles import PeerRight, Right, Role
from triage.errors import TriageError
from triage.languages.speech import later, retold, t
from triage.records.accounts import Account
from triage.text import markdown, table_cell
from triage.ui import accounts, state

NEW = later(
    "New password of {name}. Shown this once. Hand it over in person; it has to be changed at the first sign-in."
)

me = state.require(Right.USERS)
access = state.installation().access
directory = access.directory


def carry_out(act: Callable[[], str | None], done: str, secret: str = "") -> None:
    """Do something, and say what came of it; a secret that it returns is shown once."""
    try:
        state.acting().require(Right.USERS)
        made = act()
    except TriageError as error:
        st.toast(markdown(retold(str(error))), icon=":material/error:", duration="infinite")
        return
    if made and secret:  # it says itself what was done, and a toast would lie over it
        st.session_state.shown_once = (secret, made)
    else:
        st.toast(done, icon=":material/check_circle:")


def add() -> None:
    """Add the account that was entered."""
    entered = st.session_state
    login, name, roles = entered.new_login, entered.new_name, [Role(one) for one in entered.new_roles]
    secret = t(NEW, name=markdown(name))
    carry_out(lambda: directory.add(login, name, roles, by=me.name), t("The account is added."), secret)


def add_token() -> None:
    """Make the token of the peer that was entered."""
    entered = st.session_state
    peer, rights = entered.new_peer, [PeerRight(one) for one in entered.new_rights]
    carry_out(
        lambda: directory.add_token(peer, rights, by=me.name), t("The token is made."), t("Token. Shown this once.")
    )


def draw(account: Account) -> None:
    """Draw what can be done with an account."""
    key = account.id
    accounts.describe(account, len(directory.sessions(account)))
    if not account.subject:
        chosen = st.multiselect(t("Roles"), list(Role), sorted(account.roles), format_func=t, key=f"roles_{key}")
        st.button(
            t("Give these roles"),
            key=f"give_{key}",
            on_click=carry_out,
            args=(lambda: directory.give_roles(account, chosen, by=me.name), t("The roles are changed.")),
        )
    row = st.container(horizontal=True)
    if not account.subject:
        row.button(
            t("New password"),
            key=f"reset_{key}",
            on_click=carry_out,
            args=(
                lambda: directory.reset_password(account, by=me.name),
                t("The password is new."),
                t(NEW, name=markdown(account.name)),
            ),
        )
    row.button(
        t("End all sessions"),
        key=f"end_{key}",
        on_click=carry_out,
        args=(lambda: str(directory.end_sessions(account, by=me.name)), t("The sessions are ended.")),
    )
    with row.popover(t("Close the account")):
        st.write(t("Closed for good: the name stays with what it signed, and nobody gets it again."))
        st.button(
            t("Close it"),
            key=f"close_{key}",
            type="primary",
            on_click=carry_out,
            args=(lambda: directory.close(account, by=me.name), t("The account is closed.")),
        )


st.title(t("Users"))
if shown := st.session_state.pop("shown_once", None):
    st.warning(shown[0], icon=":material/key:")
    st.code(shown[1], language=None)
known = directory.accounts()
if access.single_user():
    st.info(
        t(
            "Single-user mode: there are no accounts. The first administrator is made on the console of this computer: "
            "`python -m triage account add NAME --role administrator`. From then on everybody signs in."
        ),
        icon=":material/computer:",
    )
for account in known:
    if account.closed_at is None:
        roles = ", ".join(t(one) for one in sorted(account.roles))
        with st.expander(f"**{markdown(account.name)}**  ·  {roles}"):
            draw(account)
closed = [account for account in known if account.closed_at is not None]
if closed:
    names = markdown(", ".join(account.name for account in closed))
    st.caption(t("Closed: {names}", names=names))
if known:
    with st.form("new_account", clear_on_submit=True):
        st.subheader(t("Add an account"), anchor=False)
        first, second, third = st.columns(3)
        first.text_input(t("Name for the sign-in"), key="new_login")
        second.text_input(t("Name that is signed"), key="new_name", help=t("Unique, and never given to anybody else."))
        third.multiselect(t("Roles"), list(Role), [Role.RADIOLOGIST], format_func=t, key="new_roles")
        st.form_submit_button(t("Add"), icon=":material/person_add:", on_click=add)

st.subheader(t("DICOMweb peers"), anchor=False)
tokens = directory.tokens()
if tokens:
    st.dataframe(
        [
            {
                t("Peer"): table_cell(one.peer),
                t("May"): ", ".join(t(right) for right in sorted(one.rights)),
                t("Made"): state.local(one.made_at),
                t("Last used"): state.local(one.used_at) if one.used_at else t("never"),
                t("Revoked"): state.local(one.revoked_at) if one.revoked_at else "",
            }
            for one in tokens
        ],
        hide_index=True,
    )
valid = [one.peer for one in tokens if one.revoked_at is None]
left, right = st.columns(2)
with left.form("new_token", clear_on_submit=True):
    st.text_input(t("Name of the peer"), key="new_peer", placeholder="MRI 1")
    st.multiselect(t("May"), list(PeerRight), [PeerRight.STORE], format_func=t, key="new_rights")
    st.form_submit_button(t("Make a token"), icon=":material/key:", on_click=add_token)
if valid:
    with right.container(border=True):
        peer = st.selectbox(t("Peer"), valid)
        st.button(
            t("Revoke its token"),
            icon=":material/key_off:",
            on_click=carry_out,
            args=(lambda: directory.revoke_token(peer, by=me.name), t("The token is revoked.")),
        )
