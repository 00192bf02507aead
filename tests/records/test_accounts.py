"""Accounts, sessions and tokens on both databases."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from triage.errors import ConflictError, NotFoundError
from triage.records.accounts import Account
from triage.records.sessions import Session
from triage.records.store import Store

NOW = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
ADA = Account("1", "ada", "ada", "Dr. Ada", "drada", frozenset({"administrator"}), "hash", False, NOW)
SESSION = Session("key", "1", NOW, NOW, "192.0.2.1", "Firefox", "device", "token")


def test_accounts_are_found_and_no_name_is_given_twice(store: Store) -> None:
    assert not store.accounts.any()
    store.accounts.add(ADA)
    assert store.accounts.any()
    assert store.accounts.by_login("ada") == store.accounts.get("1") == ADA
    assert store.accounts.by_login("bob") is None
    for taken in ({"login_key": "drada"}, {"name_key": "ada"}, {"name_key": "drada"}):
        other = replace(ADA, id="2", login="bob", login_key="bob", name="Bob", name_key="bob")
        with pytest.raises(ConflictError):
            store.accounts.add(replace(other, **taken))
    with pytest.raises(NotFoundError):
        store.accounts.get("2")
    with pytest.raises(NotFoundError):
        store.accounts.change("2", password="x")


def test_the_last_administrator_stays(store: Store) -> None:
    store.accounts.add(ADA)
    for change in ({"closed_at": NOW}, {"roles": frozenset({"radiologist"})}):
        with pytest.raises(ConflictError):
            store.accounts.change("1", **change)
    assert store.accounts.get("1") == ADA
    bob = replace(ADA, id="2", login="bob", login_key="bob", name="Bob", name_key="bob")
    store.accounts.add(bob)
    store.accounts.change("1", closed_at=NOW)
    with pytest.raises(ConflictError):
        store.accounts.change("2", closed_at=NOW)


def test_a_step_of_time_is_used_once(store: Store) -> None:
    store.accounts.add(ADA)
    assert store.accounts.use_code("1", 7)
    assert not store.accounts.use_code("1", 7)
    assert not store.accounts.use_code("1", 6)


def test_sessions_begin_and_end(store: Store) -> None:
    store.accounts.add(ADA)
    for key in ("key", "other", "third"):
        store.sessions.add(replace(SESSION, id=key))
    assert store.sessions.get("key") == (SESSION, ADA)
    assert store.sessions.get("nothing") is None
    assert len(store.sessions.of("1", NOW)) == 3
    assert store.sessions.of("1", NOW + timedelta(seconds=1)) == []
    assert store.sessions.end(NOW, key="third") == 1
    assert store.sessions.end(NOW, account_id="1", but="key") == 1
    found = store.sessions.get("other")
    assert found is not None
    assert (found[0].ended_at, found[0].id_token) == (NOW, "")
    assert [one.id for one in store.sessions.of("1", NOW)] == ["key"]
    assert store.sessions.knows("1", device="device")
    assert store.sessions.knows("1", address="192.0.2.1")
    assert not store.sessions.knows("1", device="x")
    assert not store.sessions.knows("2", address="192.0.2.1")


def test_a_proof_is_taken_once(store: Store) -> None:
    store.accounts.add(ADA)
    store.sessions.add(SESSION)
    assert not store.sessions.take_proof("key", NOW)
    store.sessions.prove("key", NOW)
    assert not store.sessions.take_proof("key", NOW + timedelta(seconds=1))
    assert store.sessions.take_proof("key", NOW)
    assert not store.sessions.take_proof("key", NOW)


def test_a_peer_has_one_valid_token(store: Store) -> None:
    store.tokens.add("MRI 1", "a" * 64, frozenset({"store"}), NOW)
    with pytest.raises(ConflictError):
        store.tokens.add("MRI 1", "b" * 64, frozenset({"store"}), NOW)
    token = store.tokens.all()[0]
    store.tokens.used(token.id, NOW)
    store.tokens.revoke("MRI 1", NOW)
    with pytest.raises(NotFoundError):
        store.tokens.revoke("MRI 1", NOW)
    store.tokens.add("MRI 1", "b" * 64, frozenset({"query"}), NOW)
    assert [(one.rights, one.used_at, one.revoked_at) for one in store.tokens.all()] == [
        ({"store"}, NOW, NOW),
        ({"query"}, None, None),
    ]
