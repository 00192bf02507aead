"""Which model serves follows from the record; every result can still be explained by the model that made it."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from candidate_samples import SHIPPED, judge, make_candidate

from triage.errors import ModelError
from triage.inference.card import CARD, GATE, read_card
from triage.pipeline.serving import Serving
from triage.records.acts import By, Entry, Model
from triage.records.registry import Registry
from triage.records.store import Store
from triage.settings import Settings


@pytest.fixture
def serving(store: Store, settings: Settings) -> Serving:
    return Serving(settings, store)


def promote(store: Store, folder: Path) -> Entry:
    card = read_card(folder)
    model = Model(card.name, card.digest, folder.name)
    return store.registry.promote(model, by=By("Dr. Ada", "1"), seen=store.registry.turn(), against="0" * 64)


def test_without_a_promotion_the_model_of_the_settings_serves(serving: Serving) -> None:
    in_use = serving.current()
    assert (in_use.runtime.card.name, in_use.seen, in_use.trouble) == (SHIPPED.name, 0, "")
    assert serving.current().runtime is in_use.runtime, "loaded once"
    serving.compare()


def test_results_of_before_are_explained_by_the_model_that_made_them(
    serving: Serving, store: Store, settings: Settings
) -> None:
    old = serving.current().runtime
    folder = make_candidate(settings.home)
    promote(store, folder)
    new = serving.current().runtime
    assert new.card.name == "ours"
    assert serving.made_by(old.card.sha256[:16]) is old
    assert serving.made_by(new.card.sha256) is new
    assert serving.made_by("f" * 64) is None
    assert serving.before() == Model(old.card.name, old.card.digest)


def test_a_promoted_folder_that_was_changed_is_found_by_a_verification(
    serving: Serving, store: Store, settings: Settings
) -> None:
    folder = make_candidate(settings.home)
    serving.current()
    promote(store, folder)
    judge(folder)  # a file that the card does not cover
    serving.compare()
    assert serving.current().trouble == ""
    (folder / "gate.npz").write_bytes(b"")
    with pytest.raises(ModelError, match="missing or altered"):
        serving.compare()
    assert "gate.npz" in serving.current().trouble


@pytest.mark.parametrize("damage", ["no text", "folder", "loop", "pipe", "gate", "file"])
def test_whatever_becomes_of_the_promoted_folder_the_model_before_serves(
    serving: Serving, store: Store, settings: Settings, damage: str
) -> None:
    folder = make_candidate(settings.home)
    serving.current()
    promote(store, folder)
    assert serving.current().runtime.card.name == "ours"
    card = folder / CARD
    if damage == "no text":
        card.write_bytes(card.read_bytes().replace(b"ours", b"our\xff"))
    elif damage == "gate":
        (folder / GATE).unlink()
        (folder / GATE).mkdir()
    elif damage == "file":
        shutil.rmtree(folder)
        folder.write_text("x")
    else:
        card.unlink()
        {"folder": card.mkdir, "loop": lambda: card.symlink_to(card), "pipe": lambda: os.mkfifo(card)}[damage]()
    in_use = serving.current()
    assert in_use.runtime.card.name == SHIPPED.name
    assert "ours was promoted and does not serve" in in_use.trouble
    with pytest.raises(ModelError):
        serving.compare()


def test_a_promoted_folder_that_a_backup_did_not_have_is_named_by_a_verification(
    serving: Serving, store: Store, settings: Settings
) -> None:
    folder = make_candidate(settings.home)
    promote(store, folder)
    shutil.rmtree(folder)
    with pytest.raises(ModelError, match=r"^ours was promoted.* models/ours is missing .*from a backup, or roll back"):
        serving.compare()


def test_the_registry_is_read_again_only_if_another_model_is_to_serve(
    serving: Serving, store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[Registry] = []
    entries = Registry.entries
    monkeypatch.setattr(Registry, "entries", lambda one: reads.append(one) or entries(one))
    for _ in range(3):
        serving.current()
    assert len(reads) == 1
    promote(store, make_candidate(settings.home))
    for _ in range(3):
        serving.current()
    assert len(reads) == 2
