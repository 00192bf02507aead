"""The audit trail as it is read: filters, pages, all of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from record_samples import add, reading, result

from triage.domain import ReadingState, StudyHeader
from triage.records import audit, trail
from triage.records.audit import Event
from triage.records.store import Store
from triage.records.trail import HIDDEN, TrailFilter
from triage.records.views import Arrival, Instance

DAY = datetime(2026, 1, 10, tzinfo=UTC)


@pytest.fixture
def filled(store: Store) -> tuple[Store, str]:
    """A trail of eight rows, and the ID of the study of two of them."""
    header = StudyHeader(patient_name="Müller^Ada", mrn="4711")
    arrival = Arrival(Instance("1" * 64, "a.png", "PNG", 1), header)
    study_id = str(store.arrivals.add("head", [arrival], actor="Tim").study_id)
    add(store, 2, name="other")
    rows = [
        audit.row("Dr. A", Event.VIEWED, study_id, "", DAY, account="1", address="192.0.2.1"),
        audit.row("Dr. B", Event.EXPORTED, None, "worklist as CSV, 50% of it_all", DAY, address="192.0.2.22"),
        audit.row("stranger", Event.SIGN_IN_FAILED, None, "as Dr. A", DAY + timedelta(days=1)),
        audit.row("Dr. A", Event.SIGNED_OUT, None, "", DAY + timedelta(days=2)),
    ]
    for row in rows:
        with store.write() as session:
            session.add(row)
    return store, study_id


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({"words": "as dr. a"}, ["sign-in failed", "exported"]),
        ({"words": "DR. 192.0.2.1"}, ["viewed"]),
        ({"words": "50% it_all"}, ["exported"]),
        ({"words": "5_%"}, []),
        ({"words": "nowhere"}, []),
        ({"events": (Event.VIEWED, Event.EXPORTED)}, ["exported", "viewed"]),
        ({"actor": "dr. b"}, ["exported"]),
        ({"study": "muller ada"}, ["viewed", "received"]),
        ({"study": "4711", "events": (Event.RECEIVED,)}, ["received"]),
        ({"since": DAY + timedelta(days=1), "until": DAY + timedelta(days=2)}, ["sign-in failed"]),
        ({"words": "'; drop table audit; --"}, []),
    ],
)
def test_every_filter_finds_what_it_says(filled: tuple[Store, str], wanted: dict[str, Any], found: list[str]) -> None:
    assert [row.event for row in filled[0].trail.page(TrailFilter(**wanted), 50)] == found


def test_a_study_is_found_by_its_id(filled: tuple[Store, str]) -> None:
    store, study_id = filled
    (viewed, received) = store.trail.page(TrailFilter(study=f" {study_id} "), 50)
    assert (viewed.actor, viewed.account, viewed.address, viewed.study_id) == ("Dr. A", "1", "192.0.2.1", study_id)
    assert (viewed.at, viewed.event) == (DAY, Event.VIEWED)
    assert store.trail.page(TrailFilter(study=study_id[:8]), 50) == [viewed, received]
    assert store.trail.page(TrailFilter(study=study_id[:7]), 50) == []
    assert (received.actor, received.account, received.address) == ("Tim", "", "")


def test_pages_follow_from_each_other_and_all_of_it_is_all(
    filled: tuple[Store, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    store, _ = filled
    everything = store.trail.page(TrailFilter(), 50)
    assert [one.number for one in everything] == sorted((one.number for one in everything), reverse=True)
    paged, before = [], None
    while page := store.trail.page(TrailFilter(), 2, before):
        assert len(page) <= 2
        paged += page
        before = page[-1].number
    assert paged == everything
    monkeypatch.setattr(trail, "BATCH", 2)
    rows = store.trail.all(TrailFilter())
    first = next(rows)
    store.audit.refused(Counter(["written meanwhile"]), actor="door")
    assert [first, *rows] == everything


def test_what_was_searched_for_is_not_said() -> None:
    assert TrailFilter().said() == "all of it"
    assert TrailFilter(words="Müller", study="4711", since=DAY).said() == "filtered by words, study, time"


def test_before_a_blind_reading_no_row_tells_what_was_found_in_a_study_that_is_not_settled(store: Store) -> None:
    def told(**wanted: Any) -> dict[Event, str]:
        found = store.trail.page(TrailFilter(blind=True, **wanted), 50)
        return {row.event: row.detail for row in found if row.event is not Event.CLOCK}

    study = add(store, 1)
    store.results.file(study, result())
    store.readings.sign(study, replace(reading(), state=ReadingState.PRELIMINARY), seen=0)
    assert told() == {Event.RECEIVED: "1 file(s)", Event.RANKED: HIDDEN, Event.SIGNED: HIDDEN}
    assert told(words="because") == told(words="glioma") == {}, "a search finds only what is shown"
    assert set(told(words="blind")) == {Event.RANKED, Event.SIGNED}
    assert store.trail.page(TrailFilter(words="because"), 50), "without a blind reading all is told"
    store.readings.sign(study, reading(reader="Dr. B"), seen=1)
    assert told()[Event.RANKED] == "STAT: because"
    assert told(words="glioma")
