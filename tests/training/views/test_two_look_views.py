from __future__ import annotations

from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from triage.domain import Finding
from triage.networks.lite0 import LOGITS
from triage.networks.twolook import MASK
from triage.training.views import two_look_views
from triage.training.views.two_look_views import (
    NOTUMOR,
    Picture,
    TwoLookViews,
    erase_lesion,
    extent,
    lesion_matrix,
    paste_lesion,
    region_off_lesion,
    strip_skull,
    warp,
    whole_slice_matrix,
)

SIDE = 320
GLIOMA = np.array([finding is Finding.GLIOMA for finding in Finding], np.float32)
PITUITARY = np.array([finding is Finding.PITUITARY for finding in Finding], np.float32)
UNTYPED = 1 - NOTUMOR


def head(target: np.ndarray, lesion: tuple[int, int, int] | None = (110, 170, 24), known: bool = True) -> Picture:
    """A gray disc, and in it a bright lesion at x, y of a radius."""
    frame = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(frame, (160, 160), 140, 90, -1)
    mask = np.zeros((SIDE, SIDE), np.uint8)
    if lesion is not None:
        cv2.circle(frame, lesion[:2], lesion[2], 220, -1)
        cv2.circle(mask, lesion[:2], lesion[2], 255, -1)
    return Picture(frame, target, mask if known else None)


HEALTHY = head(NOTUMOR, None)


def views_of(*pictures: Picture, size: int = 64, batch: int = 24) -> TwoLookViews:
    weights = np.full(len(pictures), 1 / len(pictures))
    return TwoLookViews(pictures, weights, size=size, batch=batch, seed=3, steps=2)


def test_a_batch_depends_only_on_seed_epoch_and_step() -> None:
    views = views_of(head(GLIOMA), HEALTHY)
    pictures, targets = views.make(1, 1)
    again, same = views.make(1, 1)
    other, _ = views.make(2, 1)
    assert pictures.shape == (24, 64, 64, 1)
    assert targets[LOGITS].shape == (24, 4)
    assert targets[MASK].shape == (24, 16, 16, 2)
    assert np.array_equal(pictures, again)
    assert np.array_equal(targets[MASK], same[MASK])
    assert not np.array_equal(pictures, other)


def test_tissues_change_their_order_in_the_requested_share_of_views(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    changed: list[NDArray[np.float32]] = []
    monkeypatch.setattr(two_look_views, "reorder_contrast", lambda view, rng: changed.append(view) or view)
    counts = {}
    for share in (0.0, 0.5):
        changed.clear()
        TwoLookViews([HEALTHY], np.ones(1), size=32, batch=200, seed=3, steps=1, reordered=share).make(0, 0)
        counts[share] = len(changed)
    assert counts[0.0] == 0
    assert 80 < counts[0.5] < 120


def test_the_mask_lies_on_the_lesion_in_both_looks() -> None:
    picture = head(GLIOMA)
    assert picture.lesion is not None
    rng = np.random.default_rng(0)
    for _ in range(20):
        for matrix in (whole_slice_matrix(SIDE, 160, rng), lesion_matrix(extent(picture.lesion), SIDE, 160, rng)):
            seen = warp(picture.frame.astype(np.float32), matrix, 160)
            mask = warp(picture.lesion.astype(np.float32), matrix, 160)
            assert seen[mask > 250].mean() > 210
            assert seen[mask < 5].max() < 120


def test_a_second_look_shows_the_lesion_at_its_own_scale() -> None:
    rng = np.random.default_rng(1)
    for radius in (20, 60):
        picture = head(GLIOMA, (150, 150, radius))
        assert picture.lesion is not None
        shares = [
            (
                warp(picture.lesion.astype(np.float32), lesion_matrix(extent(picture.lesion), SIDE, 96, rng), 96) > 127
            ).mean()
            for _ in range(30)
        ]
        assert 0.03 < np.mean(shares) < 0.35


def test_a_slice_with_an_erased_lesion_is_healthy() -> None:
    without = erase_lesion(head(GLIOMA))
    assert without is not None
    assert without.healthy
    assert without.frame.max() < 100
    assert not without.outlined
    assert erase_lesion(head(GLIOMA, (160, 160, 30))) is None, "what lies opposite is the lesion itself"


def test_skull_stripping_keeps_the_lesion() -> None:
    rng = np.random.default_rng(0)
    deep = head(GLIOMA)
    assert deep.lesion is not None
    for _ in range(10):
        frame = strip_skull(deep.frame, deep.lesion, rng)
        assert not frame[160, :22].any(), "the outermost layer is gone"
        assert frame[160, 160] == 90
        assert frame[170, 110] == 220
    superficial = head(GLIOMA, (32, 160, 12))
    assert np.array_equal(strip_skull(superficial.frame, superficial.lesion, rng), superficial.frame)


def test_a_head_that_fills_the_frame_is_stripped_from_its_border() -> None:
    frame = np.full((SIDE, SIDE), 90, np.uint8)
    without = strip_skull(frame, None, np.random.default_rng(0))
    assert not without[:8].any()
    assert without[SIDE // 2, SIDE // 2] == 90


def test_a_pasted_lesion_sets_label_and_mask() -> None:
    rng = np.random.default_rng(2)
    made = [found for _ in range(20) if (found := paste_lesion(HEALTHY, head(GLIOMA), rng)) is not None]
    assert len(made) > 5
    for picture in made:
        assert picture.outlined
        assert np.array_equal(picture.target, GLIOMA)
        assert picture.lesion is not None
        assert picture.frame.max() > 120


def test_only_lesions_without_a_fixed_place_are_pasted() -> None:
    assert len(views_of(head(GLIOMA), HEALTHY).donors) == 1
    assert views_of(head(PITUITARY), HEALTHY, head(UNTYPED, known=False)).donors == []


def test_a_tumour_without_an_outline_is_never_cropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_look_views, "photometric", lambda view, _: view)
    monkeypatch.setattr(two_look_views, "REMAPPED_SHARE", 0.0)
    views = views_of(head(UNTYPED, known=False))
    rng = np.random.default_rng(0)
    for _ in range(30):
        view = views.view(views.pictures[0], rng)
        assert view.mask is None
        assert np.array_equal(view.target, UNTYPED)
        corners = view.frame[[0, 0, -1, -1], [0, -1, 0, -1]]
        assert corners.min() < view.frame[24:40, 24:40].mean() - 10, "the border of the head is in the picture"


def test_a_located_tumour_gets_second_looks_without_a_mask_target(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(two_look_views, "SECOND_LOOK_SHARE", 1.0)
    x, y, length = 200.0, 120.0, 60.0
    shown: list[tuple[float, float, float]] = []
    real = two_look_views.lesion_matrix

    def noted(box: tuple[float, float, float], *rest: Any) -> NDArray[np.float64]:
        shown.append(box)
        return real(box, *rest)

    monkeypatch.setattr(two_look_views, "lesion_matrix", noted)
    views = views_of(replace(head(UNTYPED, known=False), located=(x, y, length)))
    for seed in range(10):
        view = views.view(views.pictures[0], np.random.default_rng(seed))
        assert view.mask is None, "the location by a network is not a mask target"
        assert np.array_equal(view.target, UNTYPED)
    assert shown == [(x, y, length)] * 10


def test_a_second_look_away_from_the_lesion_is_labelled_no_tumour() -> None:
    views = views_of(head(GLIOMA))
    rng = np.random.default_rng(0)
    seen = [views.view(views.pictures[0], rng) for _ in range(200)]
    beside = [view for view in seen if np.array_equal(view.target, NOTUMOR)]
    assert beside
    for view in seen:
        assert view.mask is not None
        if np.array_equal(view.target, GLIOMA):
            assert (view.mask > 127).mean() > 0.004


def test_the_region_off_the_lesion_is_outside_it() -> None:
    lesion = head(GLIOMA, (160, 160, 60)).lesion
    assert lesion is not None
    rng = np.random.default_rng(0)
    places = [region_off_lesion(lesion, SIDE, rng) for _ in range(50)]
    assert np.mean([lesion[int(y), int(x)] > 0 for x, y, _ in places]) < 0.05
    with pytest.raises(IndexError):
        extent(np.zeros((4, 4), np.uint8))
