"""Stored values to 16-bit gray values, on one scale for all slices of a series, so that they can be compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from triage.errors import RefusedError

Stored = NDArray[np.integer] | NDArray[np.floating]
Floats = NDArray[np.float64]
#: Maps stored values to gray values, each independently of the others.
Tone = Callable[[Stored], Floats]
#: Largest 16-bit gray value.
WHITE = 65535.0
#: Up to this range of stored values, a look-up table is faster than computing every pixel.
MAX_TABULATED = 2**16


def to_uint16(
    slices: Sequence[Stored], tones: Sequence[Tone], limits: tuple[float, float] | None = None
) -> list[NDArray[np.uint16]]:
    """Scale gray values to 16 bits.

    Parameters
    ----------
    slices
        Slices of one series. 16-bit integers are overwritten by the result, which halves the memory of a study.
    tones
        One per slice.
    limits
        Gray values that become 0 and 65535; by default the lowest and the highest of the whole series.

    Raises
    ------
    RefusedError
        If a gray value is not finite.
    """
    if not slices:
        return []
    if limits is None:
        ends = [_ends(_table(stored, tone)[0]) for stored, tone in zip(slices, tones, strict=True)]
        limits = min(low for low, _ in ends), max(high for _, high in ends)
    low, high = limits
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RefusedError("The pixels are not all numbers (NaN or infinity). Replace them and export again.")
    return [_scaled(stored, tone, low, high) for stored, tone in zip(slices, tones, strict=True)]


def _scaled(stored: Stored, tone: Tone, low: float, high: float) -> NDArray[np.uint16]:
    table, first = _table(stored, tone)
    # A series with a single value becomes black.
    gray = np.rint((table - low) * (WHITE / ((high - low) or 1))).clip(0, WHITE).astype(np.uint16)
    if first is None:
        return gray
    out = stored.view(np.uint16) if stored.dtype.itemsize == 2 and stored.flags.writeable else None
    return gray.take(stored.astype(np.intp) - first, out=out, mode="clip")


def _table(stored: Stored, tone: Tone) -> tuple[Floats, int | None]:
    """Return the gray values by stored value and the lowest stored value; by pixel and None for too many values."""
    low, high = _ends(stored)
    if isinstance(low, int) and high - low < MAX_TABULATED:
        return tone(np.arange(low, int(high) + 1)), low
    return tone(stored), None


def _ends(values: NDArray[np.generic]) -> tuple[float, float]:
    return values.min().item(), values.max().item()
