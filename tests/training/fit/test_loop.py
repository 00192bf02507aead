"""The training loop: resumed, stopped, out of disk; each time on a network of a few weights."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import keras
import numpy as np
import pytest
from helpers import full_disk
from PIL import Image

from triage.errors import StorageError
from triage.networks.cnn import build_cnn
from triage.training.fit.checkpoints import ResumeError, load_state
from triage.training.fit.loop import DivergedError, Outcome, compile_for, load_kept, predict, train
from triage.training.fit.losses import allowed_classes_loss, allowed_loss_of, mask_loss, mask_loss_of, overlap
from triage.training.fit.recipe import Stage
from triage.training.views.frames import Batch, Frames, Views

TARGETS = np.eye(2, dtype=np.float32)[np.arange(24) % 2]


def stage_of(**options: object) -> Stage:
    network = {"kind": "cnn", "filters": (2, 4), "dense": (8,), "dropout": 0.3, "batch_norm": True}
    return Stage.model_validate({"network": network, "size": 16, "epochs": 4, "batch": 8, "keep": "last"} | options)


def frames() -> Frames:
    pixels = np.random.default_rng(0).integers(0, 120, (24, 16, 16))
    pixels[1::2, 4:12, 4:12] += 120
    return Frames(pixels.astype(np.uint8), None, [None] * 24)


def start(folder: Path, stage: Stage, views: Views | None = None, resume: bool = False) -> Outcome:
    keras.utils.set_random_seed(3)
    shown = frames()
    views = views or Views(shown, TARGETS, size=16, kind="turned", batch=8, seed=5)
    model = build_cnn(2, 16, (2, 4), (8,), 0.3, batch_norm=True)

    def validate(network: keras.Model) -> dict[str, float]:
        return {"val_loss": allowed_loss_of(predict(network, shown.pixels), TARGETS)}

    folder.mkdir(exist_ok=True)
    return train(model, allowed_classes_loss, views, validate, stage, folder, resume=resume)


class Interrupted(Views):
    """Ctrl-C comes in the middle of the third epoch."""

    def make(self, epoch: int, step: int) -> Batch:
        if (epoch, step) == (2, 1):
            raise KeyboardInterrupt
        return super().make(epoch, step)


def interrupted_views() -> Interrupted:
    return Interrupted(frames(), TARGETS, size=16, kind="turned", batch=8, seed=5)


def losses(curve: list[dict[str, float]]) -> list[list[float]]:
    return [[row["loss"], row["val_loss"]] for row in curve]


def test_a_resumed_run_has_the_same_curve(tmp_path: Path) -> None:
    stage = stage_of(optimizer="adamw", schedule="cosine", ema=0.9, weight_decay=0.01)
    whole = start(tmp_path / "whole", stage)
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "stopped", stage, interrupted_views())
    assert [row["epoch"] for row in json.loads((tmp_path / "stopped" / "curve.json").read_text())] == [1, 2]
    resumed = start(tmp_path / "stopped", stage, resume=True)
    np.testing.assert_allclose(losses(resumed.curve), losses(whole.curve), rtol=1e-5)
    pixels = frames().pixels
    answers = [predict(load_kept(tmp_path / name), pixels) for name in ("whole", "stopped")]
    np.testing.assert_allclose(*answers, rtol=1e-4, atol=1e-5)


def test_a_run_stopped_in_its_first_epoch_leaves_a_network_that_loads(tmp_path: Path) -> None:
    views = interrupted_views()
    views.make = lambda epoch, step: (_ for _ in ()).throw(KeyboardInterrupt)  # type: ignore[method-assign]
    with pytest.raises(KeyboardInterrupt):
        start(tmp_path / "run", stage_of(), views)
    assert predict(load_kept(tmp_path / "run"), frames().pixels).shape == (24, 2)
    assert len(start(tmp_path / "run", stage_of(), resume=True).curve) == 4


def test_a_disk_that_fills_in_mid_checkpoint_leaves_the_last_good_one(tmp_path: Path) -> None:
    stage = stage_of()
    start(tmp_path / "run", stage_of(epochs=2))
    before = (tmp_path / "run" / "model.keras").read_bytes()
    with full_disk(room=4000), pytest.raises(StorageError, match=r"model\.keras could not be written .* --resume"):
        start(tmp_path / "run", stage, resume=True)
    assert (tmp_path / "run" / "model.keras").read_bytes() == before
    assert not list((tmp_path / "run").glob("part-*"))
    assert predict(load_kept(tmp_path / "run"), frames().pixels).shape == (24, 2)
    resumed, whole = start(tmp_path / "run", stage, resume=True), start(tmp_path / "whole", stage)
    np.testing.assert_allclose(losses(resumed.curve), losses(whole.curve), rtol=1e-5)


def test_training_stops_early_and_keeps_the_best_epoch(tmp_path: Path) -> None:
    stage = stage_of(epochs=30, patience=2, keep="best", learning_rate=0.3)
    outcome = start(tmp_path / "run", stage)
    val_losses = [row["val_loss"] for row in outcome.curve]
    best = int(np.argmin(val_losses))
    assert outcome.kept_epoch == best + 1
    assert len(val_losses) == best + 1 + 2 < 30
    kept = allowed_loss_of(predict(load_kept(tmp_path / "run"), frames().pixels), TARGETS)
    assert kept == pytest.approx(val_losses[best], rel=1e-4)
    again = start(tmp_path / "run", stage, resume=True)
    assert (len(again.curve), again.kept_epoch) == (len(val_losses), outcome.kept_epoch)


def test_curves_are_written_as_json_and_as_a_plot(tmp_path: Path) -> None:
    outcome = start(tmp_path / "run", stage_of(epochs=2))
    assert json.loads((tmp_path / "run" / "curve.json").read_text()) == outcome.curve
    with Image.open(tmp_path / "run" / "curve.png") as picture:
        assert min(picture.size) > 300
    assert 0 < outcome.network_share <= 1
    assert all(0 < row["network_share"] <= 1 for row in outcome.curve)


def test_a_loss_that_is_not_finite_ends_the_run_with_the_last_good_network(tmp_path: Path) -> None:
    with pytest.raises(DivergedError, match="Lower the recipe's learning_rate"):
        start(tmp_path / "run", stage_of(learning_rate=1e30))
    assert np.isfinite(predict(load_kept(tmp_path / "run"), frames().pixels)).all()


def test_a_state_of_another_network_is_refused(tmp_path: Path) -> None:
    start(tmp_path / "run", stage_of(epochs=1))
    other = build_cnn(2, 16, (2,), (8,))
    compile_for(other, allowed_classes_loss, stage_of(), 3)
    with pytest.raises(ResumeError, match="another network"):
        load_state(other, tmp_path / "run")
    shutil.rmtree(tmp_path / "run")
    with pytest.raises(ResumeError, match=r"holds no state\.npz"):
        load_state(other, tmp_path / "run")


def test_dice_and_iou_count_pixels() -> None:
    drawn, mask = np.zeros((3, 4, 4), bool), np.zeros((3, 4, 4), bool)
    drawn[0, :2], mask[0, 1:3] = True, True
    drawn[1, 0] = True
    dice, iou = overlap(drawn, mask)
    np.testing.assert_allclose(dice, [0.5, 0, 1])
    np.testing.assert_allclose(iou, [1 / 3, 0, 1])


def test_the_mask_loss_rewards_the_right_mask() -> None:
    mask = np.zeros((2, 8, 8), bool)
    mask[:, 2:5, 2:5] = True
    right = np.where(mask, 9.0, -9.0).astype(np.float32)[..., None]
    assert mask_loss_of(right, mask) < 0.01 < 1 < mask_loss_of(-right, mask)
    batch = np.asarray(mask_loss(mask[..., None].astype(np.float32), right))
    assert batch.mean() == pytest.approx(mask_loss_of(right, mask), rel=1e-5)
