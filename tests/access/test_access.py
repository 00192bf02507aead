from __future__ import annotations

import time

import pytest
from access_samples import account

from triage.access.access import Access, is_loopback
from triage.access.roles import Role
from triage.errors import DeniedError
from triage.records.store import Store
from triage.settings import Settings


def test_without_accounts_one_person_uses_this_computer(access: Access) -> None:
    assert access.single_user()
    access.check_bound("localhost")
    for address in ("0.0.0.0", "::", "192.0.2.1", "triage.hospital.example"):
        with pytest.raises(DeniedError, match="account add"):
            access.check_bound(address)


def test_an_account_ends_that_within_a_second_and_for_good(access: Access, record: Store) -> None:
    assert access.single_user()
    other = Access(record, access.settings)
    ada = account(other)
    account(other, "bob", Role.ADMINISTRATOR)
    time.sleep(1)
    assert not access.single_user()
    for one in (ada,):
        other.directory.close(one, by="test")
    assert not access.single_user()
    assert not Access(record, access.settings).single_user()


def test_others_are_served_under_a_named_address_only(access: Access, record: Store, settings: Settings) -> None:
    account(access)
    with pytest.raises(DeniedError, match="TRIAGE_ADDRESS"):
        Access(record, settings).check_bound("0.0.0.0")
    named = settings.model_copy(update={"address": "https://triage.hospital.example"})
    Access(record, named).check_bound("0.0.0.0")


def test_a_sign_in_service_ends_single_user_mode(record: Store, settings: Settings) -> None:
    assert not Access(record, settings.model_copy(update={"oidc_issuer": "https://sso.example"})).single_user()


@pytest.mark.parametrize(
    ("host", "expected"),
    [("localhost", True), ("127.0.0.1", True), ("127.1.2.3", True), ("::1", True), ("[::1]", True)]
    + [(host, False) for host in ("0.0.0.0", "localhost.evil.example", "10.0.0.1", "", "127.evil.example")],
)
def test_loopback_is_this_computer(host: str, expected: bool) -> None:
    assert is_loopback(host) == expected
