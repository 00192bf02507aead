"""Access to one installation: its parts, and whether it has accounts at all."""

from __future__ import annotations

import time
from ipaddress import ip_address

from triage.access.directory import Directory
from triage.access.live import LiveSessions
from triage.access.peers import Peers
from triage.access.roles import Role
from triage.access.sign_in import SignIn
from triage.errors import DeniedError
from triage.records.store import Store
from triage.settings import Settings

#: Seconds that "there is no account yet" counts.
KEEP = 0.9
NOT_ALONE = (
    "Without accounts NeuroTriage serves this computer only. Make an administrator first: python -m triage account add "
    "NAME --role administrator. Or set TRIAGE_OIDC_ISSUER; docs/access.md describes both."
)
NO_ADDRESS = (
    "Set TRIAGE_ADDRESS to the address that people type, such as https://triage.hospital.example: pages and requests "
    "are checked against it; docs/access.md describes it."
)


class Access:
    """Who may do what in one installation.

    Parameters
    ----------
    store
        Holds accounts, sessions and tokens.
    settings
        Of the installation.

    Attributes
    ----------
    live
        The sessions in use.
    sign_in
        Begins and ends them.
    directory
        Accounts and tokens, for administrators.
    peers
        The DICOMweb peers.
    """

    def __init__(self, store: Store, settings: Settings) -> None:
        self._store, self.settings = store, settings
        self.live = LiveSessions(store, settings.session_idle, settings.session_limit)
        self.sign_in = SignIn(store, self.live, {group: Role(role) for group, role in settings.oidc_roles.items()})
        self.directory = Directory(store, self.live)
        self.peers = Peers(store, settings.token.get_secret_value())
        self._has_accounts, self._asked_at = False, -KEEP

    def known_single_user(self) -> bool | None:
        """Return what `single_user` returns, without asking the record; None if it has to be asked."""
        if self.settings.oidc_issuer or self._has_accounts:
            return False
        return True if time.monotonic() - self._asked_at < KEEP else None

    def single_user(self) -> bool:
        """Return whether one person uses this installation on this computer, without an account."""
        if (known := self.known_single_user()) is not None:
            return known
        self._has_accounts, self._asked_at = self._store.accounts.any(), time.monotonic()
        return not self._has_accounts

    def has_passwords(self) -> bool:
        """Return whether any open account has a password here."""
        return any(one.password and one.closed_at is None for one in self._store.accounts.all())

    def check_bound(self, address: str) -> None:
        """Refuse to serve others while there are no accounts, or while it is not said under which address.

        Parameters
        ----------
        address
            That the server listens on.

        Raises
        ------
        DeniedError
            With the remedy.
        """
        if is_loopback(address):
            return
        if self.single_user():
            raise DeniedError(NOT_ALONE)
        if not self.settings.address:
            raise DeniedError(NO_ADDRESS)


def is_loopback(host: str) -> bool:
    """Return whether a host name or address is this computer's own."""
    name = host.strip("[]").lower()
    try:
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False
