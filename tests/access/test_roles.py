from __future__ import annotations

import pytest

from triage.access.person import Person, alone
from triage.access.roles import RIGHTS, Right, Role, holders
from triage.errors import DeniedError

#: Who may do what: the table of docs/access.md.
TABLE = {
    Right.WORKLIST: "TRA",
    Right.UPLOAD: "TR",
    Right.READ: "R",
    Right.SIGN: "R",
    Right.CONFLICTS: "RA",
    Right.INSIGHTS: "RA",
    Right.MODEL: "RA",
    Right.RETRAIN: "A",
    Right.MONITORING: "RA",
    Right.BASELINE: "A",
    Right.PROMOTE: "A",
    Right.LIST: "RA",
    Right.EXPORT_OWN: "R",
    Right.EXPORT_ALL: "A",
    Right.SEND: "R",
    Right.USERS: "A",
    Right.AUDIT: "A",
}


@pytest.mark.parametrize("right", Right)
@pytest.mark.parametrize("role", Role)
def test_every_role_has_its_rights_and_no_other(role: Role, right: Right) -> None:
    person = Person("Ada", frozenset({role}), "1", "s")
    assert person.may(right) == (role[0].upper() in TABLE[right])
    assert (role in holders(right)) == person.may(right)
    if person.may(right):
        person.require(right)
    else:
        with pytest.raises(DeniedError, match=str(holders(right)[0])):
            person.require(right)


def test_several_roles_add_up_and_none_has_no_right() -> None:
    both = Person("Ada", frozenset({Role.ADMINISTRATOR, Role.RADIOLOGIST}))
    assert both.may(Right.SIGN)
    assert both.may(Right.USERS)
    assert not any(Person("Ada", frozenset()).may(right) for right in Right)
    assert all(alone("").may(right) for right in Right)


def test_no_right_is_without_a_role() -> None:
    assert frozenset().union(*RIGHTS.values()) == frozenset(Right)
