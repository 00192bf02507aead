from __future__ import annotations

import json
import lzma
from pathlib import Path

import numpy as np
import pytest
from drawn import small
from elsewhere import LEFT_OUT, PARTS, PUPIL, QUIET, pupil, tiny

from triage.training.elsewhere.pack import Chosen, pack
from triage.training.elsewhere.pictures import PICTURES_FILE, PackError, read_pictures
from triage.training.fit.environment import file_hashes
from triage.training.fit.recipe import RecipeError
from triage.training.fit.run import Options, config_of, parts_of, read_chosen
from triage.training.fit.two_look_training import pictures_of
from triage.training.layouts import LayoutError, read_dataset

NAMES = [f"{recipe}-{part}" for part in PARTS for recipe in ("two-look-all", PUPIL)]


def test_the_trials_are_those_of_a_release(packed: Path) -> None:
    plan = json.loads((packed / "trials.json").read_text())
    assert [trial["name"] for trial in plan["trials"]] == NAMES
    assert plan["side"] == 64
    assert plan["views"] >= 3 * 4
    assert sum(path.stat().st_size for path in packed.rglob("*") if path.is_file()) <= 20_000_000
    assert "keras==" in (packed / "wheels.txt").read_text()


def test_the_records_are_those_of_train(data: Path, packed: Path) -> None:
    records = json.loads(lzma.decompress((packed / "records.json.xz").read_bytes()))
    dataset = read_dataset(data)
    options = Options(test_fold=2, validation_fold=False)
    record = records["two-look-all-fold-2"]
    assert record["config"] == json.loads(json.dumps(config_of(tiny(), dataset, options, file_hashes(dataset))))
    parts = parts_of(tiny(), dataset, options)
    assert record["parts"]["test"] == [sample.name for sample in parts.test]
    fewer = read_chosen(data, without=[LEFT_OUT])
    assert records[f"two-look-all-fold-0-without-{LEFT_OUT}"]["config"]["counts"] == fewer.counts
    taught = records[f"{PUPIL}-fold-2"]
    assert (taught["parts"], taught["config"]["recipe"]["train"]["teacher"]) == (record["parts"], "two-look-all")


def test_each_trial_may_see_its_training_part_only(data: Path, packed: Path) -> None:
    records = json.loads(lzma.decompress((packed / "records.json.xz").read_bytes()))
    read = read_pictures(packed / PICTURES_FILE)
    dataset = read_dataset(data)
    everything = parts_of(tiny(), dataset, Options(test_fold=None, validation_fold=False)).train
    assert [sample.name for sample in everything] == records["two-look-all-all"]["parts"]["train"]
    for name, allowed in zip(NAMES, read.allowed, strict=True):
        trained_on = records[name]["parts"]["train"]
        assert {everything[number].name for number in np.flatnonzero(allowed)} == set(trained_on)
    for before, after in zip(pictures_of(data, everything), read.pictures, strict=True):
        assert np.abs(before.frame.astype(int) - after.frame).mean() < 4
        np.testing.assert_array_equal(after.lesion, before.lesion)
    assert read.weights.sum() == pytest.approx(1)
    assert (read.weights > 0).all()


@pytest.mark.parametrize(
    ("recipes", "message"),
    [
        ([small("lite0")], "no recipe of two looks. Train it here"),
        ([small("two-look-224")], "starts from a trained network. Train it here"),
        ([tiny(keep="best")], "selects by the validation loss"),
        ([tiny(), tiny().model_copy(update={"name": "b", "seed": 9})], "differ in seed, .* Pack them apart"),
        ([tiny(), tiny(stripped=0.5).model_copy(update={"name": "b"})], "differ in stripped"),
        ([tiny(), tiny()], "Two recipes have one name"),
        ([pupil(), tiny()], "learns from two-look-all. Name --recipe two-look-all too, before it"),
        ([tiny(size=32), pupil()], "pupil has another size than two-look-all, which teaches it"),
    ],
)
def test_what_cannot_be_trained_elsewhere_is_refused(recipes: list, message: str, data: Path, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=message):
        pack(recipes, Chosen(data), tmp_path / "pack", 20, QUIET)
    assert not (tmp_path / "pack").exists()


def test_an_unknown_source_a_full_folder_and_a_small_budget_are_refused(
    data: Path, packed: Path, tmp_path: Path
) -> None:
    with pytest.raises(LayoutError, match="no source nowhere"):
        pack([tiny()], Chosen(data, left_out=[["nowhere"]]), tmp_path / "pack", 20, QUIET)
    with pytest.raises(PackError, match="Choose another folder for the pack"):
        pack([tiny()], Chosen(data), packed, 20, QUIET)
    with pytest.raises(PackError, match="Allow more --megabytes"):
        pack([tiny()], Chosen(data), tmp_path / "pack", 7, QUIET)
    with pytest.raises(PackError, match="at most 5 groups to leave out"):
        pack([tiny()], Chosen(data, left_out=[[LEFT_OUT]] * 6), tmp_path / "pack", 20, QUIET)
    assert not any(tmp_path.iterdir())
