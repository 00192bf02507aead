from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from access_samples import account, signed_in

from triage.access import live
from triage.access.access import Access
from triage.access.live import LiveSessions, digest
from triage.access.roles import Role
from triage.records.store import Store


def test_a_session_is_known_by_its_secret_alone(access: Access, record: Store) -> None:
    account(access)
    secret = signed_in(access)
    assert access.live.person(secret) is not None
    assert access.live.person(digest(secret)) is None
    for wrong in ("", "x", secret[:-1], secret + "A"):
        assert access.live.person(wrong) is None
    assert record.sessions.get(secret) is None  # the record does not hold the secret


def test_asking_again_costs_no_more_than_a_look_into_memory(access: Access) -> None:
    account(access)
    secret = signed_in(access)
    access.live.person(secret)
    begin = time.perf_counter()
    for _ in range(1000):
        access.live.cached(secret, active=True)
    assert (time.perf_counter() - begin) / 1000 < 0.001


def test_what_another_process_revokes_ends_within_a_second(access: Access, record: Store) -> None:
    ada = account(access)
    secret = signed_in(access)
    assert access.live.person(secret) is not None
    other = Access(record, access.settings)
    other.directory.end_sessions(ada, by="console")
    time.sleep(1.0)
    assert access.live.person(secret) is None


def test_what_this_process_revokes_ends_at_once(access: Access) -> None:
    account(access)
    bob = account(access, "bob", Role.TECHNICIAN)
    secret = signed_in(access, "bob")
    before = access.live.person(secret)
    assert before is not None
    access.directory.give_roles(bob, {Role.RADIOLOGIST}, by="test")
    after = access.live.person(secret)
    assert after is not None
    assert after.roles == {Role.RADIOLOGIST}
    access.directory.close(bob, by="test")
    assert access.live.person(secret) is None


def test_a_session_ends_without_activity_and_after_its_time(record: Store, access: Access) -> None:
    ada = account(access)
    short = LiveSessions(record, timedelta(seconds=2.4), timedelta(hours=1))
    secret = short.begin(ada, address="", browser="", device="")
    for _ in range(4):
        time.sleep(1)
        assert short.person(secret, active=True) is not None
    for _ in range(3):
        time.sleep(1)
        last = short.person(secret)  # what a page asks for by itself
    assert last is None
    brief = LiveSessions(record, timedelta(hours=1), timedelta(seconds=0.5))
    secret = brief.begin(ada, address="", browser="", device="")
    assert brief.person(secret) is not None
    time.sleep(1)
    assert brief.person(secret, active=True) is None


def test_activity_is_on_the_record_for_the_next_process(
    record: Store, access: Access, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = account(access)
    monkeypatch.setattr(live, "NOTE", 0)
    secret = access.live.begin(ada, address="", browser="", device="")
    before = datetime.now(UTC)
    time.sleep(0.01)
    access.live.person(secret, active=True)
    found = record.sessions.get(digest(secret))
    assert found is not None
    assert found[0].seen_at >= before
