from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from drawn import manifest_set, small
from PIL import Image
from rich.console import Console

from triage.inference.two_look import Look, log_probabilities, look_twice
from triage.inference.views import FRAME, MIDDLE, WHOLE, lay_back
from triage.networks.twolook import build_two_look
from triage.training.data.splits import Sample
from triage.training.evaluate.evaluate import evaluate
from triage.training.evaluate.scorer import open_model
from triage.training.fit import two_look_training
from triage.training.fit.run import Options, run_recipe
from triage.training.fit.two_look_training import locate_unoutlined, pictures_of, view_predictor
from triage.training.layouts import Item, read_dataset
from triage.training.views.two_look_views import Picture

QUIET = Console(quiet=True)


def test_a_box_locates_its_tumour_in_the_frame(tmp_path: Path) -> None:
    picture = np.zeros((200, 100), np.uint8)
    picture[50:150, 10:90] = 120
    picture[80:100, 60:80] = 250
    Image.fromarray(picture).save(tmp_path / "a.png")
    item = Item("a.png", "rsna", "glioma", box=(0.7, 0.45, 0.2, 0.1))
    (known,) = pictures_of(tmp_path, [Sample(item)])
    x, y, length = known.located
    bright = known.frame > 200
    assert known.lesion is None
    assert x == pytest.approx(np.nonzero(bright)[1].mean(), abs=2)
    assert y == pytest.approx(np.nonzero(bright)[0].mean(), abs=2)
    assert length == pytest.approx(np.ptp(np.nonzero(bright)[0]), abs=4)


def test_lesions_are_known_for_outlined_tumours_and_healthy_slices(tmp_path: Path) -> None:
    dataset = read_dataset(manifest_set(tmp_path / "data", each=5))
    pictures = pictures_of(dataset.root, [Sample(item) for item in dataset.items])
    for item, picture in zip(dataset.items, pictures, strict=True):
        assert picture.frame.shape == (FRAME, FRAME)
        assert picture.healthy is (item.label == "notumor")
        assert picture.outlined is (item.label != "notumor")


def test_only_tumours_without_an_outline_are_located(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.zeros((16, 16), np.float32)
    mask[4:8, 8:12] = 0.9
    answer = Look(WHOLE, np.zeros(4, np.float32), mask)
    monkeypatch.setattr(two_look_training, "view_predictor", lambda model: lambda frames, boxes: [answer])
    frame, target = np.zeros((FRAME, FRAME), np.uint8), np.ones(4, np.float32)
    outlined = Picture(frame, target, np.zeros((FRAME, FRAME), np.uint8))
    alone = Picture(frame, target, None)
    known, found = locate_unoutlined(build_two_look(64), [outlined, alone])
    assert known is outlined
    assert found.located == (0.625 * FRAME, 0.375 * FRAME, 0.25 * FRAME)
    mask[:] = mask / 2
    (doubted,) = locate_unoutlined(build_two_look(64), [alone])
    assert doubted.located is None


def test_predictions_are_log_probabilities_and_masks_of_the_frame() -> None:
    frames = np.random.default_rng(0).integers(0, 255, (3, FRAME, FRAME), dtype=np.uint8)
    looks = look_twice(view_predictor(build_two_look(64)), frames)
    for table in log_probabilities(looks):
        np.testing.assert_allclose(np.exp(table).sum(axis=1), 1, rtol=1e-5)
    masks = np.stack([lay_back(second.mask, second.box) for _, second in looks])
    assert masks.shape == (3, FRAME, FRAME)
    assert 0 <= masks.min() <= masks.max() <= 1


def test_a_keras_network_predicts_the_same_in_batches_and_one_by_one() -> None:
    frames = np.random.default_rng(1).integers(0, 255, (two_look_training.PREDICT_BATCH + 2, FRAME, FRAME), np.uint8)
    ask = view_predictor(build_two_look(64))
    boxes = [WHOLE if number % 2 else MIDDLE for number in range(len(frames))]
    together = ask(frames, boxes)
    assert [look.box for look in together] == boxes
    for number in (0, len(frames) - 1):
        (alone,) = ask(frames[number : number + 1], boxes[number : number + 1])
        np.testing.assert_allclose(together[number].log_probabilities, alone.log_probabilities, atol=1e-4)
        np.testing.assert_allclose(together[number].mask, alone.mask, atol=1e-4)


@pytest.mark.slow
def test_the_recipe_runs_and_its_masks_are_evaluated(tmp_path: Path) -> None:
    data = manifest_set(tmp_path / "data", each=10)
    recipe = small("two-look", size=64, epochs=1, steps=2)
    result = run_recipe(recipe, read_dataset(data), tmp_path / "run", Options(), QUIET)
    assert "packaged" in result["started_from"]
    assert {"mask_loss", "logits_loss", "val_accuracy"} <= set(result["classifier"]["at_kept_epoch"])
    assert open_model(tmp_path / "run").looks_twice
    summary = evaluate(tmp_path / "run", data, tmp_path / "figures.json", QUIET)
    assert set(summary["masks"]["figures"]) == {"dice", "iou", "dice_where_called"}
