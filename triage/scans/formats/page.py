"""Cut a slice out of the white page of a document: captions are no part of it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy import ndimage

from triage.domain import Slice

#: Gray values of paper, in parts of the brightest of the picture.
PAPER = 0.97
#: Of the rows and columns within a picture on a page, at least this share is no paper.
FULL = 0.98
#: Share of dark pixels along the border of a slice, and what is dark.
DARK_BORDER = 0.75
DARK = 0.15
#: Smaller pictures on a page are letters or thumbnails: pixels.
MIN_SIDE = 64


def cut_from_page(picture: Slice) -> Slice:
    """Return the rectangular picture with a dark border that lies on a white page; any other picture as it is.

    A head that lies on white without a dark rectangle around it stays: whether it is inverted cannot be known.

    Parameters
    ----------
    picture
        As decoded from PNG or JPEG.
    """
    pixels = picture.pixels
    white = pixels.max()
    if np.count_nonzero(pixels[[0, 0, -1, -1], [0, -1, 0, -1]] >= PAPER * white) < 2:
        return picture  # almost all pictures
    pieces, _ = ndimage.label(pixels >= PAPER * white)
    page = np.unique(np.concatenate([pieces[0], pieces[-1], pieces[:, 0], pieces[:, -1]]))
    printed, count = ndimage.label(~np.isin(pieces, page[page > 0]))
    if not count:
        return picture
    largest = int(np.bincount(printed.ravel())[1:].argmax())
    rows, columns = ndimage.find_objects(printed)[largest]
    found = pixels[rows, columns]
    border = np.concatenate([found[0], found[-1], found[:, 0], found[:, -1]])
    is_picture = (
        min(found.shape) >= MIN_SIDE
        and np.mean(printed[rows, columns] == largest + 1) >= FULL
        and np.mean(border <= DARK * white) >= DARK_BORDER
    )
    return replace(picture, pixels=np.ascontiguousarray(found)) if is_picture else picture
