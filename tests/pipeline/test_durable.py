"""Work that was enqueued is done: after a crash, by another process, on either database, and given up in the end."""

from __future__ import annotations

import os
import pickle
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from helpers import receive, take_in
from pickled import Pickled, plant_pickles

from triage.domain import Outcome, StudyStatus
from triage.errors import StorageError
from triage.phantoms import Phantom
from triage.pipeline import durable
from triage.pipeline.installation import Installation
from triage.pipeline.spool import Incoming
from triage.records.results import Results
from triage.settings import ROOT, Settings


def hand_over(installation: Installation, slices: list[Phantom]) -> list[str]:
    """Receive without anybody to score."""
    receipts = installation.receive([Incoming(item.name, data=item.png) for item in slices], actor="test")
    assert {receipt.outcome for receipt in receipts} == {Outcome.ACCEPTED}
    return [str(receipt.study_id) for receipt in receipts]


def test_what_one_process_received_the_next_one_ranks(settings: Settings, slices: list[Phantom]) -> None:
    first = Installation(settings.model_copy(update={"worker": "separate"}))
    studies = hand_over(first, slices[:2])
    assert first.wait(studies, timeout=0.5) == studies
    first.close()
    second = Installation(settings)
    assert second.resume() == 2
    assert second.wait(studies, timeout=180) == []
    assert second.resume() == 0
    assert {len(second.store.study(study_id).results) for study_id in studies} == {1}
    second.close()


def test_what_is_closed_does_not_start_again(settings: Settings, slices: list[Phantom], tmp_path: Path) -> None:
    """A search for studies left behind, or a hand-over, may be under way while the process ends."""
    first = Installation(settings)
    first.run()
    first.close()
    first.work.start()
    second = Installation(Settings(home=tmp_path / "other"))
    try:
        assert second.wait(hand_over(second, slices[:1]), timeout=60) == []
    finally:
        second.close()


def test_what_was_never_enqueued_is_found(settings: Settings, slices: list[Phantom]) -> None:
    """The process was killed between the commit and the queue."""
    installation = Installation(settings)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(durable.Work, "enqueue", lambda *_: None)
        studies = hand_over(installation, slices[:1])
    installation.close()
    installation = Installation(settings)
    installation.resume()
    assert installation.wait(studies, timeout=180) == []
    installation.close()


def test_the_worker_scores_what_the_web_process_received(settings: Settings, slices: list[Phantom]) -> None:
    web = Installation(settings.model_copy(update={"worker": "separate"}))
    command = [sys.executable, "-m", "triage", "worker"]
    worker = subprocess.Popen(command, cwd=ROOT, env=os.environ | {"TRIAGE_HOME": str(settings.home)})
    try:
        studies = hand_over(web, slices[:2])
        assert web.wait(studies, timeout=180) == []
    finally:
        worker.send_signal(signal.SIGTERM)
        assert worker.wait(60) == 0
    assert {web.store.study(study_id).status for study_id in studies} == {StudyStatus.RANKED}
    web.close()


def test_postgresql_keeps_the_work_too(postgres: str, tmp_path: Path, slices: list[Phantom]) -> None:
    installation = Installation(Settings(home=tmp_path / "home", database_url=postgres))
    take_in(installation, {"head.png": slices[0].png})
    assert not (tmp_path / "home" / "work.db").exists()
    installation.close()


def test_a_pickle_in_the_tables_of_the_queue_is_never_read(
    settings: Settings, slices: list[Phantom], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The row itself says how it is to be read; its study and all others are ranked nevertheless."""
    monkeypatch.setattr(durable, "SWEEP_INTERVAL", 0.5)
    mark = tmp_path / "ran"
    pickle.loads(pickle.dumps(Pickled(mark)))
    assert mark.exists(), "or it would prove nothing that it does not run"
    mark.unlink()
    first = Installation(settings.model_copy(update={"worker": "separate"}))
    studies = hand_over(first, slices[:2])
    first.close()
    assert plant_pickles(settings.home, mark, studies[0]) == 1
    second = Installation(settings)
    second.run()
    assert second.wait(studies, timeout=120) == []
    second.close()
    assert not mark.exists()
    with closing(sqlite3.connect(settings.home / "work.db")) as database:
        ended = database.execute("SELECT status FROM workflow_status WHERE serialization = 'py_pickle'").fetchall()
    assert ended == [("ERROR",), ("ERROR",)]


def test_filing_is_tried_again_while_the_record_does_not_take_it(
    installation: Installation, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, refusals = Results.file, [StorageError("full"), StorageError("full")]

    def refuse_twice(*arguments: Any, **named: Any) -> None:
        if refusals:
            raise refusals.pop()
        file(*arguments, **named)

    monkeypatch.setattr(Results, "file", refuse_twice)
    (receipt,) = receive(installation, {"head.png": slices[0].png})
    assert refusals == []
    assert installation.store.study(str(receipt.study_id)).status is StudyStatus.RANKED


POISON = """
import os, sys
from pathlib import Path
from triage.inference.runtime import Runtime
from triage.pipeline import durable
from triage.pipeline.installation import Installation
from triage.settings import Settings
durable.MAX_RECOVERIES = 1
assert Runtime.answer
Runtime.answer = lambda *_: os._exit(9)
installation = Installation(Settings(home=Path(sys.argv[1])))
installation.resume()
sys.exit(0 if not installation.wait(sys.argv[2:], timeout=60) else 1)
"""


def test_what_kills_its_process_again_and_again_is_given_up_and_said(settings: Settings, slices: list[Phantom]) -> None:
    record = Installation(settings.model_copy(update={"worker": "separate"}))
    (study_id,) = hand_over(record, slices[:1])
    deaths = 0
    deadline = time.monotonic() + 240
    while record.store.results.pending() and time.monotonic() < deadline:
        done = subprocess.run([sys.executable, "-c", POISON, settings.home, study_id], cwd=ROOT, check=False)
        deaths += done.returncode == 9
    study = record.store.study(study_id)
    assert study.status is StudyStatus.NOT_ANALYSABLE
    assert "Internal error" in study.reason
    assert deaths == 2
    record.close()
