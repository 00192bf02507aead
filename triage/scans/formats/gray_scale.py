"""Stored values to 16-bit gray values: one scale for all slices of a series, so that they compare."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from triage.errors import RefusedError

Stored = NDArray[np.integer] | NDArray[np.floating]
Floats = NDArray[np.float64]
#: What a stored value means as gray; a function of that value alone.
Tone = Callable[[Stored], Floats]
WHITE = 65535.0
#: Stored values up to this range are worked out once each and looked up, instead of once for every pixel.
TABULATED = 2**16


def to_uint16(
    slices: Sequence[Stored], tones: Sequence[Tone], limits: tuple[float, float] | None = None
) -> list[NDArray[np.uint16]]:
    """Spread gray values over 16 bits.

    Parameters
    ----------
    slices
        Of one series. Integers of 16 bits are overwritten by the result, which halves the memory that a study takes.
    tones
        One for each slice.
    limits
        Gray values that become 0 and 65535; by default the lowest and the highest of the whole series.

    Raises
    ------
    RefusedError
        If a gray value is no finite number.
    """
    if not slices:
        return []
    if limits is None:
        ends = [_ends(_table(stored, tone)[0]) for stored, tone in zip(slices, tones, strict=True)]
        limits = min(low for low, _ in ends), max(high for _, high in ends)
    low, high = limits
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RefusedError("The pixels are not all numbers (NaN or infinity). Replace them and export again.")
    return [_spread(stored, tone, low, high) for stored, tone in zip(slices, tones, strict=True)]


def _spread(stored: Stored, tone: Tone, low: float, high: float) -> NDArray[np.uint16]:
    table, first = _table(stored, tone)
    # A series of one value is black.
    gray = np.rint((table - low) * (WHITE / ((high - low) or 1))).clip(0, WHITE).astype(np.uint16)
    if first is None:
        return gray
    out = stored.view(np.uint16) if stored.dtype.itemsize == 2 and stored.flags.writeable else None
    return gray.take(stored.astype(np.intp) - first, out=out, mode="clip")


def _table(stored: Stored, tone: Tone) -> tuple[Floats, int | None]:
    """Gray by stored value, from the first one on; where there are too many values, by pixel, and no first."""
    low, high = _ends(stored)
    if isinstance(low, int) and high - low < TABULATED:
        return tone(np.arange(low, int(high) + 1)), low
    return tone(stored), None


def _ends(values: NDArray[np.generic]) -> tuple[float, float]:
    return values.min().item(), values.max().item()
