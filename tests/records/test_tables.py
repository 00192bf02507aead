"""The tables refuse what must not be stored or changed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from record_samples import add, reading
from sqlalchemy import select, text
from sqlalchemy.exc import DatabaseError, StatementError

from triage.records.store import Store
from triage.records.tables import AuditRow


@pytest.mark.parametrize("table", ["reading", "audit"])
@pytest.mark.parametrize("statement", ["DELETE FROM {}", "UPDATE {} SET id = id + 100"])
def test_the_database_refuses_to_change_readings_and_audit_rows(store: Store, table: str, statement: str) -> None:
    study_id = add(store, 1)
    store.readings.sign(study_id, reading(), seen=0)
    with pytest.raises(DatabaseError, match="append-only"), store.write() as session:
        session.execute(text(statement.format(table)))
    assert len(store.study(study_id).readings) == 1


def test_times_without_a_zone_are_refused(store: Store) -> None:
    row = AuditRow(at=datetime(2026, 1, 1), actor="a", event="received", study_id=None, detail="")
    with pytest.raises(StatementError, match="tzinfo"), store.write() as session:
        session.add(row)


def test_times_come_back_in_utc(store: Store) -> None:
    at = datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=2)))
    with store.write() as session:
        session.add(AuditRow(at=at, actor="a", event="received", study_id=None, detail=""))
    with store.read() as session:
        (found,) = session.scalars(select(AuditRow.at))
    assert (found, found.tzinfo) == (at, UTC)
