"""Somebody who can write to the database or the disk, with triggers dropped, but has no key"""

from __future__ import annotations

import json
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from helpers import without_triggers

from triage.errors import ModelError
from triage.inference.card import CARD, ONNX, read_card
from triage.pipeline.model_guard import ModelGuard
from triage.records.store import Store
from triage.settings import Settings


@pytest.fixture
def model(tmp_path: Path) -> tuple[Path, ModelGuard]:
    """A model that was accepted."""
    folder = Path(shutil.copytree(Settings().model, tmp_path / "model"))
    guard = ModelGuard(folder, Store(f"sqlite:///{tmp_path / 'models' / 'triage.db'}").models)
    guard.accept("test")
    return folder, guard


def test_operating_point(model: tuple[Path, ModelGuard]) -> None:
    """a card whose operating point is 0.999, so that no glioma is STAT any more -> it does not serve"""
    folder, guard = model
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | {"operating_points": {"glioma": 0.999, "tumour": 0.9}}))
    with pytest.raises(ModelError):
        guard.check()
    with pytest.raises(ModelError):
        guard.admit()


def test_weights(model: tuple[Path, ModelGuard]) -> None:
    """a network altered by one byte -> it does not serve"""
    folder, guard = model
    data = (folder / ONNX).read_bytes()
    (folder / ONNX).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ModelError):
        guard.admit()


@pytest.mark.parametrize(
    "statement",
    ["INSERT INTO model VALUES ('{}', 'ours', '2026-01-01 00:00:00.000000', 'x')", "DELETE FROM model"],
)
def test_planted_acceptance(model: tuple[Path, ModelGuard], tmp_path: Path, statement: str) -> None:
    """their own model, with a row that says it was accepted, or without any as if it were the first -> no serving"""
    folder, guard = model
    card = json.loads((folder / CARD).read_text())
    changed = card | {"name": "ours", "operating_points": {"glioma": 0.999, "tumour": 0.9}}
    (folder / CARD).write_text(json.dumps(changed))
    with closing(sqlite3.connect(tmp_path / "models" / "triage.db")) as database, without_triggers(database):
        database.execute(statement.format(read_card(folder).digest))
    with pytest.raises(ModelError):
        guard.admit()
