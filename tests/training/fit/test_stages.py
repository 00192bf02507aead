from __future__ import annotations

import pytest

from triage.training.data.splits import Sample
from triage.training.fit.recipe import RecipeError, Stage, load_recipe
from triage.training.fit.stages import drawing_weights, targets_of
from triage.training.layouts import Item

SAMPLES = [
    Sample(Item(f"{source}/{label}/{number}", source, label))
    for source, label, count in (("figshare", "glioma", 6), ("figshare", "pituitary", 3), ("br35h", "notumor", 9))
    for number in range(count)
]


def test_groups_are_drawn_by_their_shares_independent_of_their_size() -> None:
    weights = drawing_weights(
        SAMPLES, drawn_by(shares={"glioma/scanner": 3, "pituitary/scanner": 1, "notumor/web": 2}), "finding"
    )
    assert weights.sum() == pytest.approx(1)
    assert weights[:6].sum() == pytest.approx(0.5)
    assert weights[6:9].sum() == pytest.approx(1 / 6)


def test_slices_of_volumes_are_a_group_of_their_own() -> None:
    volume = [Sample(Item("btp/01/scan.nii.gz", "btp", "glioma", index=index)) for index in range(2)]
    weights = drawing_weights(
        [*SAMPLES[:6], *volume], drawn_by(shares={"glioma/scanner": 3, "glioma/volume": 1}), "finding"
    )
    assert weights[-2:].sum() == pytest.approx(0.25)


def test_a_group_without_a_share_is_named() -> None:
    with pytest.raises(RecipeError, match="no share for notumor/web"):
        drawing_weights(SAMPLES, drawn_by(shares={"glioma/scanner": 1, "pituitary/scanner": 1}), "finding")


def test_sequences_are_drawn_by_the_roots_of_their_numbers() -> None:
    more = [Sample(Item(f"{number}", "lgg", "glioma", sequence="flair")) for number in range(24)]
    shares = drawn_by(balanced={"glioma": 0.6, "pituitary": 0.1, "notumor": 0.3})
    weights = drawing_weights([*SAMPLES, *more], shares, "finding")
    assert weights.sum() == pytest.approx(1)
    # 6 and 24 gliomas: 1 to 2.
    assert weights[:6].sum() == pytest.approx(0.2)
    assert weights[-24:].sum() == pytest.approx(0.4)
    assert weights[6:9].sum() == pytest.approx(0.1)
    with pytest.raises(RecipeError, match=r"no share for notumor, pituitary. Add it under \[train.balanced\]"):
        drawing_weights(SAMPLES, drawn_by(balanced={"glioma": 1}), "finding")


def test_without_shares_every_picture_is_drawn_once() -> None:
    assert drawing_weights(SAMPLES, drawn_by(), "finding") is None


def drawn_by(**tables: dict[str, float]) -> Stage:
    return load_recipe("lite0").train.model_copy(update={"shares": None} | tables)


def test_no_samples_have_no_targets() -> None:
    assert targets_of(SAMPLES, "tumour").shape == (18, 2)
    assert targets_of([], "finding").shape == (0, 4)
