"""Times of the worklist with 100, 10,000 and 100,000 studies, and of a slice from upload to rank."""

from __future__ import annotations

import random
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from bench import on_record
from triage.domain import Band, Finding, StudyStatus
from triage.phantoms import phantoms
from triage.pipeline.installation import Installation
from triage.pipeline.spool import Incoming
from triage.records.tables import StudyRow
from triage.records.worklist_views import WorklistFilter
from triage.settings import Settings

SIZES = (100, 10_000, 100_000)
ROUNDS = 9


def measure() -> list[str]:
    """Return a Markdown table: milliseconds for the first and last page, the counts, and the next study."""
    lines = [
        "| waiting studies | first page | last page | counts and strip | next study | whole first view |",
        "|---|---|---|---|---|---|",
    ]
    for size in SIZES:
        with tempfile.TemporaryDirectory() as home:
            installation = Installation(Settings(home=Path(home)))
            fill(installation, size)
            queue, now = installation.queue, datetime.now(UTC)
            last = (size - 1) // 50
            parts = [
                _milliseconds(partial(queue.page, WorklistFilter(), now)),
                _milliseconds(partial(queue.page, WorklistFilter(), now, number=last)),
                _milliseconds(partial(queue.counts)),
                _milliseconds(partial(queue.free, "Dr. A", now)),
            ]
            whole = parts[0] + parts[2]
            lines.append(f"| {size:,} | " + " | ".join(f"{part:.0f} ms" for part in [*parts, whole]) + " |")
            installation.close()
    return [
        *lines,
        "",
        "SQLite, medians of nine; target for the whole first view: under 500 ms with 100,000.",
        "",
        *on_record.measure(),
    ]


def upload_to_ranked(count: int = 30) -> list[str]:
    """Return one line: the time from received bytes to a committed rank."""
    files = [phantom.png for phantom in phantoms(count + 1, seed=5)]
    with tempfile.TemporaryDirectory() as home:
        installation = Installation(Settings(home=Path(home)))
        _rank(installation, "warm.png", files[0])
        seconds = []
        for number, data in enumerate(files[1:]):
            start = time.perf_counter()
            _rank(installation, f"{number}.png", data)
            seconds.append(time.perf_counter() - start)
        installation.close()
    return [
        f"Median {1000 * statistics.median(seconds):.0f} ms, slowest {1000 * max(seconds):.0f} ms of {count} slices, "
        "file and rows on disk with fsync (target: under 1 s)."
    ]


def _rank(installation: Installation, name: str, data: bytes) -> None:
    (receipt,) = installation.receive([Incoming(name, data=data)], actor="bench")
    installation.wait([str(receipt.study_id)])


def fill(installation: Installation, count: int) -> None:
    """Add waiting studies of every band, spread over four days."""
    rng, now = random.Random(0), datetime.now(UTC)
    rows = []
    for number in range(count):
        probability = rng.random() ** 3
        band = Band.STAT if probability > 0.3 else rng.choice([Band.URGENT, Band.ROUTINE])
        rows.append(
            {
                "id": f"{number:032x}",
                "name": f"slice_{number}.png",
                "site_band": Band.ROUTINE.order,
                "arrived_at": now - timedelta(seconds=rng.randrange(4 * 86400)),
                "status": StudyStatus.RANKED,
                "waiting": True,
                "band": band.order,
                "malignancy": probability,
                "predicted": rng.choice(list(Finding)),
                "reason": f"P(glioma) {probability:.2f}",
            }
        )
    with installation.store.write() as session:
        session.add_all(StudyRow(**row) for row in rows)


def _milliseconds(call: Callable[[], object]) -> float:
    call()
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)
