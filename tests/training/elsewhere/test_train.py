"""Training in a pack, on JAX, against the usual training, on TensorFlow."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
import pytest
from elsewhere import PUPIL, run_script, tiny

from triage.networks.lite0 import LOGITS
from triage.networks.twolook import MASK, STRIDE, build_two_look, freeze
from triage.training.elsewhere.drawing import view_number
from triage.training.elsewhere.learnt import RESULTS_FILE, read_weights
from triage.training.elsewhere.names import START_FILE, TRIALS_FILE
from triage.training.elsewhere.pictures import PICTURES_FILE, read_pictures
from triage.training.elsewhere.starts import read_start
from triage.training.fit.checkpoints import averaged_weights
from triage.training.fit.loop import compile_for
from triage.training.fit.losses import (
    allowed_accuracy,
    hedged_classes_loss,
    known_mask_loss,
    taught_classes_loss,
    taught_mask_loss,
)
from triage.training.fit.teaching import TaughtBatches
from triage.training.views.two_look_views import TwoLookViews, View


@pytest.mark.parametrize("number", [0, 1, 2, 3])
def test_three_steps_are_those_of_the_usual_training(packed: Path, learnt: Path, number: int) -> None:
    plan = json.loads((packed / TRIALS_FILE).read_text())
    trials = json.loads((learnt / RESULTS_FILE).read_text())["trials"]
    trial, teacher = trials[plan["trials"][number]["name"]], None
    if plan["trials"][number]["recipe"] == PUPIL:
        teacher = model_with(packed, read_weights(learnt, trials[plan["trials"][number - 1]["name"]]))
    stage = tiny().train
    model = model_with(packed)
    losses = {LOGITS: hedged_classes_loss, MASK: known_mask_loss}
    if teacher:
        losses = {LOGITS: taught_classes_loss, MASK: taught_mask_loss}
    compile_for(model, losses, stage, 1, {LOGITS: [allowed_accuracy]})
    views = views_for(packed, number, 3 * stage.batch)
    for row in trial["curve"]:
        some, views = views[: stage.batch], views[stage.batch :]
        targets = {
            LOGITS: np.stack([view.target for view in some]),
            MASK: np.stack([view.known_mask(stage.size // STRIDE) for view in some]),
        }
        frames = np.rint([view.frame for view in some])[..., None]
        if teacher:
            _, targets = TaughtBatches(One(frames, targets), teacher, stage.size).make(0, 0)
        expected = model.train_on_batch(frames, targets, return_dict=True)
        model.reset_metrics()
        assert row == pytest.approx(expected | {"epoch": row["epoch"], "seconds": row["seconds"]}, rel=1e-3)
    with averaged_weights(model):
        for ours, theirs in zip(read_weights(learnt, trial), model.trainable_variables, strict=True):
            np.testing.assert_allclose(ours, np.asarray(theirs), rtol=2e-3, atol=5e-5)


@dataclass
class One:
    """A single batch."""

    frames: np.ndarray
    targets: dict[str, np.ndarray]
    steps: int = 1

    def make(self, epoch: int, step: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
        return self.frames, self.targets


def model_with(packed: Path, learnt: list[np.ndarray] | None = None) -> keras.Model:
    """Return the network of the recipe with its starting weights, or with what a trial has learnt."""
    model = build_two_look(tiny().train.size, 4, 0.0)
    model.set_weights(read_start(packed / START_FILE, "lite0"))
    freeze(model, tiny().train.network.learns)
    for variable, values in zip(model.trainable_variables, learnt or (), strict=learnt is not None):
        variable.assign(values)
    return model


def views_for(packed: Path, number: int, count: int) -> list[View]:
    """Draw the first views of the stream that show only pictures of a trial; at its end, it begins again."""
    read, plan = read_pictures(packed / PICTURES_FILE), json.loads((packed / TRIALS_FILE).read_text())
    options = {"seed": plan["seed"], "reordered": plan["reordered"], "stripped": plan["stripped"]}
    views = TwoLookViews(read.pictures, read.weights, size=plan["side"], batch=1, **options)
    stream = (view_number(views, place) for place in range(plan["views"]))
    own = [view for view in stream if read.allowed[number][list(view.made_of)].all()]
    return [own[place % len(own)] for place in range(count)]


def test_the_record_says_what_was_done(learnt: Path) -> None:
    results = json.loads((learnt / RESULTS_FILE).read_text())
    assert results["environment"]["packages"]["jax"]
    for trial in results["trials"].values():
        assert (trial["epochs"], trial["wanted_epochs"], trial["views"]) == (3, 3, 12)
        assert 0 <= trial["network_share"] <= 1


def test_what_is_there_already_is_not_written_over(packed: Path, learnt: Path) -> None:
    done = run_script(packed, "--seconds", "60", "--out", str(learnt))
    assert done.returncode == 1
    assert re.search("is not empty. Choose another folder", done.stderr)


def test_a_missing_package_is_named_with_the_remedy(packed: Path, tmp_path: Path) -> None:
    done = run_script(packed, "--seconds", "60", "--out", str(tmp_path), python=("-S",))
    assert done.returncode == 1
    assert re.search(r"^No module named '\w+'. Install JAX, .* and what wheels.txt", done.stderr)


def test_without_time_for_an_epoch_nothing_is_written(packed: Path, tmp_path: Path) -> None:
    done = run_script(packed, "--seconds", "1", "--out", str(tmp_path / "out"))
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("no time is left for one epoch. Give more --seconds.") == 12
    assert not list((tmp_path / "out").iterdir())
