"""Augmentation that imitates the contrast of other MRI sequences.

Nearly all tumours with a recorded type are on T1 with contrast, and the few on other sequences are of one type. Without
this augmentation, a network could infer the type from the sequence.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from triage.training.views.augment import Frame

#: Mean brightness of a neighbourhood, 0 to 1, below which it counts as air.
MAX_AIR_BRIGHTNESS = 0.08


def remap_intensities(frame: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Map gray values by a random curve, not necessarily a monotone one; black stays black.

    Adapted from the non-linear intensity transform of Zhou et al., "Models Genesis" (Medical Image Analysis 2021). The
    result is mixed with the original by a random share and stretched as `triage.inference.preprocess.prepare` does.
    """
    curve = PchipInterpolator(np.linspace(0, 255, 4), [0, *rng.uniform(0, 255, 3)])(np.arange(256))
    share = rng.uniform()
    mixed = ((1 - share) * np.arange(256) + share * curve)[frame]
    return np.asarray(np.clip(mixed * (255 / max(np.percentile(mixed, 99.5), 1)), 0, 255), np.uint8)


def reorder_contrast(view: Frame, rng: np.random.Generator) -> Frame:
    """Change the order of brightness of the tissues in a view; air stays dark.

    Half of the curves are decreasing (fluid and oedema are dark on T1 and bright on T2), the others are random. Their
    knots follow the histogram of the view, so a brain that is dim next to bright fat changes more than with
    `remap_intensities`. The idea is from Zhou et al., "Generalizable cross-modality medical image segmentation via
    style augmentation and dual normalization" (CVPR 2022).

    Parameters
    ----------
    view
        ``(side, side)`` float32, 0 to 255.
    rng
        Random number generator.

    Returns
    -------
    ndarray
        ``(side, side)`` float32, 0 to 255.
    """
    x = view / 255
    around = cv2.GaussianBlur(x, (0, 0), view.shape[0] / 75)
    tissue = x[around > MAX_AIR_BRIGHTNESS]
    if tissue.size == 0:
        return view
    # Halfway between even knots and those of the histogram: even ones hardly change a brain below bright fat, those of
    # the histogram amplify its noise.
    spread = np.quantile(tissue, (0.02, 0.25, 0.5, 0.75, 0.98))
    knots = (spread + np.linspace(spread[0], spread[-1], 5)) / 2
    if rng.random() < 0.5:
        heights = np.linspace(rng.uniform(0.7, 1.0), rng.uniform(0.1, 0.4), 5) + rng.normal(0, 0.08, 5)
    else:
        heights = rng.uniform(0.05, 1, 5)
    changed = np.interp(x, knots, np.clip(heights, 0, 1))
    return np.asarray(255 * changed * np.clip(around / MAX_AIR_BRIGHTNESS - 0.5, 0, 1), np.float32)
