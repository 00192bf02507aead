from __future__ import annotations

from pathlib import Path

from drawn import head

from triage.inference.card import MODEL_CARD, read_card
from triage.inference.runtime import Runtime
from triage.learning.retraining import work_folder
from triage.training.retrain.retrain import retrain


def test_a_candidate_is_an_ordinary_model_folder(serving: Path, export: Path, recipe: str, tmp_path: Path) -> None:
    before = {one.name: one.read_bytes() for one in serving.iterdir()}
    card = retrain(serving, export, tmp_path / "site-1", recipe=recipe)
    assert {one.name: one.read_bytes() for one in serving.iterdir()} == before, "what serves is only read"
    assert read_card(tmp_path / "site-1") == card
    assert not work_folder(tmp_path / "site-1").exists()
    print((tmp_path / "site-1" / MODEL_CARD).read_text())
    score = Runtime(tmp_path / "site-1").score(head("glioma", 1))
    assert abs(sum(score.probabilities.values()) - 1) < 1e-6
