from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from triage.pipeline.starts import FIRST, KEPT, SERVER, note_start
from triage.records.audit import Event
from triage.records.store import Store
from triage.records.trail import TrailFilter
from triage.settings import Settings

SECRET = "a secret that nobody may read"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(f"sqlite:///{tmp_path / 'triage.db'}")


def said(store: Store) -> list[str]:
    found = store.trail.page(TrailFilter(events=(Event.SETTINGS,)), 50)
    assert {one.actor for one in found} <= {SERVER}
    return [one.detail for one in reversed(found)]


def test_a_start_with_other_settings_says_which(store: Store, tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    for _ in range(2):
        note_start(store, settings, "card 1")
    assert said(store) == [FIRST]
    changed = settings.model_copy(update={"second_read": False, "stow_token": SecretStr(SECRET)})
    for _ in range(2):
        note_start(store, changed, "card 1")
    assert said(store) == [FIRST, "TRIAGE_SECOND_READ, TRIAGE_STOW_TOKEN"]
    note_start(store, changed, "card 2")
    assert said(store)[-1] == "model that serves"
    assert SECRET not in (tmp_path / KEPT).read_text()


def test_another_secret_is_another_setting(store: Store, tmp_path: Path) -> None:
    for secret in ("one", "two"):
        note_start(store, Settings(home=tmp_path, stow_token=SecretStr(secret)), "card")
    assert said(store) == [FIRST, "TRIAGE_STOW_TOKEN"]


@pytest.mark.parametrize("harmed", ["", "[]", "{", "null"])
def test_a_damaged_file_counts_as_none(store: Store, tmp_path: Path, harmed: str) -> None:
    (tmp_path / KEPT).write_text(harmed)
    note_start(store, Settings(home=tmp_path), "card")
    assert said(store) == [FIRST]
