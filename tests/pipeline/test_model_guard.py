"""Only the model that was accepted serves: its files, and every figure of its card."""

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
from triage.settings import ROOT

MODEL = ROOT / "models" / "two-look-v7"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of a site's own."""
    copy = Path(shutil.copytree(MODEL, tmp_path / "model", ignore=shutil.ignore_patterns("trials")))
    change(copy, name="ours")
    return copy


@pytest.fixture
def guard(folder: Path, tmp_path: Path) -> ModelGuard:
    return ModelGuard(folder, Store(f"sqlite:///{tmp_path / 'triage.db'}").models)


def change(folder: Path, **keys: object) -> None:
    card = json.loads((folder / CARD).read_text())
    (folder / CARD).write_text(json.dumps(card | keys))


def test_the_first_model_serves_and_goes_on_serving(guard: ModelGuard) -> None:
    assert guard.admit() == guard.admit()
    guard.check()


def test_an_operating_point_that_was_changed_does_not_serve(guard: ModelGuard, folder: Path) -> None:
    guard.admit()
    change(folder, operating_points={"glioma": 0.999, "tumour": 0.5})
    with pytest.raises(ModelError, match="changed while it serves"):
        guard.check()
    with pytest.raises(ModelError, match="accept-model"):
        guard.admit()
    with pytest.raises(ModelError, match="accept-model"):
        guard.compare()
    assert guard.accept("admin")[1]
    assert not guard.accept("admin")[1]
    guard.admit()
    guard.check()


def test_a_file_that_was_changed_does_not_serve(guard: ModelGuard, folder: Path) -> None:
    guard.admit()
    whole = (folder / ONNX).read_bytes()
    (folder / ONNX).write_bytes(whole + b"\0")
    with pytest.raises(ModelError, match="missing or altered"):
        guard.check()
    (folder / ONNX).write_bytes(whole)
    guard.check()


def test_the_same_card_written_otherwise_is_the_same(guard: ModelGuard, folder: Path) -> None:
    guard.admit()
    (folder / CARD).write_text(json.dumps(json.loads((folder / CARD).read_text()), indent=8, sort_keys=True))
    guard.check()
    guard.admit()


def test_a_fresh_home_takes_no_released_model_that_was_changed(guard: ModelGuard, folder: Path) -> None:
    change(folder, name=read_card(MODEL).name, familiar_within=99.0)
    for call in (guard.admit, guard.compare, lambda: guard.accept("admin")):
        with pytest.raises(ModelError, match="not the one that was released"):
            call()


def test_only_a_row_that_is_sealed_makes_a_model_serve(guard: ModelGuard, folder: Path, tmp_path: Path) -> None:
    guard.admit()
    change(folder, operating_points={"glioma": 0.999, "tumour": 0.5})
    card = read_card(folder).digest
    with closing(sqlite3.connect(tmp_path / "triage.db")) as database, without_triggers(database):
        database.execute("INSERT INTO model VALUES (?, 'ours', '2026-01-01 00:00:00.000000', 'x')", [card])
    for act in (guard.admit, guard.compare):
        with pytest.raises(ModelError, match="accept-model"):
            act()
    with pytest.raises(ModelError, match="nobody accepted it here"):
        guard.accept("admin")
    with closing(sqlite3.connect(tmp_path / "triage.db")) as database, without_triggers(database):
        database.execute("DELETE FROM model")  # as if none had served so far
    with pytest.raises(ModelError, match="accept-model"):
        guard.admit()
