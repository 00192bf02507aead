"""What sealing costs a transaction in processor time, and what auditing costs whoever opens a study."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from triage.access.person import Person
from triage.access.roles import Role
from triage.pipeline.visits import Visits
from triage.records import audit, seals
from triage.records.audit import Event
from triage.records.database import Database
from triage.records.store import Store
from triage.records.verify import Verification
from triage.records.views import Arrival, Instance

#: Transactions of each kind.
ROUNDS = 200
#: A folder in memory, so that the disk does not count.
MEMORY = Path("/dev/shm")


def measure() -> list[str]:
    """Return Markdown: milliseconds of sealing and of auditing a view, and how fast a record is verified."""
    with tempfile.TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        store = Store(f"sqlite:///{folder}/triage.db")

        def file(number: int) -> None:
            store.arrivals.add("x", [Arrival(Instance(f"{number:064x}", "x", "PNG", 1))], actor="bench")

        lines = ["| transaction | sealing, processor time: median | p95 |", "|---|---|---|"]
        for name, write in (
            ("audit row", lambda _: store.audit.refused(Counter(["x"]), actor="bench")),
            ("file, 4 rows", file),
        ):
            spent = _sealing(write)
            p95 = statistics.quantiles(spent, n=20)[-1]
            lines.append(f"| {name} | {statistics.median(spent):.1f} ms | {p95:.1f} ms |")
        verification, start = Verification(store), time.process_time()
        found = sum(len(step) for step in verification.steps())
        seconds = time.process_time() - start
        store.engine.dispose()
    return [*lines, *_views(), "", f"Verified {verification.seals:,} seals in {seconds:.1f} s; damaged rows: {found}."]


def _views() -> list[str]:
    """Return Markdown: milliseconds on the clock until the view of a study is on the trail, sealed and not."""
    lines = ["", "| view of a study noted | processor time | on the clock, on disk | in memory |", "|---|---|---|---|"]
    person = Person("Dr. Bench", frozenset(Role), "account", "session")
    spent: dict[str, list[float]] = {"row and seal": [], "row alone": []}
    for place in (None, MEMORY if MEMORY.is_dir() else None):
        with tempfile.TemporaryDirectory(dir=place) as folder:
            store, plain = Store(f"sqlite:///{folder}/sealed.db"), Database(f"sqlite:///{folder}/plain.db")
            visits = Visits(store)

            def insert(number: int, plain: Database = plain) -> None:
                with plain.write() as session:
                    session.add(audit.row(person.actor, Event.VIEWED, f"{number:032x}", ""))

            def view(number: int, visits: Visits = visits) -> None:
                visits.note(person, Event.VIEWED, f"{number:032x}")

            spent["row and seal"] += _clocked(view)
            spent["row alone"] += _clocked(insert)
            store.anchors.sync()
            store.engine.dispose()
            plain.engine.dispose()
    for name, (_, on_disk, processor, in_memory) in spent.items():
        lines.append(f"| {name} | {processor:.1f} ms | {on_disk:.1f} ms | {in_memory:.1f} ms |")
    return lines


def _clocked(write: Callable[[int], None]) -> tuple[float, float]:
    """Return medians of some transactions: milliseconds of processor time, and on the clock."""
    spent, clocked = [], []
    for number in range(ROUNDS):
        start, begun = time.process_time(), time.perf_counter()
        write(number)
        spent.append(1000 * (time.process_time() - start))
        clocked.append(1000 * (time.perf_counter() - begun))
    return statistics.median(spent), statistics.median(clocked)


def _sealing(write: Callable[[int], None]) -> list[float]:
    """Return what sealing took in each of some transactions: milliseconds of processor time."""
    spent: list[float] = []
    sealing = seals.seal

    def timed(*arguments: object) -> object:
        arguments[0].flush()  # type: ignore[attr-defined]
        start = time.process_time()
        try:
            return sealing(*arguments)  # type: ignore[arg-type]
        finally:
            spent.append(1000 * (time.process_time() - start))

    seals.seal = timed  # type: ignore[assignment]
    try:
        for number in range(ROUNDS):
            write(number)
    finally:
        seals.seal = sealing
    return spent
