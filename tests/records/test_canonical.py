"""What a row says does not depend on the database, and every change of it shows."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta, timezone

from record_samples import add, result

from triage.records.canonical import canonical, contents
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
