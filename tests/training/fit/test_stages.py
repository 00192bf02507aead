from __future__ import annotations

import pytest

from triage.training.data.splits import Sample
from triage.training.fit.recipe import RecipeError
from triage.training.fit.stages import drawing_weights, targets_of
from triage.training.layouts import Item

SAMPLES = [
    Sample(Item(f"{source}/{label}/{number}", source, label))
    for source, label, count in (("figshare", "glioma", 6), ("figshare", "pituitary", 3), ("br35h", "notumor", 9))
    for number in range(count)
]


def test_groups_are_drawn_by_their_shares_independent_of_their_size() -> None:
    weights = drawing_weights(SAMPLES, {"glioma/scanner": 3, "pituitary/scanner": 1, "notumor/web": 2}, "finding")
    assert weights.sum() == pytest.approx(1)
    assert weights[:6].sum() == pytest.approx(0.5)
    assert weights[6:9].sum() == pytest.approx(1 / 6)


def test_slices_of_volumes_are_a_group_of_their_own() -> None:
    volume = [Sample(Item("btp/01/scan.nii.gz", "btp", "glioma", index=index)) for index in range(2)]
    weights = drawing_weights([*SAMPLES[:6], *volume], {"glioma/scanner": 3, "glioma/volume": 1}, "finding")
    assert weights[-2:].sum() == pytest.approx(0.25)


def test_a_group_without_a_share_is_named() -> None:
    with pytest.raises(RecipeError, match="no share for notumor/web"):
        drawing_weights(SAMPLES, {"glioma/scanner": 1, "pituitary/scanner": 1}, "finding")


def test_no_samples_have_no_targets() -> None:
    assert targets_of(SAMPLES, "tumour").shape == (18, 2)
    assert targets_of([], "finding").shape == (0, 4)
