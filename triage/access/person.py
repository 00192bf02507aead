"""The person behind a request or a page. Tested in tests/access/test_roles.py."""

from __future__ import annotations

from dataclasses import dataclass

from triage.access.roles import RIGHTS, Right, Role, holders
from triage.errors import DeniedError
from triage.records.origin import Origin
from triage.text import visible

#: Who acts in single-user mode until a name is entered.
UNNAMED = "unnamed reader"


@dataclass(frozen=True, slots=True)
class Person:
    """Who acts.

    Attributes
    ----------
    name
        The name that is signed; "" in single-user mode until one is entered.
    account
        ID of the account; "" in single-user mode.
    session
        Key of the session; "" in single-user mode.
    must_change
        Whether the password has to be changed before anything else.
    """

    name: str
    roles: frozenset[Role]
    account: str = ""
    session: str = ""
    must_change: bool = False

    @property
    def actor(self) -> str:
        """The name in the audit trail."""
        return self.name or UNNAMED

    def coming_from(self, address: str) -> Origin:
        """Return the origin of what the person does from a network address."""
        return Origin(self.actor, self.account, visible(address, 64))

    def may(self, right: Right) -> bool:
        """Return whether one of the roles has a right."""
        return any(right in RIGHTS[role] for role in self.roles)

    def require(self, right: Right) -> None:
        """Go on only with a right.

        Raises
        ------
        DeniedError
            Without it.
        """
        if not self.may(right):
            needed = " or ".join(holders(right))
            raise DeniedError(f"You may not {right}. That needs the role {needed}: ask an administrator for it.")


def alone(name: str) -> Person:
    """Return the only person of an installation without accounts, who may do everything."""
    return Person(name, frozenset(Role))
