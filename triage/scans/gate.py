"""What cannot be judged is said, not guessed: the reasons for which a slice is not analysable."""

from __future__ import annotations

import numpy as np

from triage.domain import Slice

#: Smallest side that shows a lesion of a few millimetres: pixels.
MIN_SIDE = 64
#: Real slices, with coloured marks drawn on some, stay below 0.03; photographs lie above 0.1.
MAX_COLOURFULNESS = 0.10
#: Number of gray levels that even a heavily compressed slice exceeds.
MIN_LEVELS = 16
#: Part of the range between the 1st and the 99th percentile, relative to the depth of the file.
MIN_CONTRAST = 0.02


def not_analysable(picture: Slice) -> str | None:
    """Return why the slice cannot be judged, or None.

    Parameters
    ----------
    picture
        A decoded slice.
    """
    height, width = picture.pixels.shape
    if min(height, width) < MIN_SIDE:
        return f"Too small: {width} x {height} pixels, at least {MIN_SIDE} x {MIN_SIDE} are needed"
    if max(height, width) > 4 * min(height, width):
        return f"Not a slice: {width} x {height} pixels is a strip"
    if picture.colourfulness > MAX_COLOURFULNESS:
        return "A colour picture, not a gray MRI slice"
    low, high = np.percentile(picture.pixels, [1, 99])
    if high - low < MIN_CONTRAST * np.iinfo(picture.pixels.dtype).max and picture.pixels.dtype == np.uint8:
        return "Blank: hardly any contrast in the picture"
    if len(np.unique(picture.pixels)) < MIN_LEVELS:
        return "Blank or a drawing: too few gray levels for an MRI slice"
    return None
