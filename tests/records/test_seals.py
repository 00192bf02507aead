"""Every change of a sealed row is sealed in its transaction, with a key and anchors outside of the database."""

from __future__ import annotations

import shutil
import sqlite3
from collections import Counter
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from helpers import without_triggers
from record_samples import NOW, add, reading, result
from sqlalchemy import select, text, update

from triage.errors import NotFoundError, StorageError
from triage.records import rows, seals, studies
from triage.records.audit import Event
from triage.records.chain import Kind
from triage.records.store import Store
from triage.records.tables import AuditRow, SealRow, StudyRow
from triage.records.verify import Verification


def opened(home: Path) -> Store:
    return Store(f"sqlite:///{home / 'triage.db'}")


def damage(store: Store) -> list[str]:
    return [str(one) for step in Verification(store).steps() for one in step]


def test_a_change_and_its_seal_are_one_transaction(store: Store) -> None:
    before = store.head().number
    study_id = add(store, 1)
    with store.read() as session:
        made = session.execute(select(SealRow.what, SealRow.key).where(SealRow.number > before)).all()
    assert {what for what, _ in made} == {"study", "series", "instance", "audit"}
    assert ("study", study_id) in [tuple(one) for one in made]
    before = store.head().number
    with pytest.raises(NotFoundError), store.write() as session:  # noqa: PT012 - the change comes first
        session.get_one(StudyRow, study_id).patient_name = "Other"
        studies.locked(session, "none")
    assert store.head().number == before


def test_nothing_is_sealed_where_nothing_changed(store: Store) -> None:
    study_id, before = add(store, 1), store.head()
    with store.write() as session:
        session.get_one(StudyRow, study_id).name = "head.png"
    assert store.head() == before


def test_sealed_rows_cannot_be_changed_in_bulk(store: Store) -> None:
    with pytest.raises(TypeError, match="sealed one by one"), store.write() as session:
        session.execute(update(StudyRow).values(name="x"))


def test_every_transaction_is_anchored(tmp_path: Path) -> None:
    store = opened(tmp_path)
    add(store, 1)
    assert list(store.anchors.kept())[-1] == store.head()
    store.engine.dispose()


def test_the_key_is_its_owners_alone(tmp_path: Path) -> None:
    opened(tmp_path).engine.dispose()
    key = tmp_path / "keys" / "record.key"
    assert key.stat().st_mode & 0o777 == 0o600
    assert key.parent.stat().st_mode & 0o777 == 0o700


def test_without_its_key_a_record_is_not_opened(tmp_path: Path) -> None:
    opened(tmp_path).engine.dispose()
    key = tmp_path / "keys" / "record.key"
    key.rename(tmp_path / "away")
    with pytest.raises(StorageError, match="Bring it back from the backup"):
        opened(tmp_path)
    key.write_text("ab" * 32)
    with pytest.raises(StorageError, match="sealed with another key"):
        opened(tmp_path)
    key.write_text("short")
    with pytest.raises(StorageError, match="cannot be read"):
        opened(tmp_path)


def test_rows_of_an_earlier_version_are_sealed_once(tmp_path: Path) -> None:
    store = opened(tmp_path)
    study_id = add(store, 1)
    store.engine.dispose()
    with closing(sqlite3.connect(tmp_path / "triage.db")) as database, without_triggers(database):
        database.execute("DELETE FROM seal")
    shutil.rmtree(tmp_path / "anchors")
    store = opened(tmp_path)
    assert damage(store) == []
    with store.read() as session:
        (said,) = session.scalars(select(AuditRow.detail).where(AuditRow.event == Event.SEALED))
    assert said == "4 rows of an earlier version"
    assert store.study(study_id).readings == ()
    store.engine.dispose()


def test_a_record_that_was_sealed_again_contradicts_its_anchors(tmp_path: Path) -> None:
    store = opened(tmp_path)
    add(store, 1)
    store.engine.dispose()
    with closing(sqlite3.connect(tmp_path / "triage.db")) as database, without_triggers(database):
        database.execute("DELETE FROM seal")
    store = opened(tmp_path)
    assert any(Kind.SPLICED in one for one in damage(store))
    store.engine.dispose()


def test_a_clock_that_was_set_back_is_noted_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(tmp_path)

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:
            return datetime.now(UTC) + timedelta(hours=1)

    with monkeypatch.context() as patch:
        patch.setattr(seals, "datetime", Later)
        add(store, 1)
    add(store, 2)
    add(store, 3)
    with store.read() as session:
        (said,) = session.scalars(select(AuditRow.detail).where(AuditRow.event == Event.CLOCK))
    assert "Set it right" in said
    assert damage(store) == []
    store.engine.dispose()


def test_a_signature_before_the_arrival_is_noted(store: Store) -> None:
    study_id = add(store, 1)
    store.readings.sign(study_id, replace(reading(), signed_at=NOW - timedelta(days=9999)), seen=0)
    with store.read() as session:
        noted = session.scalars(select(AuditRow.study_id).where(AuditRow.event == Event.CLOCK)).all()
    assert noted == [study_id]


def test_a_line_of_the_anchors_that_is_none_is_damage_but_for_a_torn_end(tmp_path: Path) -> None:
    store = opened(tmp_path)
    for _ in range(3):
        store.audit.refused(Counter(["damaged"]), actor="door")
    (file,) = (tmp_path / "anchors").glob("*.txt")
    lines = file.read_text().splitlines(keepends=True)
    file.write_text("".join(lines) + "17 0123")
    assert damage(store) == []
    store.audit.refused(Counter(["damaged"]), actor="door")
    assert damage(store) == []
    whole = file.read_bytes()
    file.write_bytes(whole.replace(lines[1].encode(), b"\xff garbled\n"))
    assert damage(store) == [f"anchors {file.name}, line 2: edited"]
    file.write_bytes(b"".join(b"x" + line for line in whole.splitlines(keepends=True)))
    assert f"anchors {file.name}, line 1: edited" in damage(store)
    store.engine.dispose()


def test_only_what_is_older_than_the_chain_binds_nothing(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'triage.db'}")
    one = add(store, 1)
    with store.write() as session:
        session.add(rows.reading_row(one, 1, reading()))
    assert store.study(one).unbound == (1,)
    for table in ("reading", "seal"):  # as a record that an earlier version left
        with store.engine.begin() as connection:
            connection.exec_driver_sql(f"DROP TRIGGER {table}_no_delete")
    with store.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM seal")
    store.engine.dispose()
    again = Store(f"sqlite:///{tmp_path / 'triage.db'}")
    assert again.study(one).unbound == ()
    again.engine.dispose()


def test_a_signature_is_bound_to_what_was_signed(tmp_path: Path) -> None:
    store = opened(tmp_path)
    one, other = add(store, 1), add(store, 2)
    for study_id, numbers in ((one, (1,)), (other, (2,))):
        store.results.file(study_id, replace(result(numbers=numbers), card="c" * 64))
    signed = replace(reading(), contents=store.study(one).contents, account="7")
    store.readings.sign(one, signed, seen=0)
    assert store.study(one).unbound == ()
    assert store.study(one).readings[0].account == "7"
    with store.write() as session:
        session.execute(
            text(
                "INSERT INTO reading (study_id, version, reader, decision, finding, comment, state, signed_at, "
                "model_sha256, contents, role, account, meaning, bound) SELECT :other, version, reader, decision, "
                "finding, comment, state, signed_at, model_sha256, contents, role, account, meaning, bound FROM reading"
            ),
            {"other": other},
        )
    assert store.study(other).unbound == (1,)
    assert any(Kind.UNBOUND in one for one in damage(store))
    store.engine.dispose()


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT OR REPLACE INTO reading SELECT * FROM reading",
        "INSERT OR REPLACE INTO audit SELECT id, at, 'x', event, study_id, detail, account, address FROM audit",
        "INSERT OR REPLACE INTO study SELECT * FROM study",
        "INSERT OR REPLACE INTO instance SELECT * FROM instance",
        "INSERT OR REPLACE INTO ai_result SELECT * FROM ai_result",
        "INSERT OR REPLACE INTO seal SELECT * FROM seal",
        "UPDATE ai_result SET reason = 'x'",
        "UPDATE seal SET mac = 'x'",
        "DELETE FROM study",
        "DELETE FROM instance",
        "DELETE FROM ai_result",
        "DELETE FROM seal",
    ],
)
def test_the_database_refuses_what_goes_round_the_record(tmp_path: Path, statement: str) -> None:
    """On a connection of somebody else, without our settings."""
    store = opened(tmp_path)
    study_id = add(store, 1)
    store.results.file(study_id, result())
    store.readings.sign(study_id, reading(), seen=0)
    store.engine.dispose()
    with closing(sqlite3.connect(tmp_path / "triage.db")) as database, pytest.raises(sqlite3.IntegrityError):
        database.execute(statement)
