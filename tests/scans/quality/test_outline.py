from __future__ import annotations

import numpy as np
import pytest

from triage.domain import Slice
from triage.scans.quality.gate import not_analysable, unlike_a_head
from triage.scans.quality.outline import outline, white_bone

SIDE = 118


def ellipse(across: float, down: float, x: float = 0.0) -> np.ndarray:
    columns, rows = np.meshgrid(np.linspace(-1, 1, SIDE), np.linspace(-1, 1, SIDE))
    return np.hypot((columns - x) / across, rows / down) < 1


def head(*layers: tuple[float, float]) -> np.ndarray:
    """Layers from the outside in: how much smaller than the head, and how gray."""
    gray = np.zeros((SIDE, SIDE), np.float32)
    for less, value in layers:
        gray[ellipse(0.7 - less, 0.8 - less)] = value
    return gray


MRI = head((0, 0.9), (0.06, 0.05), (0.14, 0.5))
CT = head((0, 0.3), (0.04, 1.0), (0.14, 0.4))


def test_an_ellipse_before_the_dark() -> None:
    seen = outline(ellipse(0.6, 0.8, 0.2).astype(np.float32))
    assert seen is not None
    assert (seen.corners, seen.share) == (4, 1)
    assert seen.fill == pytest.approx(np.pi / 4, abs=0.02)
    assert seen.width == pytest.approx(0.75, abs=0.02)
    assert seen.offset == pytest.approx(0.1, abs=0.01)
    assert (seen.cut, seen.similar) == (0, 1)


def test_what_an_edge_cuts_off_is_measured() -> None:
    seen = outline(ellipse(0.6, 0.8, -1.0).astype(np.float32))
    assert seen is not None
    assert seen.cut == pytest.approx(1, abs=0.02)


def test_pieces_of_one_size_are_counted() -> None:
    pair = ellipse(0.3, 0.5, -0.5) | ellipse(0.3, 0.5, 0.5)
    label = np.zeros_like(pair)
    label[2:9, 2:30] = True
    seen = outline((pair | label).astype(np.float32))
    assert seen is not None
    assert seen.similar == 2


def test_what_is_dark_within_belongs_to_it() -> None:
    seen = outline(MRI)
    assert seen is not None
    assert seen.inside.sum() == ellipse(0.7, 0.8).sum()


def test_nothing_has_no_outline() -> None:
    assert outline(np.zeros((SIDE, SIDE), np.float32)) is None


@pytest.mark.parametrize(("gray", "low", "high"), [(MRI, 0, 0.05), (CT, 0.95, 1), (head((0, 0.6)), 0, 0)])
def test_white_bone_is_seen_on_ct_alone(gray: np.ndarray, low: float, high: float) -> None:
    seen = outline(gray)
    assert seen is not None
    assert low <= white_bone(gray, seen.inside) <= high


def shown(gray: np.ndarray, spacing: tuple[float, float] | None = None) -> str:
    noisy = 255 * gray + np.random.default_rng(0).normal(4, 2, gray.shape)
    picture = Slice(np.clip(noisy, 0, 255).astype(np.uint8).repeat(2, 0).repeat(2, 1), 0.0, spacing)
    return not_analysable(picture) or unlike_a_head(picture) or ""


def test_the_gate_says_what_it_sees() -> None:
    assert shown(MRI) == ""
    assert "CT" in shown(CT)
    assert "trunk" in shown(np.where(ellipse(0.9, 0.6), MRI.max(), 0) * 0.6)
    assert shown(np.where(ellipse(0.4, 0.5, -0.4), 0.6, 0)) == ""
    assert "one side" in shown(np.where(ellipse(0.5, 0.6, -0.9), 0.6, 0))
    assert "one side" in shown(np.where(ellipse(0.3, 0.8, -0.4), 0.6, 0)), "a strip, like the spine"
    assert "air" in shown(np.tile(np.linspace(0.1, 0.9, SIDE), (SIDE, 1)))
    disc = ellipse(0.15, 0.15)
    several = disc | np.roll(disc, 35, 0) | np.roll(disc, -35, 1)
    assert shown(np.where(several, 0.6, 0)).startswith("Several slices in one picture")
    places = [(x, y) for x in (-40, 0, 40) for y in (-40, 0, 40)]
    scattered = np.any([np.roll(ellipse(0.14, 0.14), place, (0, 1)) for place in places], axis=0) | ellipse(0.3, 0.3)
    assert "many pieces" in shown(np.where(scattered, 0.6, 0))


def test_pixels_need_not_be_square() -> None:
    wide = np.where(ellipse(0.9, 0.6), 0.6, 0)
    assert shown(wide, (1.0, 0.6)) == ""
    assert "trunk" in shown(MRI, (0.5, 1.0))
