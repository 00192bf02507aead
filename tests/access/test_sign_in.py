"""Sign-in, proof and what is slowed down; with real hashes, on a real record."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pyotp
import pytest
from access_samples import HERE, PASSWORD, account, signed_in
from sqlalchemy import select

from triage.access import codes, sign_in
from triage.access.access import Access
from triage.access.roles import Role
from triage.access.sign_in import Caller, issued_at
from triage.errors import ReadingError, RefusedNameError, SignInError, ThrottledError
from triage.records.store import Store
from triage.records.tables import AuditRow

ISSUER = "https://sso.hospital.example"
ELSEWHERE = Caller("198.51.100.7", "curl", "")


def events(store: Store) -> list[tuple[str, str, str]]:
    with store.read() as session:
        return [(one.actor, one.event, one.detail) for one in session.scalars(select(AuditRow).order_by(AuditRow.id))]


def by_service(access: Access, caller: Caller = HERE, **claims: Any) -> str:
    stated = {"sub": "1", "name": "Dr. Eva Service", "groups": ["readers"]} | claims
    return access.sign_in.by_service(ISSUER, stated, ("name", "preferred_username"), "groups", "token", caller)


def test_who_knows_name_and_password_is_in(access: Access, record: Store) -> None:
    account(access)
    person = access.live.person(access.sign_in.with_password(" ADA ", PASSWORD, "", HERE))
    assert person is not None
    assert (person.name, person.roles) == ("Dr. Ada", {Role.ADMINISTRATOR, Role.RADIOLOGIST})
    assert events(record)[-1] == ("Dr. Ada", "signed in", "with a password")


@pytest.mark.parametrize(
    ("login", "password", "noted"),
    [
        ("ada", "wrong", "as ada"),
        ("nobody", PASSWORD, "as somebody unknown"),
        ("ada", "", "as ada"),
        ("", PASSWORD, "as somebody unknown"),
        (PASSWORD, "ada", "as somebody unknown"),
    ],
)
def test_whatever_is_wrong_the_answer_is_one(
    access: Access, record: Store, login: str, password: str, noted: str
) -> None:
    """A password typed into the field of the name is in no trail."""
    account(access)
    with pytest.raises(SignInError, match="Name, password or code is wrong"):
        access.sign_in.with_password(login, password, "", HERE)
    assert events(record)[-1] == ("stranger", "sign-in failed", noted)
    with record.read() as session:
        assert session.scalars(select(AuditRow.address).order_by(AuditRow.id.desc())).first() == "192.0.2.1"


def test_a_stranger_who_fails_on_purpose_keeps_the_owner_out_of_nothing(access: Access) -> None:
    account(access)
    signed_in(access)
    for number in range(30):
        with pytest.raises(SignInError):
            access.sign_in.with_password("ada", "wrong", "", Caller(f"198.51.100.{number % 10}"))
    # The browser of the owner, wherever it is now; and the owner's desk, with a new browser.
    assert signed_in(access, caller=Caller("203.0.113.9", "Firefox", "this browser"))
    assert signed_in(access, caller=Caller("192.0.2.1", "Chrome", "a new browser"))


def test_guesses_from_one_place_are_slowed_down(access: Access) -> None:
    account(access)
    waits = []
    for _ in range(30):
        try:
            access.sign_in.with_password("ada", "wrong", "", ELSEWHERE)
        except ThrottledError as error:
            waits.append(error.seconds)
        except SignInError:
            pass
    assert len(waits) >= 15
    # Also the right password, while it waits; other people at other places go on.
    with pytest.raises(ThrottledError):
        access.sign_in.with_password("ada", PASSWORD, "", ELSEWHERE)
    account(access, "bob", Role.TECHNICIAN)
    assert signed_in(access, "bob")


def test_one_password_tried_on_many_names_is_slowed_down(access: Access) -> None:
    outcomes = []
    for number in range(40):
        try:
            access.sign_in.with_password(f"user{number}", "wrong", "", ELSEWHERE)
        except ThrottledError:
            outcomes.append("slow")
        except SignInError:
            outcomes.append("wrong")
    assert outcomes.count("wrong") <= sign_in.OF_AN_ADDRESS[0] + 2


def test_a_sign_in_of_ones_own_clears_nothing_for_guesses_at_others(access: Access) -> None:
    account(access)
    account(access, "eve", Role.TECHNICIAN)
    wrong = 0
    for _ in range(20):
        try:
            signed_in(access, "eve", ELSEWHERE)
            access.sign_in.with_password("ada", "wrong", "", ELSEWHERE)
        except ThrottledError:
            continue
        except SignInError:
            wrong += 1
    assert wrong <= sign_in.FROM_ONE_PLACE[0] + 4


def test_a_code_is_asked_for_and_counts_once(access: Access) -> None:
    account(access)
    person = access.live.person(signed_in(access))
    assert person is not None
    key = codes.secret()
    totp = pyotp.TOTP(key)
    with pytest.raises(SignInError):
        access.sign_in.set_codes(person, key, "wrong", totp.now(), HERE)
    access.sign_in.set_codes(person, key, PASSWORD, totp.at(datetime.now(UTC) - timedelta(seconds=30)), HERE)
    with pytest.raises(SignInError):
        signed_in(access)
    now = totp.now()
    assert access.sign_in.with_password("ada", PASSWORD, now, HERE)
    with pytest.raises(SignInError):
        access.sign_in.with_password("ada", PASSWORD, now, HERE)
    # Who just signed with it is told so, and not that a password is wrong which is right.
    with pytest.raises(SignInError, match="This code was used already"):
        access.sign_in.prove(person, PASSWORD, now, HERE)
    for password, code in ((PASSWORD + "!", now), (PASSWORD, "123")):
        with pytest.raises(SignInError, match="is wrong"):
            access.sign_in.prove(person, password, code, HERE)


def test_a_changed_password_ends_the_other_sessions(access: Access) -> None:
    account(access)
    here, there = signed_in(access), signed_in(access)
    person = access.live.person(here)
    assert person is not None
    for old, new in (("wrong", "other words in a row"), (PASSWORD, "short"), (PASSWORD, PASSWORD)):
        with pytest.raises(SignInError):
            access.sign_in.change_password(person, old, new, HERE)
    access.sign_in.change_password(person, PASSWORD, "other words in a row", HERE)
    assert access.live.person(here) is not None
    assert access.live.person(there) is None
    with pytest.raises(SignInError):
        signed_in(access)


def test_a_proof_counts_for_one_signature(access: Access) -> None:
    account(access)
    person = access.live.person(signed_in(access))
    assert person is not None
    with pytest.raises(ReadingError, match="Confirm"):
        access.sign_in.take_proof(person)
    with pytest.raises(SignInError):
        access.sign_in.prove(person, "wrong", "", HERE)
    access.sign_in.prove(person, PASSWORD, "", HERE)
    access.sign_in.take_proof(person)
    with pytest.raises(ReadingError):
        access.sign_in.take_proof(person)


def test_an_old_proof_does_not_count(access: Access, record: Store) -> None:
    account(access)
    person = access.live.person(signed_in(access))
    assert person is not None
    record.sessions.prove(person.session, datetime.now(UTC) - timedelta(minutes=3))
    with pytest.raises(ReadingError):
        access.sign_in.take_proof(person)


def test_the_service_makes_an_account_whose_roles_follow_the_groups(access: Access) -> None:
    first = access.live.person(by_service(access))
    assert first is not None
    assert (first.name, first.roles) == ("Dr. Eva Service", {Role.RADIOLOGIST})
    second = access.live.person(by_service(access, groups=["readers", "heads", "unknown"], name="Another Name"))
    assert second is not None
    assert (second.account, second.name) == (first.account, "Dr. Eva Service")
    assert second.roles == {Role.RADIOLOGIST, Role.ADMINISTRATOR}


@pytest.mark.parametrize("groups", [[], ["unknown"], None, {"readers": 1}, 7, [["readers"]]])
def test_without_a_group_that_has_a_role_nobody_gets_in(access: Access, groups: object) -> None:
    with pytest.raises(SignInError, match="no role"):
        by_service(access, groups=groups)
    assert access.directory.accounts() == []


def test_the_service_cannot_give_the_name_of_another(access: Access) -> None:
    account(access, name="Dr. Eva Service")
    made = access.live.person(by_service(access, preferred_username="eva"))
    assert made is not None
    assert made.name == "Dr. Eva Service (eva)"
    with pytest.raises(RefusedNameError):
        by_service(access, sub="2", name="AI")


def test_a_closed_account_of_the_service_stays_closed(access: Access) -> None:
    account(access)
    secret = by_service(access)
    eva = next(one for one in access.directory.accounts() if one.subject)
    access.directory.close(eva, by="test")
    assert access.live.person(secret) is None
    with pytest.raises(SignInError, match="closed"):
        by_service(access)


def test_nobody_signs_in_with_a_password_to_an_account_of_the_service(access: Access) -> None:
    by_service(access)
    eva = access.directory.accounts()[0]
    for password in ("", PASSWORD):
        with pytest.raises(SignInError):
            access.sign_in.with_password(eva.login, password, "", HERE)


def test_the_service_proves_the_same_person_newly_signed_in(access: Access) -> None:
    person = access.live.person(by_service(access))
    assert person is not None
    now = datetime.now(UTC).timestamp()
    for claims in ({"sub": "2", "auth_time": now}, {"sub": "1", "auth_time": now - 600}, {"sub": "1"}):
        with pytest.raises(SignInError):
            access.sign_in.prove_by_service(person, ISSUER, claims, "")
    access.sign_in.prove_by_service(person, ISSUER, {"sub": "1", "auth_time": now}, id_token(iat=int(now)))
    access.sign_in.take_proof(person)
    with pytest.raises(SignInError):  # the service answers of the same sign-in once more
        access.sign_in.prove_by_service(person, ISSUER, {"sub": "1", "auth_time": now}, "")


@pytest.mark.parametrize("token", ["", "a", "a.b.c", "a.W10.c", "a.e30.c", "a.bnVsbA.c", "a.eyJpYXQiOiJhIn0.c"])
def test_a_token_that_says_no_time_says_none(token: str) -> None:
    assert issued_at(token) == 0
    assert issued_at(id_token(iat=7)) == 7


def id_token(**claims: object) -> str:
    return f"head.{urlsafe_b64encode(json.dumps(claims).encode()).decode().rstrip('=')}.signature"


def test_the_sign_out_hands_back_the_token_once(access: Access, record: Store) -> None:
    secret = by_service(access)
    person = access.live.person(secret)
    assert person is not None
    assert access.sign_in.sign_out(person, HERE) == "token"
    assert access.live.person(secret) is None
    found = record.sessions.get(person.session)
    assert found is not None
    assert found[0].id_token == ""
    assert events(record)[-1][:2] == ("Dr. Eva Service", "signed out")


def test_callers_are_told_apart_by_their_browser(access: Access) -> None:
    account(access)
    signed_in(access)
    for _ in range(20):
        with pytest.raises(SignInError):
            access.sign_in.with_password("ada", "wrong", "", replace(HERE, address="198.51.100.9", device="forged"))
    assert signed_in(access, caller=replace(HERE, address="198.51.100.9"))
