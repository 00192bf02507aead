"""What the database does by itself is what the migrations made, on both databases."""

from __future__ import annotations

from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from record_samples import add, reading, result
from sqlalchemy import select

from triage.errors import StorageError
from triage.records import schema
from triage.records.audit import Event
from triage.records.database import migrate, open_engine, writing
from triage.records.seals import NOT_AS_WRITTEN
from triage.records.store import Store
from triage.records.tables import AuditRow
from triage.records.verify import Verification

OF_SQLITE = {
    "trigger planted": "CREATE TRIGGER planted BEFORE INSERT ON audit BEGIN SELECT RAISE(IGNORE); END",
    "view planted": "CREATE VIEW planted AS SELECT * FROM reading",
    "table planted": "CREATE TABLE planted (one INTEGER)",
    "table reading": "ALTER TABLE reading ADD COLUMN planted INTEGER",
    "trigger audit_no_delete": (
        "DROP TRIGGER audit_no_delete; CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit BEGIN SELECT 1; END"
    ),
}
MAKES_NOTHING = (
    "CREATE FUNCTION planted() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'; "
    "CREATE TRIGGER planted BEFORE INSERT ON audit FOR EACH ROW EXECUTE FUNCTION planted()"
)
OF_POSTGRESQL = {
    "trigger audit.planted": MAKES_NOTHING,
    "trigger audit.audit_append_only": (
        "CREATE OR REPLACE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'"
    ),
    "view planted": OF_SQLITE["view planted"],
    "rule audit.planted": "CREATE RULE planted AS ON INSERT TO audit DO INSTEAD NOTHING",
    "policy audit.planted": "CREATE POLICY planted ON audit USING (false)",
}


def plant(store: Store, statements: str) -> None:
    with store.engine.begin() as connection:
        if store.engine.name == "postgresql":
            connection.exec_driver_sql(statements)
            return
        for statement in statements.replace("; CREATE", ";; CREATE").split(";; "):
            connection.exec_driver_sql(statement)


def found(store: Store) -> list[str]:
    return [str(one) for step in Verification(store).steps(1) for one in step]


def test_the_digest_is_that_of_the_migrations() -> None:
    assert schema.digest(schema.made()) == schema.MADE


def test_nothing_is_named_where_nothing_was_planted(store: Store) -> None:
    plant(store, "ANALYZE")
    with store.read() as session:
        assert schema.changed(schema.held(session.connection()), store.engine.name) == []


@pytest.mark.parametrize("number", range(5))
def test_what_was_planted_is_named(store: Store, number: int) -> None:
    what, statements = list((OF_SQLITE if store.engine.name == "sqlite" else OF_POSTGRESQL).items())[number]
    plant(store, statements)
    assert found(store) == [f"{what}: not made by this product"]


@pytest.mark.parametrize("how", ["DROP TRIGGER {}", "ALTER TABLE seal DISABLE TRIGGER ALL"])
def test_a_trigger_that_is_missing_is_named(store: Store, how: str) -> None:
    name = "seal_no_delete" if store.engine.name == "sqlite" else "seal_stays"
    if store.engine.name == "sqlite" and "ALTER" in how:
        pytest.skip("SQLite cannot switch a trigger off")
    plant(store, how.format(name if store.engine.name == "sqlite" else f"{name} ON seal"))
    shown = name if store.engine.name == "sqlite" else f"seal.{name}"
    assert found(store) == [f"trigger {shown}: dropped from the database"]


@pytest.mark.parametrize(
    "trigger",
    [
        "BEFORE INSERT ON audit WHEN NEW.event = 'viewed' BEGIN SELECT RAISE(IGNORE); END",
        "AFTER INSERT ON audit WHEN NEW.event = 'viewed' BEGIN DELETE FROM audit WHERE id = NEW.id; END",
        "AFTER INSERT ON audit BEGIN UPDATE audit SET detail = 'nothing' WHERE id = NEW.id; END",
    ],
)
@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_what_a_trigger_swallows_or_changes_is_not_sealed(store: Store, trigger: str) -> None:
    plant(store, "DROP TRIGGER audit_no_delete")
    plant(store, "DROP TRIGGER audit_no_update")
    plant(store, f"CREATE TRIGGER planted {trigger}")
    before = store.head()
    with pytest.raises(StorageError, match="did not keep what was written into audit"):
        store.audit.did(Event.VIEWED, "seen", actor="Dr. A")
    assert store.head() == before


def test_on_postgresql_neither(postgres: str, tmp_path: Path) -> None:
    store = Store(postgres, tmp_path)
    store.audit.did(Event.VIEWED, "seen", actor="Dr. A")
    plant(store, MAKES_NOTHING)
    with pytest.raises(Exception):  # noqa: B017, PT011 - the driver or the seal notices
        store.audit.did(Event.VIEWED, "seen", actor="Dr. A")
    with store.read() as session:
        assert len(session.scalars(select(AuditRow)).all()) == 1
    store.engine.dispose()


@pytest.mark.parametrize("store", ["sqlite"], indirect=True)
def test_a_reading_that_a_trigger_turns_is_not_stored(store: Store) -> None:
    study_id = add(store, 1)
    store.results.file(study_id, result())
    plant(store, "DROP TRIGGER reading_no_update")
    turn = "UPDATE reading SET finding = 'notumor', bound = NULL WHERE id = NEW.id"
    plant(store, f"CREATE TRIGGER planted AFTER INSERT ON reading BEGIN {turn}; END")
    with pytest.raises(StorageError, match=NOT_AS_WRITTEN.partition("{")[0]):
        store.readings.sign(study_id, reading(), seen=0)
    assert store.study(study_id).readings == ()


@pytest.mark.parametrize("version", ["0001", "0007", "0010"])
def test_nothing_is_named_in_a_record_of_an_earlier_version(tmp_path: Path, version: str) -> None:
    engine = open_engine(f"sqlite:///{tmp_path / 'triage.db'}")
    config = Config()
    config.set_main_option("script_location", str(Path(schema.__file__).parent / "migrations"))
    with writing(engine).begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, version)
    migrate(engine)
    with engine.connect() as connection:
        assert schema.changed(schema.held(connection), "sqlite") == []
    engine.dispose()
