"""kill -9 of the process that scores: nothing is lost, nothing stands twice, nothing is stuck."""

from __future__ import annotations

import io
import os
import random
import signal
import time
from collections import Counter
from multiprocessing.context import ForkServerContext
from pathlib import Path

import numpy as np
import pytest
import servers
from helpers import encode, run_queue
from PIL import Image
from sqlalchemy import func, select

from triage.domain import Outcome, StudyStatus
from triage.phantoms import Phantom
from triage.pipeline.durable import MAX_RECOVERIES
from triage.pipeline.installation import Installation
from triage.pipeline.spool import Incoming
from triage.records.tables import AIResultRow, AuditRow, StudyRow
from triage.settings import Settings

#: In full (TRIAGE_TEST_FULL=1) 200 kills with 200 studies in flight; of every run a twentieth of that.
FULL = "TRIAGE_TEST_FULL" in os.environ
KILLS = IN_FLIGHT = 200 if FULL else 10
#: The latest moment of a kill, in times from the start of the process to its first result.
LATEST = 2
#: So many kills in a row without a result, and the machine has become slower: the moments are chosen anew. Far below
#: the number after which the queue rightly gives a study up.
BARREN = MAX_RECOVERIES // 2


@pytest.fixture(scope="module")
def processes() -> ForkServerContext:
    """Processes that start at once: what they import is imported already."""
    return servers.processes()


@pytest.mark.slow
def test_kills_cost_no_study(tmp_path: Path, processes: ForkServerContext, slices: list[Phantom]) -> None:
    rng = random.Random(5)
    record = Installation(Settings(home=tmp_path / "home", worker="separate"))
    handed_over: list[str] = []
    kills = kills_at_work = barren = 0
    begun = time.monotonic()
    handed_over += hand_over(record, slices[0].png, 0, IN_FLIGHT)
    latest = LATEST * seconds_to_first_result(processes, record)
    while kills_at_work < KILLS:
        waiting = len(record.store.results.pending())
        if waiting < IN_FLIGHT:
            handed_over += hand_over(record, slices[0].png, len(handed_over), IN_FLIGHT - waiting)
        waiting = len(record.store.results.pending())
        kill_after(rng.uniform(0, latest), processes, tmp_path / "home")
        left = len(record.store.results.pending())
        kills, kills_at_work = kills + 1, kills_at_work + bool(left)
        barren = barren + 1 if left == waiting else 0
        if barren == BARREN:
            latest, barren = LATEST * seconds_to_first_result(processes, record), 0
    last = processes.Process(target=run_queue, args=(tmp_path / "home",))
    last.start()
    try:
        assert record.wait(handed_over, timeout=600) == []
    finally:
        last.kill()
        last.join()
    with record.store.read() as session:
        assert Counter(session.scalars(select(StudyRow.status))) == {StudyStatus.RANKED: len(handed_over)}
        results = Counter(session.scalars(select(AIResultRow.study_id)))
        ranked = session.scalar(select(func.count()).where(AuditRow.event == "ranked"))
    assert results == dict.fromkeys(handed_over, 1)
    assert ranked == len(handed_over)
    seconds = time.monotonic() - begun
    print(f"{kills} kills, {len(handed_over)} studies, {len(results)} results, {seconds:.0f} s")
    record.close()


def hand_over(record: Installation, picture: bytes, first: int, count: int) -> list[str]:
    """Receive so many studies of one picture each; one pixel tells them apart."""
    pixels = np.asarray(Image.open(io.BytesIO(picture))).copy()
    files = []
    for number in range(first, first + count):
        pixels[0, :2] = divmod(number, 256)
        files.append(Incoming(f"{number}.png", data=encode(pixels)))
    receipts = record.receive(files, actor="test")
    assert {receipt.outcome for receipt in receipts} == {Outcome.ACCEPTED}
    return [str(receipt.study_id) for receipt in receipts]


def seconds_to_first_result(processes: ForkServerContext, record: Installation) -> float:
    """Return how long it takes on this machine: the quickest of three, since other work may run beside it."""
    seconds = []
    for _ in range(3):
        before, start = len(record.store.results.pending()), time.monotonic()
        process = processes.Process(target=run_queue, args=(record.settings.home,))
        process.start()
        while len(record.store.results.pending()) == before:
            assert process.is_alive()
            time.sleep(0.01)
        process.kill()
        process.join()
        seconds.append(time.monotonic() - start)
    return min(seconds)


def kill_after(seconds: float, processes: ForkServerContext, home: Path) -> None:
    process = processes.Process(target=run_queue, args=(home,))
    process.start()
    process.join(seconds)
    assert process.exitcode is None
    process.kill()
    process.join()
    assert process.exitcode == -signal.SIGKILL
