"""A signature is stored when its time is over, also by the next process."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from record_samples import add, reading

from triage.domain import Reading
from triage.pipeline.signatures import Signatures
from triage.records.store import Store

SOON = timedelta(seconds=1)


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Store]:
    store = Store(f"sqlite:///{tmp_path / 'triage.db'}")
    yield store
    store.engine.dispose()


def signed_now(reader: str = "Dr. A") -> Reading:
    return replace(reading(reader=reader), signed_at=datetime.now(UTC))


def stored(store: Store, study_id: str) -> bool:
    return bool(store.study(study_id).readings)


def until_stored(store: Store, study_id: str) -> bool:
    deadline = time.monotonic() + 20
    while not stored(store, study_id) and time.monotonic() < deadline:
        time.sleep(0.05)
    return stored(store, study_id)


def test_it_is_stored_without_any_page(record: Store) -> None:
    signatures = Signatures(record.drafts, SOON)
    studies = [add(record, number, name=f"{number}.png") for number in range(3)]
    for study_id in studies:
        signatures.hold(study_id, signed_now(), seen=0)
    assert not any(stored(record, study_id) for study_id in studies)
    assert all(until_stored(record, study_id) for study_id in studies)
    assert record.drafts.next_due() is None
    signatures.close()


def test_the_next_process_stores_what_this_one_left(record: Store) -> None:
    study_id = add(record, 1)
    killed = Signatures(record.drafts, SOON)
    killed.hold(study_id, signed_now(), seen=0)
    killed.close()
    time.sleep(2 * SOON.total_seconds())
    assert not stored(record, study_id)
    following = Signatures(record.drafts)
    following.settle()
    assert stored(record, study_id)
    following.close()


def test_it_comes_back_when_the_database_answers_again(record: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("triage.pipeline.signatures.RETRY", 0.1)
    study_id = add(record, 1)
    signatures = Signatures(record.drafts, SOON)
    signatures.hold(study_id, signed_now(), seen=0)
    with record.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE draft RENAME TO away")
    time.sleep(2 * SOON.total_seconds())
    with record.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO draft")
    assert until_stored(record, study_id)
    signatures.close()
