"""Every event leaves its row."""

from __future__ import annotations

import ast
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from record_samples import add, reading, result
from sqlalchemy import select

from triage.records import origin
from triage.records.audit import Event
from triage.records.origin import Origin
from triage.records.store import Store
from triage.records.tables import AuditRow
from triage.settings import ROOT


def test_every_step_of_a_study_leaves_an_audit_row(store: Store) -> None:
    store.audit.refused(Counter(["The file is empty"]), actor="door")
    study_id = add(store, 1)
    store.results.file(study_id, result())
    for _ in range(2):
        store.readings.note_opened(study_id, reader="Dr. A")
    store.readings.sign(study_id, replace(reading(), signed_at=datetime.now(UTC)), seen=0)
    with store.read() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.id)).all()
    assert [(row.actor, row.event) for row in rows] == [
        ("door", "refused"),
        ("door", "received"),
        ("ai", "ranked"),
        ("Dr. A", "opened"),
        ("Dr. A", "signed"),
    ]


def test_notes_name_their_event_and_study(store: Store) -> None:
    study_id = add(store, 1, uid="1.2")
    store.audit.refused(Counter(["Damaged"]), actor="door")
    store.audit.requested(Event.SEARCHED, "", "studies: 1 found", actor="peer")
    store.audit.requested(Event.RETRIEVED, "1.2", "1 files", actor="peer")
    with store.read() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.id)).all()
    assert [(row.event, row.study_id) for row in rows] == [
        (Event.RECEIVED, study_id),
        (Event.REFUSED, None),
        (Event.SEARCHED, None),
        (Event.RETRIEVED, study_id),
    ]


def test_rows_of_whoever_acts_say_with_which_account_and_from_where(store: Store) -> None:
    with origin.coming_from(Origin("Dr. A", "7", "192.0.2.1")):
        study_id = add(store, 1)
        store.readings.note_opened(study_id, reader="Dr. A")
        store.audit.did(Event.EXPORTED, "", actor="Dr. A", account="8", address="192.0.2.2")
    store.audit.refused(Counter(["after"]), actor="Dr. A")
    with store.read() as session:
        rows = session.scalars(select(AuditRow).order_by(AuditRow.id)).all()
    assert [(row.actor, row.account, row.address) for row in rows] == [
        ("door", None, None),  # somebody else
        ("Dr. A", "7", "192.0.2.1"),
        ("Dr. A", "8", "192.0.2.2"),
        ("Dr. A", None, None),
    ]


def test_a_signature_that_another_process_stores_says_where_it_was_given(store: Store) -> None:
    study_id, now = add(store, 1), datetime.now(UTC)
    given = replace(reading(), signed_at=now, account="7")
    with origin.coming_from(Origin("Dr. A", "7", "192.0.2.1")):
        store.drafts.hold(study_id, given, seen=0, due=now)
    assert store.drafts.settle(now + timedelta(seconds=1)) == 1
    with store.read() as session:
        row = session.scalars(select(AuditRow).where(AuditRow.event == Event.SIGNED)).one()
    assert (row.actor, row.account, row.address) == ("Dr. A", "7", "192.0.2.1")


def test_the_stored_names_of_events_never_change() -> None:
    """Rows are append-only, so a renamed event would no longer be found among the old ones."""
    assert set(Event) == {
        "received",
        "refused",
        "conflict",
        "conflict resolved",
        "conflict reopened",
        "ranked",
        "not analysable",
        "opened",
        "viewed",
        "loaded ahead",
        "claimed",
        "taken over",
        "claim released",
        "claim expired",
        "committed blind",
        "signed",
        "signature taken back",
        "searched",
        "retrieved",
        "re-identified",
        "mended",
        "model accepted",
        "model promoted",
        "model rolled back",
        "shadow changed",
        "override of a judgement",
        "ranked anew",
        "model retrained",
        "settings changed",
        "record sealed",
        "record verified",
        "record damaged",
        "audit trail seen",
        "clock set back",
        "signed in",
        "sign-in failed",
        "signed out",
        "not allowed",
        "account changed",
        "password changed",
        "token changed",
        "exported",
        "sent to the PACS",
    }


def test_no_writer_names_an_event_by_a_text() -> None:
    """Every call that writes an audit row passes a member of `Event`, or hands one on."""
    calls = 0
    for path in (ROOT / "triage").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"audit.row", "trail.note", "note", "row"}:
                calls += 1
                assert not [one for one in node.args[:3] if ast.unparse(one) in map(repr, map(str, Event))], path
    assert calls >= len(Event) - 2
