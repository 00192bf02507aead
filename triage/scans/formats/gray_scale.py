"""Stored values to 16-bit gray values, on one scale for all slices of a series, so that they can be compared."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from triage.errors import RefusedError

Stored = NDArray[np.integer] | NDArray[np.floating]
Floats = NDArray[np.float64]
#: Largest 16-bit gray value.
WHITE = 65535.0
NO_NUMBERS = "The pixels are not numbers (NaN or infinity). Replace them and export again."
#: Percentiles of a slice that bound its tissue; single bright voxels and the coldest noise lie beyond.
TISSUE = (1.0, 99.0)
#: What is kept beyond the tissue on either side, in parts of its range. Vessels, fat and fluid are within a few parts;
#: the tissue keeps at least 65536 / 15, 4369 levels, more than the 12 bits of most scanners.
HEADROOM = 7.0
#: Every so many rows and columns are looked at to find the tissue.
SAMPLED = 3
#: A value that fills the frame around a round or turned picture takes up so much of the border, and lies so far below
#: the rest, in parts of its range, or farther where it does not border on air. Noise reaches so far below the dark end
#: of the rest.
FILLED_BORDER = 0.25
FAR = 0.25
FARTHER = 2.0
NEAR = 0.05
#: Width of the rim beside the filler, in pixels, and the part of it that is air.
BESIDE = 3
AIR_BESIDE = 0.8


@dataclass(frozen=True, slots=True)
class Line:
    """Gray value = slope x stored value + intercept; a negative slope exchanges dark and bright."""

    slope: float = 1.0
    intercept: float = 0.0


def to_uint16(slices: Sequence[Stored], lines: Sequence[Line]) -> tuple[list[NDArray[np.uint16]], Line]:
    """Bring gray values to 16 bits; what only fills the frame becomes dark, even if no header names its value.

    Integers that are all mapped by one line and span no more than 16 bits keep their steps: the darkest becomes 0.
    Other values are spread over 16 bits; outliers beyond `HEADROOM` saturate, so that the tissue keeps its levels.

    Parameters
    ----------
    slices
        Slices of one series. 16-bit integers are overwritten by the result, which halves the memory of a study.
    lines
        One per slice.

    Returns
    -------
    list of ndarray, Line
        The slices, and the line that leads back from them to the gray values.

    Raises
    ------
    RefusedError
        If no value, or not the range of the values, is a finite number. Other values that are none become dark.
    """
    if not slices:
        return [], Line()
    slices = _without_filler(slices, lines)
    if len(set(lines)) == 1 and all(stored.dtype.kind in "iu" for stored in slices):
        low = min(int(stored.min()) for stored in slices)
        high = max(int(stored.max()) for stored in slices)
        if high - low < 2**16:
            slope, dark = lines[0].slope, low if lines[0].slope > 0 else high
            back = Line(abs(slope), slope * dark + lines[0].intercept)
            return [_from(low, stored) if slope > 0 else _down_from(high, stored) for stored in slices], back
    with np.errstate(over="ignore", invalid="ignore"):
        low_end, high_end = _limits(slices, lines)
        back = Line(((high_end - low_end) or 1) / WHITE, low_end)
        return [_spread(stored, line, low_end, high_end) for stored, line in zip(slices, lines, strict=True)], back


def _without_filler(slices: Sequence[Stored], lines: Sequence[Line]) -> Sequence[Stored]:
    """Return the slices with the dark end of their pixels in place of what fills the frame around them."""
    found = next(filter(None, map(_filler, slices)), None)
    if found is None:
        return slices
    least, dark = found
    bright = max(stored.max() for stored in slices)
    return [
        np.where(stored < least, stored.dtype.type(bright if line.slope < 0 else dark), stored)
        for stored, line in zip(slices, lines, strict=True)
    ]


def _filler(stored: Stored) -> tuple[float, float] | None:
    """Return the least value of the rest and its dark end, which are above what fills the border; None without filler.

    The filler is negative, which the magnitude of a signal is not, lies far below everything else, and borders on air;
    around a head that was cut out, it lies so far below that no signal is there.
    """
    low = float(stored.min())
    border = np.concatenate([stored[0], stored[-1], stored[:, 0], stored[:, -1]])
    if not low < 0 or np.mean(border == low) < FILLED_BORDER:
        return None
    filled = stored == low
    within = ~filled[1:-1, 1:-1]
    if not within.any():
        return None
    # Interpolation leaves values between both along the edge.
    dark, bright = np.percentile(stored[1:-1, 1:-1][within].astype(np.float64), (5, TISSUE[1]))
    beside = stored[ndimage.binary_dilation(filled, iterations=BESIDE) & ~filled]
    span = bright - dark
    on_air = np.quantile(beside, AIR_BESIDE) < dark + FAR * span
    is_filler = dark - low > (FAR if on_air else FARTHER) * span
    return (dark - NEAR * span, dark) if is_filler else None


def _from(low: int, stored: Stored) -> NDArray[np.uint16]:
    gray = _as_uint16(stored)
    return np.subtract(gray, np.uint16(low % 2**16), out=gray)


def _down_from(high: int, stored: Stored) -> NDArray[np.uint16]:
    gray = _as_uint16(stored)
    return np.subtract(np.uint16(high % 2**16), gray, out=gray)


def _as_uint16(stored: Stored) -> NDArray[np.uint16]:
    """Return the values modulo 2**16, which the difference of two of them undoes; in place where possible."""
    own = stored.dtype.itemsize == 2 and stored.dtype.isnative and stored.flags.writeable
    return stored.view(np.uint16) if own else stored.astype(np.uint16)


def _limits(slices: Sequence[Stored], lines: Sequence[Line]) -> tuple[float, float]:
    """Return the gray values that become 0 and 65535: the ends of all, or `HEADROOM` beyond the tissue if nearer."""
    ends, tissue, holes = [], [], False
    for stored, line in zip(slices, lines, strict=True):
        low, high = float(stored.min()), float(stored.max())
        if not (np.isfinite(low) and np.isfinite(high)):
            finite = stored[np.isfinite(stored)]
            if not finite.size:
                continue
            low, high, holes = float(finite.min()), float(finite.max()), True
        ends.append(sorted(end * line.slope + line.intercept for end in (low, high)))
        sample = stored[::SAMPLED, ::SAMPLED]
        sample = sample[np.isfinite(sample)]
        if sample.size:
            bounds = np.percentile(sample.astype(np.float64), TISSUE) * line.slope + line.intercept
            tissue.append((bounds.min(), bounds.max()))
    if not ends:
        raise RefusedError(NO_NUMBERS)
    low, high = np.min(ends, axis=0)[0], np.max(ends, axis=0)[1]
    if holes:
        low = min(low, 0.0)  # what is no number was masked: no signal, darker than the darkest tissue
    tissue = [(dark, bright) for dark, bright in tissue if bright > dark]  # the others hold one value
    if tissue:
        # A few damaged slices must not decide: the middle of the dark ends, the upper quarter of the bright ones.
        dark = float(np.median([dark for dark, _ in tissue]))
        bright = float(np.quantile([bright for _, bright in tissue], 0.75))
        room = HEADROOM * (bright - dark)
        low, high = max(low, dark - room), min(high, bright + room)
    if not (np.isfinite(low) and np.isfinite(high)):
        raise RefusedError("The range of the pixels is not a finite number. Replace the values and export again.")
    return float(low), float(high)


def _spread(stored: Stored, line: Line, low: float, high: float) -> NDArray[np.uint16]:
    # A series with a single value becomes black.
    scale = WHITE / ((high - low) or 1)
    gray = stored * np.float64(line.slope * scale)
    gray += (line.intercept - low) * scale
    np.rint(gray, out=gray)
    np.clip(gray, 0, WHITE, out=gray)
    if stored.dtype.kind == "f":
        gray[~np.isfinite(stored)] = 0
    return gray.astype(np.uint16)
