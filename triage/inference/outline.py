"""Where a tumour is outlined: the network's mask, laid on its slice and agreed on with the slices beside it.

A tumour goes on from slice to slice and a false mask seldom does, so neighbours have a say: half of a slice's mask is
its own, a quarter comes from either side (the binomial filter of three, across the slices).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.domain import Finding, Placement, Score, Slice, likeliest

Mask = NDArray[np.float32]
#: A tumour is outlined from this probability on. Below one half, since the network leaves out the dark rims that
#: radiologists outline; chosen on the trials, see docs/model-log.md.
OUTLINED = 0.35
#: What the mask of a slice on either side counts.
BESIDE = 0.25


def tumour_on(score: Score, shape: tuple[int, ...]) -> Mask | None:
    """Return the probability of tumour on a slice of that shape; 0 everywhere where none is called.

    None for a slice that the network is not familiar with: nothing it says of that one means anything.
    """
    if not score.familiar:
        return None
    if likeliest(score.probabilities) is Finding.NOTUMOR:
        return np.zeros(shape, np.float32)
    return laid_out(score.mask, score.placement, shape)


def laid_out(mask: Mask, placement: Placement, shape: tuple[int, ...]) -> Mask:
    """Lay the mask of the network's frame back on its slice.

    Parameters
    ----------
    mask
        ``(rows, columns)`` probabilities over the frame.
    placement
        Where the frame lies on the slice.
    shape
        Height and width of the slice: pixels.

    Returns
    -------
    mask
        Of that shape; 0 where the frame does not reach.
    """
    height, width = shape
    rows, columns = mask.shape
    # From the pixels of the slice to those of the mask, as Pillow wants it.
    x, y = columns / placement.side, rows / placement.side
    affine = (x, 0.0, -placement.left * x, 0.0, y, -placement.top * y)
    image = Image.fromarray(mask.astype(np.float32))
    laid = image.transform((width, height), Image.Transform.AFFINE, affine, Image.Resampling.BILINEAR)
    return np.clip(np.asarray(laid, np.float32), 0, 1)


def beside(slices: Sequence[Slice], at: int, step: int) -> list[int]:
    """Return which slices of a series show the tissue next to one: none of pictures that do not say where they lie.

    Parameters
    ----------
    slices
        Of the series, in anatomical order.
    at
        The slice.
    step
        Every how many slices one is scored, see `triage.inference.study.step`: thin slices next to each other show the
        same tissue.
    """
    places = [place for place in (at - step, at + step) if 0 <= place < len(slices)]
    if slices[at].height is None:
        return []
    same = slices[at].pixels.shape
    return [place for place in places if slices[place].height is not None and slices[place].pixels.shape == same]


def agreed(own: Mask, neighbours: Iterable[Mask | None]) -> Mask:
    """Return what a slice's mask comes to with those beside it, two at most; its own stands in for one that lacks."""
    others = [mask for mask in neighbours if mask is not None]
    mask = (1 - BESIDE * len(others)) * own
    for other in others:
        mask += BESIDE * other
    return mask
