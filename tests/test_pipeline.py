"""The door and what follows it: each file gets its answer, the others go on, nothing is half stored."""

from __future__ import annotations

import errno
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from helpers import encode
from sqlalchemy import select

from triage.domain import Band, Outcome, StudyStatus
from triage.inference.runtime import Runtime
from triage.phantoms import Phantom
from triage.pipeline import Pipeline
from triage.records.tables import AIResultRow, InstanceRow, StudyRow
from triage.records.views import WorklistFilter
from triage.scans.names import MAX_NAME, display_name
from triage.settings import Settings

NOW = datetime.now(UTC)


def test_a_slice_is_ranked_when_it_is_acknowledged(pipeline: Pipeline, slices: list[Phantom]) -> None:
    receipt = pipeline.receive("head.png", slices[0].png, actor="test")
    assert receipt.outcome is Outcome.ACCEPTED
    study = pipeline.store.study(receipt.study_id or "")
    assert study.status is StudyStatus.RANKED
    assert study.result is not None
    assert sum(study.result.probabilities.values()) == pytest.approx(1)
    assert study.result.model_sha256 == pipeline.runtime.card.sha256
    assert pipeline.files.get(study.instances[0].sha256) == slices[0].png
    assert pipeline.queue.page(WorklistFilter(), NOW).total == 1


def test_one_bad_file_costs_the_others_nothing(pipeline: Pipeline, slices: list[Phantom]) -> None:
    good, other = slices[0].png, slices[1].png
    rgba = np.zeros((100, 100, 4), np.uint8)
    rgba[..., 3] = 255
    handed_over = [
        ("good.png", good, Outcome.ACCEPTED),
        ("cut.png", good[:1000], Outcome.REFUSED),
        ("text.png", b"hello", Outcome.REFUSED),
        ("empty.jpg", b"", Outcome.REFUSED),
        ("again.png", good, Outcome.ALREADY_HERE),
        ("../../etc/passwd.png", other, Outcome.ACCEPTED),
        ("blank.png", encode(rgba), Outcome.ACCEPTED),
    ]
    receipts = [pipeline.receive(name, data, actor="test") for name, data, _ in handed_over]
    assert [receipt.outcome for receipt in receipts] == [outcome for _, _, outcome in handed_over]
    assert all(receipt.message for receipt in receipts)
    assert receipts[4].study_id == receipts[0].study_id
    assert receipts[5].name == "passwd.png"
    with pipeline.store.read() as session:
        assert len(session.scalars(select(StudyRow)).all()) == 3
        kept = {row.sha256 for row in session.scalars(select(InstanceRow))}
    on_disk = {path.name for path in pipeline.settings.files.rglob("*") if path.is_file()}
    assert on_disk == kept


def test_what_cannot_be_judged_stays_and_is_never_no_tumour(pipeline: Pipeline) -> None:
    receipt = pipeline.receive("blank.png", encode(np.full((256, 256), 30, np.uint8)), actor="test")
    row = pipeline.queue.page(WorklistFilter(), NOW).rows[0]
    assert row.study_id == receipt.study_id
    assert (row.status, row.predicted, row.malignancy) == (StudyStatus.NOT_ANALYSABLE, None, None)
    assert row.band is Band.ROUTINE
    assert row.reason.startswith("Blank")


def test_a_crash_between_receipt_and_ranking_is_made_up_for(
    settings: Settings, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Pipeline(settings)
    with monkeypatch.context() as broken:
        broken.setattr(Pipeline, "_rank", lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            first.receive("head.png", slices[0].png, actor="test")
    first.store.engine.dispose()
    second = Pipeline(settings)
    assert second.store.unfinished() != []
    assert second.resume() == 1
    assert second.resume() == 0
    with second.store.read() as session:
        assert len(session.scalars(select(AIResultRow)).all()) == 1
    second.store.engine.dispose()


def test_a_missing_file_is_said_on_the_worklist(pipeline: Pipeline, slices: list[Phantom]) -> None:
    sha256 = pipeline.files.put(slices[0].png)
    from triage.records.views import Instance

    study_id = pipeline.store.add_study("head.png", [Instance(sha256, "head.png", "PNG", 1)], actor="test")
    pipeline.files.path(sha256).unlink()
    pipeline.resume()
    study = pipeline.store.study(study_id)
    assert study.status is StudyStatus.NOT_ANALYSABLE
    assert "backup" in study.reason


def test_a_scoring_error_leaves_the_study_in_the_queue(
    pipeline: Pipeline, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Runtime, "score", lambda *_: 1 / 0)
    receipt = pipeline.receive("head.png", slices[0].png, actor="test")
    assert receipt.outcome is Outcome.ACCEPTED
    assert "Internal error" in receipt.message
    assert pipeline.queue.first(NOW) == receipt.study_id


def test_a_full_disk_refuses_and_says_so(
    pipeline: Pipeline, slices: list[Phantom], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    receipt = pipeline.receive("head.png", slices[0].png, actor="test")
    assert receipt.outcome is Outcome.REFUSED
    assert "No space left" in receipt.message
    assert pipeline.queue.first(NOW) is None


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("head.png", "head.png"),
        ("../../etc/passwd", "passwd"),
        ("C:\\scans\\head.png", "head.png"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("a\x00b\n.png", "ab.png"),
        ("", "unnamed"),
        ("../", "unnamed"),
        ("x" * 4096, "x" * MAX_NAME),
    ],
)
def test_names_are_shown_without_what_could_deceive(name: str, shown: str) -> None:
    assert display_name(name) == shown


def test_settings_keep_everything_below_home(tmp_path: Path, slices: list[Phantom]) -> None:
    home = tmp_path / "home"
    parts = Pipeline(Settings(home=home))
    parts.receive("head.png", slices[0].png, actor="test")
    parts.store.engine.dispose()
    assert {path.name for path in home.iterdir()} == {"files", "triage.db"}
    assert list(tmp_path.iterdir()) == [home]
