"""The page Audit trail: what it shows, how it is searched, how the record is verified from it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from datetime import UTC, datetime

import pytest
from helpers import without_triggers
from pages.test_pages import page, words
from record_samples import add, instance, result
from streamlit.testing.v1 import AppTest

from triage.access.person import Person, alone
from triage.access.roles import RIGHTS, Right, Role
from triage.domain import StudyHeader
from triage.languages.catalogue import catalogue
from triage.pipeline.acting import Acting
from triage.pipeline.installation import Installation
from triage.records import audit
from triage.records.audit import Event
from triage.records.trail import HIDDEN, TrailFilter
from triage.records.views import Arrival
from triage.ui import state, trail


def said(app: AppTest, column: str) -> list[str]:
    return list(app.dataframe[0].value[column])


def fill(installation: Installation, count: int) -> None:
    with installation.store.write() as session:
        session.add_all(audit.row("door", Event.REFUSED, None, f"file {number}") for number in range(count))


def test_only_administrators_have_it() -> None:
    assert [role for role in Role if Right.AUDIT in RIGHTS[role]] == [Role.ADMINISTRATOR]


def test_it_says_who_what_and_on_which_study_and_that_it_was_opened(installation: Installation) -> None:
    header = StudyHeader("1.2", "ROE^ANN", accession_number="A7")
    study_id = installation.store.arrivals.add("Head", [Arrival(instance(1), header)], actor="door").study_id
    app = page(state.AUDIT)
    assert said(app, "Who") == ["Dr. Ada", "door"]
    assert said(app, "What") == ["Audit trail seen", "File received"]
    assert said(app, "From")[0] == "127.0.0.1"
    assert said(app, "Study") == ["", "ROE, ANN · A7 · Head"]
    assert said(app, "Open") == ["", f"/review?study={study_id}"]
    for _ in range(3):
        app.run()
    assert len(installation.store.trail.page(TrailFilter(events=(Event.TRAIL_SEEN,)), 9)) == 1


def test_who_may_not_open_a_study_reads_what_it_is_called(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An administrator sees patients on the worklist and among the conflicts, so here too; 32 digits tell nothing."""
    header = StudyHeader("1.2", "ROE^ANN", accession_number="A7")
    study_id = installation.store.arrivals.add("Head", [Arrival(instance(1), header)], actor="door").study_id
    monkeypatch.setattr(state, "_person", lambda: Person("Ada", frozenset({Role.ADMINISTRATOR}), account="1"))
    app = page(state.AUDIT)
    assert said(app, "Study") == ["", "ROE, ANN · A7 · Head"]
    assert said(app, "ID") == ["", str(study_id)[:8]]
    assert "Open" not in app.dataframe[0].value
    app.text_input(key="trail_study").set_value(str(study_id)[:8]).run()
    assert said(app, "What") == ["File received"]


def test_before_a_blind_reading_neither_page_nor_file_tells_what_the_ai_found(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    installation.store.results.file(add(installation.store, 1), result())
    monkeypatch.setattr(installation, "settings", installation.settings.model_copy(update={"blind_first_read": True}))
    app = page(state.AUDIT)
    app.multiselect(key="trail_events").set_value([Event.RANKED]).run()
    assert said(app, "Detail") == [HIDDEN]
    rows = Acting(installation, alone("Dr. Ada")).export_trail(TrailFilter(events=(Event.RANKED,)), "CSV")
    assert [row.detail for row in rows] == [HIDDEN]


def test_older_rows_follow_and_a_search_begins_anew(installation: Installation) -> None:
    fill(installation, 230)
    app = page(state.AUDIT)
    first = said(app, "Detail")
    assert len(first) == 100
    app.button(key="trail_older").click().run()
    assert said(app, "Detail")[0] == f"file {int(first[-1].split()[1]) - 1}"
    app.button(key="trail_older").click().run()
    assert app.button(key="trail_older").disabled
    app.button(key="trail_newer").click().run()
    app.text_input(key="trail_words").set_value("file 229").run()
    assert said(app, "Detail") == ["file 229"]
    assert app.button(key="trail_newer").disabled
    app.text_input(key="trail_words").set_value("nowhere").run()
    assert "Take a filter away" in words(app)


def test_filters_by_event_person_study_and_day(installation: Installation) -> None:
    add(installation.store, 1, name="head of Ada.png")
    fill(installation, 3)
    app = page(state.AUDIT)
    app.multiselect(key="trail_events").set_value([Event.REFUSED]).run()
    assert set(said(app, "What")) == {"File refused"}
    app.multiselect(key="trail_events").set_value([]).run()
    app.text_input(key="trail_study").set_value("ada").run()
    assert said(app, "What") == ["File received"]
    app.text_input(key="trail_who").set_value("DOOR").run()
    assert said(app, "What") == ["File received"]
    app.date_input(key="trail_until").set_value(datetime(2020, 1, 1, tzinfo=UTC).date()).run()
    assert not app.dataframe
    app.date_input(key="trail_until").set_value(datetime.now(UTC).date()).run()
    assert said(app, "What") == ["File received"]


def test_the_record_is_verified_and_the_first_bad_row_named(installation: Installation) -> None:
    fill(installation, 3)
    app = page(state.AUDIT)
    assert "not been verified yet" in words(app)
    verify = next(one for one in app.button if one.label == "Verify the record")
    verify.click().run()
    assert "All is as it was sealed" in words(app)
    assert installation.store.trail.page(TrailFilter(), 1)[0].event is Event.VERIFIED
    app.run()
    assert "Verified " in words(app)
    with closing(sqlite3.connect(installation.settings.home / "triage.db")) as database, without_triggers(database):
        database.execute("UPDATE audit SET actor = 'nobody' WHERE id = 2")
    next(one for one in app.button if one.label == "Verify the record").click().run()
    shown = words(app).replace("\\", "")
    assert "The record is not as it was sealed" in shown
    assert "audit 2: edited" in shown
    assert installation.store.trail.page(TrailFilter(), 1)[0].event is Event.DAMAGED


@pytest.mark.parametrize("event", Event)
def test_every_event_has_a_name_in_every_language(event: Event) -> None:
    assert catalogue("de").messages[trail.EVENTS[event]]


def test_opening_a_study_is_noted_before_anything_is_shown(installation: Installation) -> None:
    study_id = add(installation.store, 1)
    page(state.REVIEW, study=study_id)
    (row,) = installation.store.trail.page(TrailFilter(events=(Event.VIEWED,)), 9)
    assert (row.actor, row.address, row.study_id) == ("Dr. Ada", "127.0.0.1", study_id)
