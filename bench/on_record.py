"""Processor time of the worklist with 100,000 studies on record, on SQLite and, where it is installed, PostgreSQL."""

from __future__ import annotations

import random
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from socket import socket
from typing import Any

from sqlalchemy import insert

from bench.postgres import installed, server
from triage.domain import Band, Decision, Finding, ReadingState, Role, StudyStatus
from triage.records.queue import Queue
from triage.records.store import Store
from triage.records.tables import Base, ClaimRow, ImageCountRow, InstanceRow, ReadingRow, SeriesRow, StudyRow
from triage.records.worklist_views import Sort, WorklistFilter
from triage.worklist import WaitLimits

STUDIES, ROUNDS = 100_000, 5
#: How many of them wait.
WAITING = {"all wait": STUDIES, "2,000 wait": 2000}
READER, OTHERS = "Dr. Adele Amber", ("Dr. Bruno Birch", "Dr. Clara Cedar")
LIMITS = WaitLimits(urgent=timedelta(hours=8), routine=timedelta(hours=48))
#: So many that wait were signed by the reader who looks, and as many by another one, for a second reader.
SIGNED_ONCE = 250
NAMES = ("MÜLLER", "ROE", "DOE", "NGUYỄN", "KOWALSKI", "ROSSI", "DE LA TOUR", "OKAFOR", "SATO", "LINDQVIST", "HAAS")
GIVEN = ("ANNA", "JÖRG", "LUZ", "THỊ ÁNH", "PIOTR", "GIULIA", "CHIDI", "TARO", "ELSA", "RICHARD", "JANE", "MAX")
#: Rows of one statement while the record is filled.
STEP = 5000


def measure() -> list[str]:
    """Return a Markdown table: milliseconds of processor time, of us and the database, for what a reader does."""
    columns: dict[str, dict[str, float]] = {}
    with ExitStack() as ending:
        home = Path(ending.enter_context(tempfile.TemporaryDirectory()))
        addresses = {"SQLite": lambda name: f"sqlite:///{home / name}.db"}
        if programs := installed():
            with socket() as probe:
                probe.bind(("127.0.0.1", 0))
                port = probe.getsockname()[1]
            # A parallel query would hide in processes that are not measured.
            ending.enter_context(server(programs, port, "fsync=off", "max_parallel_workers_per_gather=0"))
            addresses["PostgreSQL"] = partial(_database, port)
        for kind, address in addresses.items():
            for name, waiting in WAITING.items():
                store = Store(address(f"waiting_{waiting}"), home / f"{kind}-{waiting}")
                fill(store, STUDIES, waiting)
                columns[f"{kind}, {name}"] = _times(store)
                store.engine.dispose()
    return [
        f"| {STUDIES:,} studies on record | " + " | ".join(columns) + " |",
        "|---" * (len(columns) + 1) + "|",
        *(
            f"| {act} | " + " | ".join(f"{times[act]:.0f} ms" for times in columns.values()) + " |"
            for act in next(iter(columns.values()))
        ),
        "",
        f"Processor time of our process and the database together, means of {ROUNDS}. Every study has a series, an "
        "image, a name, an MRN and an accession number; those that do not wait were read, by one reader. Of those that "
        f"wait, {SIGNED_ONCE} were signed by the reader who looks, and as many by another. Wanted: 300 ms.",
    ]


def _database(port: int, name: str) -> str:
    import psycopg

    with psycopg.connect(f"host=127.0.0.1 port={port} user=triage dbname=postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"postgresql+psycopg://triage@127.0.0.1:{port}/{name}"


def _times(store: Store) -> dict[str, float]:
    queue, now = Queue(store.read, LIMITS), datetime.now(UTC)
    since = now - timedelta(minutes=5)
    free = queue.free(READER, now)
    middle = queue.page(WorklistFilter(reader=READER), now, number=20).rows[-1].study_id

    def listed(number: int = 0, **wanted: Any) -> Callable[[], object]:
        return partial(queue.page, WorklistFilter(reader=READER, **wanted), now, number=number)

    def typed(text: str) -> Callable[[], object]:
        return lambda: (listed(text=text)(), queue.counts(text, READER))

    acts: dict[str, Callable[[], object]] = {
        "list Waiting, first page": listed(),
        "list Waiting, last page": listed(number=STUDIES),
        "list All, first page": listed(everything=True),
        "list All, last page": listed(everything=True, number=STUDIES),
        "list All, sorted by patient": listed(everything=True, sort=Sort.PATIENT),
        "list All, sorted by images": listed(everything=True, sort=Sort.IMAGES),
        "list Read": listed(statuses=(StudyStatus.READ,)),
        "list Second read": listed(statuses=(StudyStatus.SECOND_READ,)),
        "list For another reader": listed(for_another=True),
        "counts of all lists": partial(queue.counts, "", READER),
        'search "m", list and counts': typed("m"),
        'search "mull", list and counts': typed("mull"),
        'search "anna müller", list and counts': typed("anna müller"),
        'search "acc099999", list and counts': typed("acc099999"),
        "Read next": partial(queue.free, READER, now),
        'Review, what comes on "Next" and waits above': partial(queue.onward, READER, now, left=[middle], since=since),
        "where 50 studies stand": partial(queue.standing, free, now),
        "Insights, what waits": queue.summary,
    }
    return {name: _milliseconds(act, store) for name, act in acts.items()}


def _milliseconds(act: Callable[[], object], store: Store) -> float:
    act()
    before = _seconds(store)
    for _ in range(ROUNDS):
        act()
    return 1000 * (_seconds(store) - before) / ROUNDS


def _seconds(store: Store) -> float:
    """Return the processor time of this process, and of the process of PostgreSQL that answers it."""
    ours = time.process_time()
    if store.engine.dialect.name == "sqlite":
        return ours
    with store.read() as session:
        process = session.connection().exec_driver_sql("SELECT pg_backend_pid()").scalar()
    user, system = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[11:13]
    return ours + (int(user) + int(system)) / 100


def fill(store: Store, count: int, waiting: int) -> None:
    """Add studies, of which so many wait, behind the back of the seals: 100,000 of them would take an hour."""
    rows = [_study(random.Random(number), number, wait=number < waiting) for number in range(count)]
    tables: dict[type[Base], Iterator[dict[str, Any]]] = {
        StudyRow: iter(rows),
        SeriesRow: (
            {"id": at, "study_id": row["id"], "number": 1, "description": "T1", "modality": "MR"}
            for at, row in enumerate(rows, 1)
        ),
        InstanceRow: (
            {
                "series_id": at,
                "number": 1,
                "sha256": f"{at:064x}",
                "name": "1.dcm",
                "kind": "DICOM",
                "size": 1,
                "frames": 1,
            }
            for at in range(1, count + 1)
        ),
        ImageCountRow: ({"study_id": row["id"], "images": at % 200} for at, row in enumerate(rows)),
        ReadingRow: (
            _reading(at, row)
            for at, row in enumerate(rows)
            if row["status"] in (StudyStatus.READ, StudyStatus.SECOND_READ)
        ),
        ClaimRow: (
            {
                "study_id": row["id"],
                "reader": OTHERS[0],
                "changed_at": row["arrived_at"],
                "until": row["arrived_at"] + timedelta(days=400 * (at % 2)),
                "note": "",
            }
            for at, row in enumerate(rows[:20])
        ),
    }
    for table, values in tables.items():
        every = list(values)
        for start in range(0, len(every), STEP):
            with store.engine.begin() as connection:
                connection.execute(insert(table), every[start : start + STEP])
    if store.engine.dialect.name == "postgresql":
        with store.engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")  # which the server does by itself within a minute


def _study(rng: random.Random, number: int, *, wait: bool) -> dict[str, Any]:
    probability = rng.random() ** 3
    band = Band.STAT if probability > 0.3 else rng.choice([Band.URGENT, Band.ROUTINE])
    signed_once = wait and number % 2 == 0 and number < 4 * SIGNED_ONCE
    status = StudyStatus.SECOND_READ if signed_once else StudyStatus.RANKED if wait else StudyStatus.READ
    days = 4 if wait else 1000
    return {
        "id": f"{rng.getrandbits(128):032x}",
        "name": f"Head {number}",
        "study_uid": f"1.2.{number}",
        "patient_name": f"{rng.choice(NAMES)}^{rng.choice(GIVEN)}",
        "mrn": f"M{rng.randrange(60_000)}",
        "accession_number": f"ACC{number:06d}",
        "site_band": Band.ROUTINE.order,
        "arrived_at": datetime.now(UTC) - timedelta(seconds=rng.randrange(days * 86400)),
        "status": status,
        "waiting": wait,
        "band": band.order,
        "malignancy": probability,
        "predicted": rng.choice(list(Finding)),
        "reason": f"P(glioma) {probability:.2f}",
    }


def _reading(number: int, row: dict[str, Any]) -> dict[str, Any]:
    """Return the first reading of a study: of those that wait for another reader, half are the reader's who looks."""
    once = row["status"] is StudyStatus.SECOND_READ
    return {
        "study_id": row["id"],
        "version": 1,
        "reader": READER if number % 4 == 0 else OTHERS[number % 2],
        "decision": Decision.CONFIRM,
        "finding": Finding.GLIOMA,
        "comment": "",
        "state": ReadingState.PRELIMINARY if once else ReadingState.FINAL,
        "signed_at": row["arrived_at"] + timedelta(hours=1),
        "role": Role.FIRST,
    }
