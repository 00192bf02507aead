"""On PostgreSQL, the role of the product owns no tables and cannot get round the triggers; starts do not race."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from record_samples import add, reading, result
from sqlalchemy import create_engine, text
from sqlalchemy.exc import ProgrammingError

from triage.errors import StorageError
from triage.records.ownership import migrate_as_owner
from triage.records.store import Store
from triage.records.verify import Verification


@pytest.fixture
def product(postgres: str) -> str:
    """The address of the test database for a role that owns nothing."""
    engine = create_engine(postgres)
    with engine.begin() as connection:
        connection.execute(text("DROP ROLE IF EXISTS product"))
        connection.execute(text("CREATE ROLE product LOGIN"))
    engine.dispose()
    return postgres.replace("triage@", "product@")


def test_the_product_works_with_tables_of_another_role(postgres: str, product: str, tmp_path: Path) -> None:
    with pytest.raises(StorageError, match="triage migrate"):
        Store(product, tmp_path, own_tables=False)
    migrate_as_owner(postgres, product)
    migrate_as_owner(postgres, product)  # a second time changes nothing
    store = Store(product, tmp_path, own_tables=False)
    study_id = add(store, 1)
    store.results.file(study_id, result())
    store.readings.sign(study_id, reading(), seen=0)
    assert [one for step in Verification(store).steps() for one in step] == []
    for statement in (
        "ALTER TABLE reading DISABLE TRIGGER ALL",
        "DROP TRIGGER seal_stays ON seal",
        "UPDATE reading SET comment = 'x'",
        "DELETE FROM audit",
        "TRUNCATE seal",
        "DELETE FROM study",
        "SET session_replication_role = replica",
        "DROP TABLE model",
    ):
        with pytest.raises(ProgrammingError), store.engine.begin() as connection:
            connection.execute(text(statement))
    with store.engine.connect() as connection:
        owned = connection.scalar(text("SELECT count(*) FROM pg_tables WHERE tableowner = 'product'"))
    assert owned == 0
    store.engine.dispose()


def test_one_role_alone_is_refused(postgres: str) -> None:
    with pytest.raises(StorageError, match="two roles"):
        migrate_as_owner(postgres, postgres)
    with pytest.raises(StorageError, match="two roles"):
        migrate_as_owner("sqlite://", "sqlite://")


START = """
import sys
from pathlib import Path
from triage.pipeline.durable import Work
from triage.records.store import Store
store = Store(sys.argv[1], Path(sys.argv[2]))
work = Work(sys.argv[1], print, print)
work.listed()
work.stop()
print(store.head().number)
"""


def test_processes_that_start_on_an_empty_database_do_not_race(postgres: str, tmp_path: Path) -> None:
    started = [
        subprocess.Popen([sys.executable, "-c", START, postgres, tmp_path], stdout=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate(timeout=300)[0].strip() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0]
    assert said == ["1", "1", "1"]
