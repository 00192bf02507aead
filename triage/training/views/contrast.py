"""Other sequences: the same head with other gray values, so that they do not tell the type of a tumour.

Typed tumours are nearly all on T1 with contrast, and the few others are of one type.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator

from triage.training.views.augment import Frame

#: Brightness, 0 to 1, below which a neighbourhood is air.
AIR = 0.08


def curved(frame: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Run gray values through a random curve, not always a rising one, that leaves black as it is.

    After the curves of Zhou et al., "Models Genesis" (Medical Image Analysis 2021); mixed with the picture as it was in
    random parts, and stretched again, as `triage.inference.preprocess.prepare` does.
    """
    curve = PchipInterpolator(np.linspace(0, 255, 4), [0, *rng.uniform(0, 255, 3)])(np.arange(256))
    share = rng.uniform()
    mixed = ((1 - share) * np.arange(256) + share * curve)[frame]
    return np.asarray(np.clip(mixed * (255 / max(np.percentile(mixed, 99.5), 1)), 0, 255), np.uint8)


def reordered(view: Frame, rng: np.random.Generator) -> Frame:
    """Give the tissues of a view another order of brightness; air stays dark.

    Half of the curves fall from the darkest tissue to the brightest, as fluid and oedema are dark on T1 and bright on
    T2; the others go up and down at random. They bend where the view's own gray values lie, and so change a brain that
    is dim beside bright fat more than `curved` does. The idea is that of Zhou et al., "Generalizable cross-modality
    medical image segmentation via style augmentation and dual normalization" (CVPR 2022).

    Parameters
    ----------
    view
        ``(side, side)`` float32, 0 to 255.
    rng
        Source of all randomness.

    Returns
    -------
    ndarray
        ``(side, side)`` float32, 0 to 255.
    """
    x = view / 255
    around = cv2.GaussianBlur(x, (0, 0), view.shape[0] / 75)
    tissue = x[around > AIR]
    if tissue.size == 0:
        return view
    # Halfway between even steps and those of the histogram: the former hardly move the brain below bright fat, the
    # latter make its noise coarse.
    spread = np.quantile(tissue, (0.02, 0.25, 0.5, 0.75, 0.98))
    knots = (spread + np.linspace(spread[0], spread[-1], 5)) / 2
    if rng.random() < 0.5:
        heights = np.linspace(rng.uniform(0.7, 1.0), rng.uniform(0.1, 0.4), 5) + rng.normal(0, 0.08, 5)
    else:
        heights = rng.uniform(0.05, 1, 5)
    changed = np.interp(x, knots, np.clip(heights, 0, 1))
    return np.asarray(255 * changed * np.clip(around / AIR - 0.5, 0, 1), np.float32)
