"""From two runs to a model folder that serves; both runs are of the recipe lite0, made small."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from drawn import head, manifest_set, small
from rich.console import Console

from triage.errors import ModelError
from triage.inference.card import CARD, read_card
from triage.inference.runtime import Runtime
from triage.training.layouts import Item, read_dataset
from triage.training.recipe import RecipeError
from triage.training.release import ReleaseError, choose_points, describe, fit_temperature, release
from triage.training.run import CONFIG, PARTS, RESULT, Options, run_recipe
from triage.training.scoring import judged_on, open_model

QUIET = Console(quiet=True)
Runs = tuple[Path, Path, Path]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> Runs:
    """A data set, a run on all but the test fold, and one that kept a fold to watch."""
    folder = tmp_path_factory.mktemp("release")
    data = manifest_set(folder / "data", each=10)
    recipe = small("lite0", epochs=1, steps=1)
    tf.config.run_functions_eagerly(True)  # one step each: building the graphs would take most of a minute
    try:
        for name, unwatched in (("network", True), ("trial", False)):
            run_recipe(recipe, read_dataset(data), folder / name, Options(unwatched=unwatched), QUIET)
    finally:
        tf.config.run_functions_eagerly(False)
    return data, folder / "network", folder / "trial"


def altered(run: Path, folder: Path, name: str, **values: object) -> Path:
    """Copy a run and change some values of one of its files."""
    shutil.copytree(run, folder)
    (folder / name).write_text(json.dumps(json.loads((folder / name).read_text()) | values))
    return folder


def test_a_run_that_watched_nothing_was_trained_on_four_folds(runs: Runs) -> None:
    _, network, trial = runs
    whole, partly = (json.loads((run / PARTS).read_text()) for run in (network, trial))
    assert whole["watch"] == []
    assert set(whole["train"]) == {*partly["train"], *partly["watch"]}
    assert whole["test"] == partly["test"]
    assert (network / "model.keras").exists()
    assert set(json.loads((network / "curve.json").read_text())[0]) >= {"loss", "network_share"}


@pytest.mark.slow
def test_a_released_folder_serves_and_its_card_says_what_was_seen(runs: Runs, tmp_path: Path) -> None:
    data = runs[0]
    card = release(*runs, tmp_path / "drawn-v1")
    assert card.files == read_card(tmp_path / "drawn-v1").files
    assert card.training["config"]["train_folds"] == [1, 2, 3, 4]
    assert card.training["config"]["watch_folds"] == []
    assert card.training["images"] == 32
    assert "from packaged ImageNet weights" in card.training["summary"]
    assert "folds [1, 2, 3, 4]" in card.training["summary"]
    assert card.metrics["test"]["on"].startswith("8 slices of folds [0]: not trained on")
    assert np.sum(card.metrics["test"]["confusion"]) == 8
    assert card.metrics["operating_points"]["glioma"].endswith("(2 with, 6 without).")
    assert "glioma operating point" in describe(card)
    assert sum(Runtime(tmp_path / "drawn-v1").score(head("glioma", 1)).probabilities.values()) == pytest.approx(1)
    samples, _ = judged_on(open_model(tmp_path / "drawn-v1"), read_dataset(data))
    assert {sample.item.fold for sample in samples} == {"0"}


def test_runs_that_do_not_belong_together_are_refused(runs: Runs, tmp_path: Path) -> None:
    data, network, trial = runs
    other = altered(trial, tmp_path / "other", CONFIG, test_fold=3)
    with pytest.raises(ReleaseError, match="network and other differ in test_fold"):
        release(data, network, other, tmp_path / "model")
    with pytest.raises(ReleaseError, match="network watched nothing"):
        release(data, network, network, tmp_path / "model")
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    ("values", "message"),
    [({"split": "random"}, "--split patients"), ({"recipe": {"train": {"network": {}}}}, "--recipe lite0")],
)
def test_what_may_not_serve_is_refused(runs: Runs, tmp_path: Path, values: dict[str, object], message: str) -> None:
    data, network, trial = runs
    pair = [altered(run, tmp_path / run.name, CONFIG, **values) for run in (network, trial)]
    with pytest.raises(ReleaseError, match=message):
        release(data, *pair, tmp_path / "model")


def test_an_unfinished_run_and_other_data_are_refused(runs: Runs, tmp_path: Path) -> None:
    data, network, trial = runs
    shutil.copytree(network, tmp_path / "half")
    (tmp_path / "half" / RESULT).unlink()
    with pytest.raises(ReleaseError, match="half is no finished run"):
        release(data, tmp_path / "half", trial, tmp_path / "model")
    with pytest.raises(ReleaseError, match="is not what network was trained on"):
        release(manifest_set(tmp_path / "data", each=5), network, trial, tmp_path / "model")
    with pytest.raises(ModelError, match=f"Name one that holds {CARD}"):
        release(data, tmp_path, trial, tmp_path / "model")


@pytest.mark.parametrize("name", ["transfer", "tuned-cnn", "detect-then-segment"])
def test_a_recipe_that_chooses_by_what_it_watches_needs_something_to_watch(tmp_path: Path, name: str) -> None:
    dataset = read_dataset(manifest_set(tmp_path / "data", each=5))
    with pytest.raises(RecipeError, match=f"{name} chooses by what it watches"):
        run_recipe(small(name), dataset, tmp_path / "run", Options(unwatched=True), QUIET)


def test_the_temperature_undoes_too_much_confidence() -> None:
    rng = np.random.default_rng(0)
    logits = rng.normal(0, 1.5, (4000, 4))
    chances = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    truth = np.array([rng.choice(4, p=row) for row in chances])
    assert fit_temperature((3 * logits).astype(np.float32), truth) == pytest.approx(3, rel=0.1)


def test_operating_points_reach_their_sensitivity_and_untyped_tumours_count_for_one_of_them() -> None:
    rng = np.random.default_rng(1)
    labels = ["glioma"] * 100 + ["meningioma"] * 60 + ["notumor"] * 80 + ["tumor"] * 40
    scores = rng.dirichlet((1, 1, 1, 1), len(labels))
    points, words = choose_points(scores, [Item(str(number), "web", label) for number, label in enumerate(labels)])
    assert 0.95 <= (scores[:100, 0] >= points.glioma).mean() < 0.97
    assert points.tumour <= 0.5
    assert words["glioma"].endswith("(100 with, 140 without).")
    assert words["tumour"].endswith("(200 with, 80 without).")
