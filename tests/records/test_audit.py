"""Every event leaves its row."""

from __future__ import annotations

import ast

from record_samples import add, reading, result
from sqlalchemy import select

from triage.records.audit import Event
from triage.records.store import Store
from triage.records.tables import AuditRow
from triage.settings import ROOT


def test_every_step_of_a_study_leaves_an_audit_row(store: Store) -> None:
    store.audit.refused("The file is empty", actor="door")
    study_id = add(store, 1)
    store.results.file(study_id, result())
    for _ in range(2):
        store.readings.note_opened(study_id, reader="Dr. A")
    store.readings.sign(study_id, reading(), seen=0)
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
    store.audit.refused("Damaged", actor="door")
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
        "claimed",
        "taken over",
        "committed blind",
        "signed",
        "signature taken back",
        "searched",
        "retrieved",
        "re-identified",
    }


def test_no_writer_names_an_event_by_a_text() -> None:
    """Every call that writes an audit row passes a member of `Event`, or hands one on."""
    calls = 0
    for path in (ROOT / "triage").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in {"audit.row", "trail.note", "row"}:
                calls += 1
                assert not [one for one in node.args[:3] if ast.unparse(one) in map(repr, map(str, Event))], path
    assert calls >= len(Event) - 2
