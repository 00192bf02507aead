"""Copies of known pictures among others."""

from __future__ import annotations

import numpy as np
from drawn import draw_head
from PIL import Image, ImageEnhance

from triage.copies.descriptors import Heads, gather, head_of
from triage.copies.search import find_in


def heads(*pictures: Image.Image) -> Heads:
    return gather([head_of(np.asarray(picture)) for picture in pictures])


def test_it_finds_what_was_cropped_brightened_or_mirrored() -> None:
    known = heads(*(draw_head(seed) for seed in range(8)))
    altered = heads(
        draw_head(3).crop((14, 10, 250, 240)),
        ImageEnhance.Brightness(draw_head(5)).enhance(1.2),
        draw_head(6).transpose(Image.Transpose.FLIP_LEFT_RIGHT).resize((180, 180)),
        draw_head(20),
    )
    pairs = find_in(altered, known)
    assert list(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == [(0, 3), (1, 5), (2, 6)]


def test_it_finds_that_the_known_one_was_cropped() -> None:
    pairs = find_in(heads(draw_head(3), draw_head(4)), heads(draw_head(3).crop((14, 10, 250, 240))))
    assert (pairs.first.tolist(), pairs.second.tolist()) == ([0], [0])


def test_it_does_not_compare_within_a_group() -> None:
    twice = heads(draw_head(1), draw_head(1), draw_head(1))
    groups = np.array(["a", "a", "b"])
    pairs = find_in(twice, twice, groups=(groups, groups))
    assert set(zip(pairs.first.tolist(), pairs.second.tolist(), strict=True)) == {(0, 2), (1, 2), (2, 0), (2, 1)}


def test_nothing_and_blank_pictures_have_no_copies() -> None:
    blank = head_of(np.zeros((64, 64), np.uint8))
    for pictures, known in ((gather([]), blank), (blank, gather([])), (blank, blank)):
        assert len(find_in(pictures, known).first) == 0
