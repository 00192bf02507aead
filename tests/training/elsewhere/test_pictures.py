from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from drawn import head

from triage.training.elsewhere.pictures import Packed, PackError, read_pictures, write_pictures
from triage.training.views.two_look_views import NOTUMOR, Picture

SIDE = 320


def pictures() -> Packed:
    lesion = np.zeros((SIDE, SIDE), np.uint8)
    cv2.circle(lesion, (110, 170), 24, 255, -1)
    frames = [head("glioma", seed, SIDE) for seed in range(4)]
    known = [
        Picture(frames[0], 1 - NOTUMOR, lesion),
        Picture(frames[1], NOTUMOR, np.zeros_like(lesion)),
        Picture(frames[2], 1 - NOTUMOR, None, (100.5, 60.25, 20.0)),
        Picture(frames[3], 1 - NOTUMOR, None),
    ]
    return Packed(known, np.array([0.4, 0.3, 0.2, 0.1]), np.array([[True] * 4, [True, False, True, False]]))


def test_pictures_come_back_with_all_that_is_known_of_them(tmp_path: Path) -> None:
    written = pictures()
    assert write_pictures(tmp_path / "pictures.npz", written, 1_000_000) == 90
    read = read_pictures(tmp_path / "pictures.npz")
    np.testing.assert_array_equal(read.weights, written.weights)
    np.testing.assert_array_equal(read.allowed, written.allowed)
    for number, (before, after) in enumerate(zip(written.pictures, read.pictures, strict=True)):
        assert np.abs(before.frame.astype(int) - after.frame).mean() < 4
        np.testing.assert_array_equal(after.target, before.target)
        assert (after.located, after.made_of) == (before.located, (number,))
        assert (after.lesion is None) is (before.lesion is None)
        if before.lesion is not None:
            np.testing.assert_array_equal(after.lesion, before.lesion)


def test_the_frames_are_as_good_as_the_budget_allows(tmp_path: Path) -> None:
    path = tmp_path / "pictures.npz"
    write_pictures(path, pictures(), 1_000_000)
    budget = path.stat().st_size * 2 // 3
    assert write_pictures(path, pictures(), budget) < 90
    assert path.stat().st_size <= budget
    with pytest.raises(PackError, match="Allow more --megabytes"):
        write_pictures(path, pictures(), 5_000)


def test_a_picture_of_any_other_side_fits_too(tmp_path: Path) -> None:
    one = Picture(head("glioma", 0, 64), NOTUMOR, np.zeros((64, 64), np.uint8))
    packed = Packed([one], np.ones(1), np.ones((1, 1), bool))
    write_pictures(tmp_path / "pictures.npz", packed, 1_000_000)
    (read,) = read_pictures(tmp_path / "pictures.npz").pictures
    assert read.frame.shape == (64, 64)
    assert replace(read, frame=one.frame).healthy
