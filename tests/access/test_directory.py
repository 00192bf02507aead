from __future__ import annotations

import pytest
from access_samples import HERE, PASSWORD, account, signed_in
from sqlalchemy import select

from triage.access.access import Access
from triage.access.roles import PeerRight, Role
from triage.errors import ConflictError, DeniedError, NotFoundError, RefusedNameError, SignInError
from triage.records.store import Store
from triage.records.tables import AuditRow


def test_a_first_password_has_to_be_changed(access: Access) -> None:
    first = access.directory.add("ada", "", [Role.ADMINISTRATOR], by="console")
    secret = access.sign_in.with_password("ada", first, "", HERE)
    person = access.live.person(secret)
    assert person is not None
    assert person.must_change
    access.sign_in.change_password(person, first, PASSWORD, HERE)
    changed = access.live.person(secret)
    assert changed is not None
    assert not changed.must_change


@pytest.mark.parametrize("login", ["Dr. Ada", "a\u200bda", "", "ada lovelace", "аda"])
def test_a_login_that_cannot_be_typed_is_refused(access: Access, login: str) -> None:
    with pytest.raises(RefusedNameError):
        access.directory.add(login, "Ada", [Role.RADIOLOGIST], by="test")


@pytest.mark.parametrize(
    ("login", "name"), [("ada", "Other"), ("other", "Dr. Ada"), ("other", "DR ADA"), ("drada", "X")]
)
def test_no_name_is_given_twice_not_even_after_it_was_closed(access: Access, login: str, name: str) -> None:
    account(access, "first")
    account(access, "ada", Role.RADIOLOGIST)
    with pytest.raises(ConflictError):
        access.directory.add(login, name, [Role.RADIOLOGIST], by="test")
    ada = next(one for one in access.directory.accounts() if one.login == "ada")
    access.directory.close(ada, by="test")
    with pytest.raises(ConflictError):
        access.directory.add(login, name, [Role.RADIOLOGIST], by="test")


def test_one_administrator_stays(access: Access) -> None:
    ada = account(access)
    for act in (
        lambda: access.directory.close(ada, by="test"),
        lambda: access.directory.give_roles(ada, [Role.RADIOLOGIST], by="test"),
    ):
        with pytest.raises(ConflictError, match="last administrator"):
            act()
    account(access, "bob", Role.ADMINISTRATOR)
    access.directory.close(ada, by="test")


def test_a_new_password_ends_sessions_and_codes(access: Access) -> None:
    ada = account(access)
    secret = signed_in(access)
    access.directory.reset_password(ada, by="test")
    assert access.live.person(secret) is None
    with pytest.raises(SignInError):
        signed_in(access)


def test_an_account_needs_a_role(access: Access) -> None:
    with pytest.raises(DeniedError):
        access.directory.add("ada", "Ada", [], by="test")
    ada = account(access)
    with pytest.raises(DeniedError):
        access.directory.give_roles(ada, [], by="test")


def test_peers_have_one_token_each_that_can_be_revoked(access: Access) -> None:
    token = access.directory.add_token("MRI 1", [PeerRight.STORE], by="test")
    with pytest.raises(ConflictError):
        access.directory.add_token("MRI 1", [PeerRight.QUERY], by="test")
    for name, rights in (("dicomweb", [PeerRight.STORE]), ("x" * 41, [PeerRight.STORE])):
        with pytest.raises(RefusedNameError):
            access.directory.add_token(name, rights, by="test")
    with pytest.raises(DeniedError):
        access.directory.add_token("MRI 2", [], by="test")
    assert token not in repr(access.directory.tokens())
    access.directory.revoke_token("MRI 1", by="test")
    with pytest.raises(NotFoundError):
        access.directory.revoke_token("MRI 1", by="test")
    assert access.directory.add_token("MRI 1", [PeerRight.STORE], by="test") != token


def test_every_change_is_audited_without_secrets(access: Access, record: Store) -> None:
    account(access, "first")
    first = access.directory.add("bob", "Bob", [Role.TECHNICIAN], by="Dr. First")
    bob = next(one for one in access.directory.accounts() if one.login == "bob")
    access.directory.give_roles(bob, [Role.RADIOLOGIST], by="Dr. First")
    new = access.directory.reset_password(bob, by="Dr. First")
    access.directory.end_sessions(bob, by="Dr. First")
    access.directory.close(bob, by="Dr. First")
    token = access.directory.add_token("MRI 1", [PeerRight.STORE], by="Dr. First")
    access.directory.revoke_token("MRI 1", by="Dr. First")
    with record.read() as session:
        rows = [
            (one.event, one.detail)
            for one in session.scalars(select(AuditRow).where(AuditRow.actor == "Dr. First").order_by(AuditRow.id))
        ]
    assert rows == [
        ("account changed", "added: Bob (bob), technician"),
        ("account changed", "roles of Bob: radiologist"),
        ("password changed", "reset: Bob"),
        ("signed out", "all sessions of Bob"),
        ("account changed", "closed: Bob"),
        ("token changed", "made: MRI 1, store"),
        ("token changed", "revoked: MRI 1"),
    ]
    assert not any(secret in detail for secret in (first, new, token) for _, detail in rows)
