"""The outlines of readers in an export: which of them count, and the masks as pictures."""

from __future__ import annotations

import io
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from triage.domain import Finding, Series
from triage.records.marked import Mask, marker
from triage.records.marks import SignedMarks, latest
from triage.records.views import Study


class Outlines:
    """The outlines of a study that count: the latest of a reader that were signed with the finding that holds now.

    Parameters
    ----------
    study
        With at least one reading.
    series
        Its decoded series.
    signed
        What was marked for its readings, in their order.

    Attributes
    ----------
    masks
        By series and slice, from 0. Empty for a study without a tumour.
    reading
        Number of the reading that they were signed with, from 1; 0 without outlines.
    """

    def __init__(self, study: Study, series: Sequence[Series], signed: Sequence[SignedMarks]) -> None:
        self.masks: dict[tuple[int, int], Mask] = {}
        self.reading = 0
        finding = study.readings[-1].finding
        if finding is Finding.NOTUMOR:
            return
        for marks in reversed(latest(signed, study.readings)):
            if marks.marks.masks and study.readings[marks.version - 1].finding is finding:
                self.masks, self.reading = _placed(study, series, marks), marks.version
                return

    @property
    def lesions(self) -> dict[tuple[int, int], bool]:
        """Whether the mask holds a lesion; a reader who empties it says that there is none on the slice."""
        return {place: not mask.is_empty for place, mask in self.masks.items()}

    def png(self, place: tuple[int, int]) -> bytes | None:
        """Return the mask of a slice as a picture, 255 inside; None for a slice without one."""
        mask = self.masks.get(place)
        return None if mask is None else png_of(mask.pixels.astype(np.uint8) * np.uint8(255))

    def origin(self, place: tuple[int, int]) -> str:
        """Return `Mask.origin` of the mask of a slice."""
        return self.masks[place].origin or ""


def png_of(pixels: NDArray[np.uint8] | NDArray[np.uint16]) -> bytes:
    """Return gray values as a PNG, without loss."""
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    return buffer.getvalue()


def _placed(study: Study, series: Sequence[Series], signed: SignedMarks) -> dict[tuple[int, int], Mask]:
    """Return the masks by the place of their slices; one of another size than its slice is left out."""
    found = {}
    for number, one in enumerate(series):
        for at, slice_ in enumerate(one.slices):
            name = marker(study.instances[slice_.instance].sha256, slice_.frame)
            mask = signed.marks.masks.get(name)
            if mask is not None and (mask.rows, mask.columns) == slice_.pixels.shape:
                found[number, at] = mask
    return found
