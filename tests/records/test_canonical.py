"""What a row says does not depend on the database, and every change of it shows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from record_samples import add, result

from triage.records.canonical import canonical, contents, digest
from triage.records.seals import TABLES
from triage.records.store import Store


def test_the_form_is_plain_json() -> None:
    at = datetime(2026, 1, 1, 3, tzinfo=timezone(timedelta(hours=2)))
    row = {"b": 0.1, "a": None, "ü": "ü", "at": at, "day": date(2026, 1, 1), "list": [1, "x"]}
    assert canonical(row) == (
        b'{"a":null,"at":"2026-01-01T01:00:00.000000+00:00","b":0.1,"day":"2026-01-01","list":[1,"x"],'
        b'"\\u00fc":"\\u00fc"}'
    )


def test_rows_are_the_same_on_every_database(store: Store) -> None:
    study_id = add(store, 1, name="größer.png")
    store.results.file(study_id, result())
    with store.read() as session:
        connection = session.connection()
        (study,) = contents(connection, TABLES["study"], [study_id, "none"]).values()
        (filed,) = contents(connection, TABLES["ai_result"], ["1"]).values()
    assert (study["name"], study["waiting"], study["site_band"]) == ("größer.png", 1, 2)
    assert isinstance(study["arrived_at"], datetime)
    assert study["arrived_at"].tzinfo is UTC
    assert filed["probabilities"]["glioma"] == 0.7


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "value",
    [
        "waiting = 1.5",
        "waiting = '1 x'",
        "arrived_at = replace(arrived_at, ' ', 'T')",
        "arrived_at = replace(arrived_at, '-', '')",
        "arrived_at = '0' || arrived_at",
        "arrived_at = arrived_at || '+00:00'",
        "study_date = '20260110'",
        "study_date = '2026-W02-6'",
    ],
)
def test_what_means_the_same_in_another_form_is_not_the_same(store: Store, value: str) -> None:
    """SQLite compares text, so the row would be elsewhere in every list."""
    study_id = add(store, 1)
    with store.read() as session:
        before = contents(session.connection(), TABLES["study"], [study_id])[study_id]
    with store.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE study SET study_date = '2026-01-10'")
    with store.read() as session:
        dated = contents(session.connection(), TABLES["study"], [study_id])[study_id]
    with store.engine.begin() as connection:
        connection.exec_driver_sql(f"UPDATE study SET {value}")
    with store.read() as session:
        after = contents(session.connection(), TABLES["study"], [study_id])[study_id]
    assert len({digest(before), digest(dated), digest(after)}) == 3
