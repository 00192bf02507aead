from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn import manifest_set

from triage.inference.calibration import equal_fusion
from triage.inference.card import Card
from triage.settings import ROOT
from triage.training.data.splits import Sample
from triage.training.fit.recipe import load_recipe
from triage.training.layouts import read_dataset
from triage.training.retrain import pictures
from triage.training.retrain.pictures import Lesson, pictures_for
from triage.training.retrain.site import read_site

RECIPE = load_recipe("retrain")
PARENT = Card.model_validate_json((ROOT / "models" / "two-look-v6.1" / "card.json").read_text())


def test_all_kinds_of_pictures_are_drawn_as_the_recipe_says(
    export: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pictures, "PHANTOMS", 4)
    old = read_dataset(manifest_set(tmp_path / "data", each=2))
    site = read_site(export, PARENT)
    labelled = site.parts["train"]
    trust = np.full(len(labelled), 0.7, np.float32)
    samples = [Sample(item) for item in old.items]
    lesson = Lesson(site, trust, 0.7, equal_fusion(4), None, (old.root, samples))
    wanted = RECIPE.retrain
    taught = pictures_for(lesson, RECIPE.train, wanted)
    assert (taught.labelled, len(site.unlabelled), taught.old) == (24, 6, 8)
    ends = np.cumsum([24, 6, 4, 8])
    of_site, unmarked, drawn, remembered = (part.sum() for part in np.split(taught.weights, ends[:-1]))
    assert remembered == pytest.approx(wanted.replayed)
    assert drawn == pytest.approx((1 - wanted.replayed) * wanted.drawn)
    assert unmarked == pytest.approx((1 - wanted.replayed) * (1 - wanted.drawn) * wanted.unlabelled)
    assert of_site == pytest.approx(1 - remembered - drawn - unmarked)
    np.testing.assert_array_equal(taught.trust(trust), np.array([0.7] * 24 + [0] * 10 + [1] * 8, np.float32))


def test_every_patient_of_a_class_is_drawn_as_often_however_many_slices(export: Path) -> None:
    site = read_site(export, PARENT)
    labelled = site.parts["train"]
    weights = pictures._shares(labelled, RECIPE.train)
    by_patient: dict[str, float] = {}
    for one, weight in zip(labelled, weights, strict=True):
        by_patient[one.study] = by_patient.get(one.study, 0) + weight
    for label in ("glioma", "notumor"):
        assert np.ptp([share for study, share in by_patient.items() if study.startswith(label)]) < 1e-9
