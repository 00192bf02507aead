from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from drawn import class_folders, manifest_set

from triage.training.data.splits import Sample
from triage.training.layouts import LayoutError, read_dataset
from triage.training.views.frames import Frames, Views, load_frames_of, prefetch


def frames_of(count: int, side: int = 16) -> Frames:
    pixels = np.random.default_rng(0).integers(0, 255, (count, side, side)).astype(np.uint8)
    return Frames(pixels, None, [None] * count)


def views_of(count: int, **options: object) -> Views:
    targets = np.eye(count, dtype=np.float32)
    return Views(frames_of(count), targets, **({"size": 16, "kind": "plain", "batch": 4, "seed": 1} | options))  # type: ignore[arg-type]


def test_every_picture_is_drawn_once_per_epoch() -> None:
    views = views_of(10)
    assert views.steps == 3
    targets = np.concatenate([views.make(0, step)[1] for step in range(3)])
    assert sorted(targets.argmax(axis=1)) == list(range(10))
    other = np.concatenate([views.make(1, step)[1] for step in range(3)])
    assert (targets != other).any()


def test_an_epoch_with_more_steps_starts_again() -> None:
    views = views_of(5, steps=4)
    assert [len(views.make(0, step)[1]) for step in range(4)] == [4, 1, 4, 4]


@pytest.mark.parametrize("kind", ["plain", "turned", "scanner"])
def test_a_batch_depends_only_on_seed_epoch_and_step(kind: str) -> None:
    first, again = (views_of(6, kind=kind).make(3, 1) for _ in range(2))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert first[0].shape[1:] == (16, 16, 1)
    assert first[0].dtype == np.float32


def test_groups_are_drawn_by_their_weights() -> None:
    weights = np.array([0.9, 0.1, 0, 0])
    views = views_of(4, weights=weights, steps=50)
    drawn = np.concatenate([views.make(0, step)[1] for step in range(50)]).sum(axis=0)
    assert drawn[2:].sum() == 0
    assert drawn[0] > 5 * drawn[1] > 0


def test_outlines_become_masks_in_the_networks_frame(tmp_path: Path) -> None:
    dataset = read_dataset(manifest_set(tmp_path, each=2))
    samples = [Sample(item) for item in dataset.items if item.label == "meningioma"]
    frames = load_frames_of(tmp_path, samples, 48, masks=True)
    assert frames.masks is not None
    for pixels, mask, lesion in zip(frames.pixels, frames.masks, frames.lesions, strict=True):
        assert pixels[mask].mean() > 200 > pixels[~mask].mean()
        assert lesion is not None
        rows, columns = np.nonzero(mask)
        np.testing.assert_allclose(lesion[:2], (columns.mean(), rows.mean()), atol=1.5)


def test_variants_differ_and_are_reproducible(tmp_path: Path) -> None:
    dataset = read_dataset(class_folders(tmp_path, each=2))
    samples = [Sample(dataset.items[0], variant) for variant in (0, 1, 2, 1)]
    pixels = load_frames_of(tmp_path, samples, 32).pixels
    np.testing.assert_array_equal(pixels[1], pixels[3])
    assert (pixels[0] != pixels[1]).any()
    assert (pixels[1] != pixels[2]).any()


def test_a_picture_without_a_mask_is_named(tmp_path: Path) -> None:
    dataset = read_dataset(class_folders(tmp_path, each=2))
    with pytest.raises(LayoutError, match=r"glioma/0\.png has no mask"):
        load_frames_of(tmp_path, [Sample(dataset.items[0])], 32, masks=True)


def test_batches_are_made_in_other_threads_and_yielded_in_order() -> None:
    makers = set()

    def make(step: int) -> tuple[np.ndarray, np.ndarray]:
        makers.add(threading.current_thread().name)
        return np.full(1, step, np.float32), np.zeros(1, np.float32)

    assert [int(batch[0][0]) for batch in prefetch(make, 30)] == list(range(30))
    assert all(name.startswith("views") for name in makers)


def test_an_error_in_a_thread_is_raised_and_nothing_is_left_running() -> None:
    def make(step: int) -> tuple[np.ndarray, np.ndarray]:
        if step == 3:
            raise ValueError("broken")
        return np.zeros(1, np.float32), np.zeros(1, np.float32)

    with pytest.raises(ValueError, match="broken"):
        list(prefetch(make, 30))
    assert not any(thread.name.startswith("views") for thread in threading.enumerate())
