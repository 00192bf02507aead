"""A run that starts from another: its weights, and what they have seen."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
from drawn import manifest_set, small
from rich.console import Console

from triage.inference.card import KERAS
from triage.networks.backbones import WeightsError
from triage.settings import ROOT
from triage.training.fit.lineage import PARTS_FILE, RESULT_FILE, lineage_of
from triage.training.fit.loop import load_kept
from triage.training.fit.recipe import RecipeError
from triage.training.fit.run import Options, run_recipe
from triage.training.fit.teaching import TeacherError
from triage.training.layouts import read_dataset

QUIET = Console(quiet=True)
#: A released model of the encoder that the recipe two-look has.
RELEASED = ROOT / "models" / "two-look-v6.1"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A data set, and a run on it that left out fold 0."""
    folder = tmp_path_factory.mktemp("earlier")
    data = manifest_set(folder / "data", each=15)
    train(data, folder / "first", Options(validation_fold=False))
    return data, folder / "first"


def train(
    data: Path, run: Path, options: Options, size: int = 64, recipe: str = "two-look", **changes: object
) -> dict[str, object]:
    tf.config.run_functions_eagerly(True)  # one step: building the graph would take most of a minute
    try:
        return run_recipe(
            small(recipe, size=size, epochs=1, steps=1, **changes), read_dataset(data), run, options, QUIET
        )
    finally:
        tf.config.run_functions_eagerly(False)


def test_a_run_starts_from_another_at_a_larger_size(first: tuple[Path, Path], tmp_path: Path) -> None:
    data, run = first
    weights = str(run / "model.keras")
    result = train(data, tmp_path / "second", Options(validation_fold=False, weights=weights), size=96)
    assert result["started_from"] == (
        "1 epochs of recipe two-look from packaged ImageNet weights of EfficientNet-Lite0"
    )
    before, after = load_kept(run), load_kept(tmp_path / "second")
    assert after.input_shape == (None, 96, 96, 1)
    # Layers that do not learn are those of the run before; the others have moved by one step of a small rate.
    for name in ("stem_conv", "mask"):
        old, new = (model.get_layer(name).get_weights()[0] for model in (before, after))
        np.testing.assert_allclose(old, new, atol=5e-3)
    assert not after.get_layer("stem_conv").trainable


def test_keep_mean_averages_with_the_starting_weights_also_when_resumed(
    first: tuple[Path, Path], tmp_path: Path
) -> None:
    data, run = first
    options = Options(validation_fold=False, weights=str(run / "model.keras"))
    train(data, tmp_path / "last", options, size=96, recipe="two-look-224")
    began, kept = (load_kept(folder).get_layer("mask").kernel.numpy() for folder in (run, tmp_path / "last"))
    assert load_kept(tmp_path / "last").input_shape == (None, 64, 64, 1)
    with np.load(tmp_path / "last" / "state.npz") as state:
        same = [value for value in state.values() if value.shape == kept.shape]
    assert not np.array_equal(began, kept)
    # Among the weights that the state holds is the average that the optimizer keeps.
    assert any(np.allclose(kept, (began + value) / 2, atol=1e-7) for value in same)
    train(data, tmp_path / "last", replace(options, resume=True), size=96, recipe="two-look-224")
    np.testing.assert_array_equal(load_kept(tmp_path / "last").get_layer("mask").kernel, kept)


@pytest.mark.parametrize("weights", [None, "packaged", "missing.keras"])
def test_keep_mean_needs_starting_weights(first: tuple[Path, Path], tmp_path: Path, weights: str | None) -> None:
    with pytest.raises(RecipeError, match="Name its file with --weights"):
        train(first[0], tmp_path / "run", Options(validation_fold=False, weights=weights), recipe="two-look-224")
    assert not (tmp_path / "run").exists()


def test_what_the_earlier_run_has_seen_is_recorded(first: tuple[Path, Path], tmp_path: Path) -> None:
    data, run = first
    parts = json.loads((run / PARTS_FILE).read_text())
    (run / PARTS_FILE).write_text(json.dumps(parts | {"seen_sha256": [*parts["seen_sha256"], "of another data set"]}))
    train(data, tmp_path / "second", Options(validation_fold=False, weights=str(run / "model.keras")))
    seen = json.loads((tmp_path / "second" / PARTS_FILE).read_text())["seen_sha256"]
    assert "of another data set" in seen
    assert set(parts["seen_sha256"]) <= set(seen)


def test_a_run_is_not_tested_on_what_the_earlier_run_has_seen(first: tuple[Path, Path], tmp_path: Path) -> None:
    data, run = first
    with pytest.raises(RecipeError, match="same split and --test-fold"):
        train(data, tmp_path / "leak", Options(validation_fold=False, test_fold=1, weights=str(run / "model.keras")))
    assert not (tmp_path / "leak").exists()


def test_a_run_from_a_released_model_is_not_tested_on_its_sources(first: tuple[Path, Path], tmp_path: Path) -> None:
    data, _ = first
    weights = str(RELEASED / KERAS)
    with pytest.raises(
        RecipeError, match=f"{RELEASED.name} may have seen every picture of br35h, figshare.*--no-test-fold"
    ):
        train(data, tmp_path / "leak", Options(validation_fold=False, weights=weights))
    result = train(data, tmp_path / "all", Options(validation_fold=False, test_fold=None, weights=weights))
    assert result["started_from"] == f"the model {RELEASED.name}"


def test_an_unfinished_run_is_refused_as_start(tmp_path: Path) -> None:
    (tmp_path / PARTS_FILE).write_text("{}")
    with pytest.raises(RecipeError, match="--resume"):
        lineage_of(str(tmp_path / "model.keras"))
    assert lineage_of(None) is None
    assert lineage_of("imagenet") is None
    assert not (tmp_path / RESULT_FILE).exists()


def test_a_taught_run_records_what_its_teacher_has_seen(first: tuple[Path, Path], tmp_path: Path) -> None:
    data, run = first
    options = Options(validation_fold=False, teacher=run / KERAS)
    train(data, tmp_path / "pupil", options, teacher="two-look")
    seen = [set(json.loads((folder / PARTS_FILE).read_text())["seen_sha256"]) for folder in (run, tmp_path / "pupil")]
    assert seen[0] <= seen[1]
    with pytest.raises(RecipeError, match=r"^1 epochs of recipe two-look .* has seen [\d,]+ of the pictures"):
        train(data, tmp_path / "leak", replace(options, test_fold=1), teacher="two-look")
    with pytest.raises(TeacherError, match="Name another --teacher"):
        train(data, tmp_path / "larger", options, size=96, teacher="two-look")


def test_a_teacher_is_named_where_the_recipe_has_one(first: tuple[Path, Path], tmp_path: Path) -> None:
    data, run = first
    with pytest.raises(RecipeError, match=r"learns from a run of two-look\. Name its model.keras with --teacher"):
        train(data, tmp_path / "run", Options(validation_fold=False), teacher="two-look")
    with pytest.raises(RecipeError, match=r"has no teacher\. Leave out --teacher"):
        train(data, tmp_path / "run", Options(validation_fold=False, teacher=run / KERAS))
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("weights", ["imagenet", "missing.keras", "other"])
def test_weights_of_other_networks_are_refused(first: tuple[Path, Path], tmp_path: Path, weights: str) -> None:
    if weights == "other":
        weights = str(tmp_path / "other.keras")
        inputs = keras.Input((4,))
        keras.Model(inputs, keras.layers.Dense(2)(inputs)).save(weights)
    with pytest.raises(WeightsError, match="or none"):
        train(first[0], tmp_path / "run", Options(validation_fold=False, weights=weights))
