"""Real parts for all tests: phantom slices, an installation of its own, SQLite and PostgreSQL, the training data."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from dbos import DBOS
from helpers import LastingDoor, free_port

from bench.postgres import installed, server
from triage.domain import Finding
from triage.phantom_studies import phantom_study
from triage.phantoms import Phantom, phantoms
from triage.pipeline.installation import Installation
from triage.records.database import Database
from triage.records.store import Store
from triage.settings import Settings

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
TESTS = Path(__file__).parent
#: The module that Python was started with. `AppTest` puts the page that it runs in its place and leaves it there, and
#: a process started by a later test would run that page again.
MAIN = sys.modules["__main__"]
#: What `make test-fast` leaves out, by folder or file: browsers, pages, servers, killed processes, TensorFlow.
SLOW = (
    "attack/",
    "e2e/",
    "faults/",
    "inference/test_runtime.py",
    "inference/test_study.py",
    "networks/",
    "pages/",
    "pipeline/",
    "reports/test_out.py",
    "scans/deidentify/test_deidentifier.py",
    "scans/isolation/test_door.py",
    "test_cli.py",
    "test_nothing_leaves.py",
    "test_phantoms.py",
    "training/elsewhere/",
    "training/evaluate/test_compare.py",
    "training/fit/",
    "training/release/",
    "training/retrain/",
)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what `SLOW` names."""
    for item in items:
        if item.path.relative_to(TESTS).as_posix().startswith(SLOW):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True)
def main_module() -> Iterator[None]:
    """Put the main module back after each test."""
    yield
    sys.modules["__main__"] = MAIN


@pytest.fixture(scope="session")
def slices() -> list[Phantom]:
    """Eight phantom slices, two of each class."""
    return list(phantoms(8))


@pytest.fixture(scope="session")
def study_files() -> dict[str, bytes]:
    """A phantom study in DICOM: five slices in no order, and a localiser."""
    return dict(phantom_study(Finding.GLIOMA, 5))


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """An empty installation with the shipped model."""
    return Settings(home=tmp_path / "home")


@pytest.fixture
def installation(
    settings: Settings, furnished: Callable[[Path], Path], decoders: LastingDoor
) -> Iterator[Installation]:
    """An installation that has received nothing."""
    furnished(settings.home)
    installation = Installation(settings)
    installation.door = decoders
    yield installation
    installation.close()


@pytest.fixture(scope="session")
def decoders() -> Iterator[LastingDoor]:
    """Decoding processes for all tests: new ones would take each test three seconds of a processor."""
    door = LastingDoor()
    yield door
    door.close_for_good()


@pytest.fixture(scope="session")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Make a home with empty tables, which all migrations have made once; anew for each test takes a second."""
    made = tmp_path_factory.mktemp("furnished")
    Database(f"sqlite:///{made / 'triage.db'}").engine.dispose()
    DBOS.migrate(f"sqlite:///{made / 'work.db'}")

    def copied(home: Path) -> Path:
        home.mkdir(mode=0o700, parents=True)
        for table in made.iterdir():
            shutil.copy(table, home)
        return home

    return copied


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path, furnished: Callable[[Path], Path]) -> Iterator[Store]:
    """An empty record on each database that we support."""
    if request.param == "sqlite":
        address = f"sqlite:///{furnished(tmp_path / 'record') / 'triage.db'}"
    else:
        address = request.getfixturevalue("furnished_postgres")
    record = Store(address, tmp_path)
    yield record
    record.engine.dispose()


@pytest.fixture
def postgres(postgres_server: int) -> str:
    """An empty database on a PostgreSQL server of the tests' own."""
    return anew(postgres_server, "triage_test")


@pytest.fixture
def furnished_postgres(postgres_server: int, postgres_tables: str) -> str:
    """A database with empty tables on that server."""
    return anew(postgres_server, "triage_test", postgres_tables)


@pytest.fixture(scope="session")
def postgres_tables(postgres_server: int) -> str:
    """The name of a database with empty tables, to be copied."""
    Database(anew(postgres_server, "triage_tables")).engine.dispose()
    return "triage_tables"


def anew(port: int, name: str, like: str = "template1") -> str:
    """Make a database, a copy of another one, and return its address."""
    import psycopg

    address = f"host=127.0.0.1 port={port} user=triage dbname=postgres"
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {like}")
    return f"postgresql+psycopg://triage@127.0.0.1:{port}/{name}"


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[int]:
    """Start PostgreSQL on a free port of the loopback address."""
    programs, port = installed(), free_port()
    if programs is None:
        pytest.skip("PostgreSQL is not installed")
    with server(programs, port, "fsync=off"):
        yield port


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """The training data, which is not part of the project."""
    folder = Settings().data
    if not (folder / "manifest.csv").exists():
        pytest.skip(f"no training data at {folder}; set TRIAGE_DATA")
    return folder


@pytest.fixture(scope="session")
def more_folder() -> Path:
    """The further training data, which are not part of the project."""
    folder = Settings().more
    if not (folder / "manifest.csv").exists():
        pytest.skip(f"no further training data at {folder}; set TRIAGE_MORE")
    return folder
