from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, inspect, select, text
from sqlalchemy.exc import DatabaseError

from triage.domain import Finding, ReadingState, Role, StudyHeader, StudyStatus
from triage.errors import StorageError
from triage.records import database
from triage.records.database import WAL_FIXED_IN, migrate, open_engine
from triage.records.queue import Queue
from triage.records.search import Search, StudyQuery
from triage.records.store import Store
from triage.records.tables import Base, ImageCountRow
from triage.records.views import Arrival, Instance
from triage.records.worklist_views import WorklistFilter
from triage.worklist import WaitLimits


def test_sqlite_is_opened_durably(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'deep' / 'triage.db'}")
    with engine.connect() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        }
    expected = "wal" if sqlite3.sqlite_version_info >= WAL_FIXED_IN else "delete"
    assert pragmas == {"journal_mode": expected, "synchronous": 2, "foreign_keys": 1, "busy_timeout": 15_000}
    engine.dispose()


def test_postgresql_compiles_no_query(store: Store) -> None:
    if store.engine.dialect.name == "postgresql":
        with store.read() as session:
            assert session.scalar(text("SHOW jit")) == "off"


def test_migrations_make_exactly_the_tables(store: Store) -> None:
    inspector = inspect(store.engine)
    assert set(inspector.get_table_names()) == {*Base.metadata.tables, "alembic_version"}
    for table in Base.metadata.tables.values():
        columns = {column["name"] for column in inspector.get_columns(table.name)}
        assert columns == set(table.columns.keys())
    migrate(store.engine)  # a second time changes nothing


def test_the_newest_revision_is_known() -> None:
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    assert ScriptDirectory.from_config(config).get_current_head() == database.NEWEST_REVISION


def test_a_full_disk_acknowledges_nothing(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path / 'triage.db'}")
    with store.engine.connect() as connection:
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
    store.engine.dispose()
    from sqlalchemy import event

    event.listen(store.engine, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count = {pages}"))
    acknowledged = 0

    def fill() -> None:
        nonlocal acknowledged
        while acknowledged < 200:
            store.arrivals.add(
                "x" * 200, [Arrival(Instance(f"{acknowledged:064x}", "x" * 200, "PNG", 1))], actor="door"
            )
            acknowledged += 1

    with pytest.raises(StorageError, match="full"):
        fill()
    with store.read() as session:
        studies = session.scalar(text("SELECT count(*) FROM study"))
        assert studies == acknowledged
        assert session.scalar(text("SELECT count(*) FROM instance")) == studies
    store.engine.dispose()


WRITER = """
import sys
from triage.records.store import Store
from triage.records.views import Arrival, Instance
store = Store(sys.argv[1])
for number in range(10_000):
    taken = store.arrivals.add("x", [Arrival(Instance(f"{number:064x}", "x", "PNG", 1))], actor="door")
    print(taken.study_id, flush=True)
"""


def test_what_was_acknowledged_survives_kill_nine(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'triage.db'}"
    with subprocess.Popen([sys.executable, "-c", WRITER, url], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        acknowledged = [writer.stdout.readline().strip() for _ in range(25)]
        writer.kill()
    store = Store(url)
    assert set(acknowledged) <= set(store.results.pending())
    store.engine.dispose()


def test_the_first_record_becomes_the_second_and_back(store: Store) -> None:
    """Rows of an installation of before identity was kept, through the migration and back."""
    study_id = "s" * 32
    with store.write() as session:
        connection = session.connection()
        alembic(connection, command.downgrade, "0001")
        for statement in FIRST_RECORD:
            connection.execute(text(statement), {"study": study_id, "at": "2026-01-10 08:00:00", "sha": "f" * 64})
        alembic(connection, command.upgrade, "head")
    study = store.study(study_id)
    assert study.result is not None
    assert study.result.contents == study.contents
    assert (study.header.uid, study.instances[0].frames) == ("", 1)
    (kept,) = store.readings.signed()
    assert (kept.predicted, kept.reading.role) == (Finding.GLIOMA, Role.FIRST)
    with pytest.raises(DatabaseError, match="append-only"), store.write() as session:
        session.execute(text("DELETE FROM reading"))
    with store.write() as session:
        alembic(session.connection(), command.downgrade, "0001")
        assert session.scalar(text("SELECT count(*) FROM ai_result")) == 1
        alembic(session.connection(), command.upgrade, "head")


def test_names_of_before_are_found_and_come_back(store: Store) -> None:
    """Names that were kept as "family, given", through the migration and back."""
    names = {"1.1": "Иванова, Анна", "1.2": "CHER", "1.3": None}
    with store.write() as session:
        connection = session.connection()
        alembic(connection, command.downgrade, "0004")
        for uid, name in names.items():
            row = {"id": uid.ljust(32, "0"), "uid": uid, "patient": name, "at": "2026-01-10 08:00:00"}
            connection.execute(text(FOURTH_RECORD), row)
        alembic(connection, command.upgrade, "head")
    search = Search(store.read)
    said = {one.header.uid: one.header.patient_name for one in search.studies(StudyQuery())}
    assert said == {"1.1": "Иванова^Анна", "1.2": "CHER", "1.3": ""}
    for query in (StudyQuery(patient_name="*иванова*"), StudyQuery(patient_name="ИВАНОВА^АННА")):
        assert [one.header.uid for one in search.studies(query)] == ["1.1"]
    assert len(search.studies(StudyQuery(description="schadel"))) == len(names)
    queue = Queue(store.read, WaitLimits(timedelta(hours=8), timedelta(hours=48)))
    assert queue.page(WorklistFilter(text="иванова, а"), datetime.now(UTC)).total == 1
    store.arrivals.add("x", [Arrival(Instance("a", "x", "DICOM", 1), StudyHeader("1.4", "A^B^C=D^E"))], actor="door")
    with store.write() as session:
        alembic(session.connection(), command.downgrade, "0004")
        kept = session.execute(text("SELECT study_uid, patient_name FROM study")).all()
        assert {(uid, name) for uid, name in kept} == {*names.items(), ("1.4", "A, B")}
        alembic(session.connection(), command.upgrade, "head")


def test_readings_of_before_keep_their_meaning(store: Store) -> None:
    """A home of 0.3.0: a reading, its amendment and a study that waits, through the migration and back."""
    study_id = "s" * 32
    with store.write() as session:
        connection = session.connection()
        alembic(connection, command.downgrade, "0006")
        connection.execute(text(SIXTH_RECORD[0]), {"study": study_id, "at": "2026-01-10 08:00:00"})
        for version, reader, finding, state in (
            (1, "Dr. A", "glioma", "final"),
            (2, "Dr. B", "notumor", "amended"),
        ):
            row = {"study": study_id, "version": version, "reader": reader, "finding": finding, "state": state}
            connection.execute(text(SIXTH_RECORD[1]), row | {"at": "2026-01-10 08:00:00"})
        for statement in FIRST_RECORD[1:3]:
            connection.execute(text(statement), {"study": study_id, "sha": "f" * 64})
        alembic(connection, command.upgrade, "head")
    status, readings = store.readings.of(study_id)
    assert status is StudyStatus.READ
    assert [(item.finding, item.role, item.state, item.lesion, item.confidence, item.blind) for item in readings] == [
        (Finding.GLIOMA, Role.FIRST, ReadingState.FINAL, "", None, None),
        (Finding.NOTUMOR, Role.AMENDMENT, ReadingState.AMENDED, "", None, None),
    ]
    assert [item.superseded for item in store.readings.signed()] == [False, True]
    with pytest.raises(DatabaseError, match="append-only"), store.write() as session:
        session.execute(text("UPDATE reading SET role = 'second'"))
    with store.write() as session:
        alembic(session.connection(), command.downgrade, "0006")
        assert session.scalar(text("SELECT count(*) FROM reading")) == 2
        alembic(session.connection(), command.upgrade, "head")


def test_priors_of_before_are_marked_when_the_record_is_brought_up_to_date(store: Store) -> None:
    """A home of before priors were known: nobody waits for the next file of the patient."""
    today = datetime.now(UTC).date()
    found = {}
    for number, (mrn, days) in enumerate((("M1", 0), ("M1", 400), ("M2", 400), ("", 0), ("", 400))):
        header = StudyHeader(uid=f"1.{number}", mrn=mrn, study_date=today - timedelta(days=days))
        instance = Instance(f"{number:064x}", "IM1", "DICOM", 10, sop_instance_uid=f"1.2.{number}")
        found[number] = store.arrivals.add("Head", [Arrival(instance, header)], actor="test").study_id
    with store.write() as session:
        alembic(session.connection(), command.downgrade, "0007")
    migrate(store.engine)
    queue = Queue(store.read, WaitLimits(timedelta(hours=8), timedelta(hours=48)))
    shown = queue.page(WorklistFilter(), datetime.now(UTC)).rows
    assert {row.study_id for row in shown if row.is_prior} == {found[1]}
    with store.read() as session:
        assert set(session.scalars(select(ImageCountRow.images))) == {1}


SIXTH_RECORD = (
    "INSERT INTO study (id, name, site_band, arrived_at, status, waiting, band, reason) "
    "VALUES (:study, 'head.png', 2, :at, 'read', false, 0, 'because')",
    "INSERT INTO reading (study_id, version, reader, decision, finding, comment, state, signed_at) "
    "VALUES (:study, :version, :reader, 'unaided', :finding, '', :state, :at)",
)
FOURTH_RECORD = (
    "INSERT INTO study (id, name, study_uid, patient_name, description, site_band, arrived_at, status, waiting, band, "
    "reason) VALUES (:id, 'Head', :uid, :patient, 'Schädel', 2, :at, 'ranked', true, 0, 'because')"
)
FIRST_RECORD = (
    "INSERT INTO study (id, name, site_band, arrived_at, status, waiting, band, reason) "
    "VALUES (:study, 'head.png', 2, :at, 'read', false, 0, 'because')",
    "INSERT INTO series (id, study_id, number, description) VALUES (1, :study, 1, '')",
    "INSERT INTO instance (id, series_id, number, sha256, name, kind, size) VALUES (1, 1, 1, :sha, 'a', 'PNG', 1)",
    "INSERT INTO ai_result (id, study_id, model, model_sha256, probabilities, band, reason, filed_at) VALUES "
    "(1, :study, 'net', 'm', "
    """'{"glioma"\\: 1, "meningioma"\\: 0, "pituitary"\\: 0, "notumor"\\: 0}', 0, 'because', :at)""",
    "INSERT INTO reading (id, study_id, version, reader, decision, finding, comment, state, signed_at, model_sha256) "
    "VALUES (1, :study, 1, 'Dr. A', 'confirm', 'glioma', '', 'final', :at, 'm')",
)


def alembic(connection: Connection, run: Callable[..., None], revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(database.__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    run(config, revision)


def test_the_database_of_a_newer_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'triage.db'}")
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageError, match="A newer version"):
        migrate(engine)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() == "9999"
    engine.dispose()
