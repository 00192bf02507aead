"""Windows of a series in the values of its files: presets, and whether the window that a file states shows anything."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from triage.domain import Series, Slice

#: Presets of the window by name: percentiles of the tissue that become black and white.
PRESETS = {
    "brain": (5.0, 99.0),
    "contrast": (20.0, 99.9),
    "T2": (2.0, 99.7),
    "FLAIR": (30.0, 99.7),
    "full": (0.0, 100.0),
}
#: Percentiles of all pixels that become black and white where the file states no window that shows anything.
PLAIN = (0.5, 99.8)
#: Slices of a series, and every so many rows and columns of them, that are looked at for the presets.
SAMPLED_SLICES = 24
SAMPLED = 4
#: Share of the range of a sample below which a pixel is air, not tissue.
AIR = 0.08
#: A window of the file is not believed if less than this share of its width lies within the values.
BELIEVED = 0.05


def window_presets(series: Series) -> dict[str, tuple[float, float]]:
    """Return centre and width of each preset in the values of the series; MR has no units that would hold everywhere.

    Beside `PRESETS` there is ``"plain"``, where the viewer starts without a window of the file.
    """
    every = max(len(series.slices) // SAMPLED_SLICES, 1)
    sign = -1.0 if series.slices[0].meaning.slope < 0 else 1.0  # so that more is brighter
    shades = sign * np.concatenate([_values(one, one.pixels[::SAMPLED, ::SAMPLED]) for one in series.slices[::every]])
    low = float(shades.min())
    tissue = shades[shades > low + AIR * (np.percentile(shades, 99.5) - low)]
    found = {name: np.percentile(tissue if tissue.size else shades, ends) for name, ends in PRESETS.items()}
    found["plain"] = np.percentile(shades, PLAIN)
    ends = np.concatenate([_values(one, np.array([one.pixels.min(), one.pixels.max()])) for one in series.slices])
    found["full"] = np.array([(sign * ends).min(), (sign * ends).max()])
    narrowest = abs(series.slices[0].meaning.slope)  # one gray value
    return {
        name: (_six(sign * (dark + bright) / 2), _six(max(bright - dark, narrowest)))
        for name, (dark, bright) in found.items()
    }


def shows(window: tuple[float, float] | None, full: Sequence[float]) -> bool:
    """Return whether a window of a file lies over the values; some state one of another picture.

    Parameters
    ----------
    window
        Centre and width; None if the file states none.
    full
        The preset ``"full"``.
    """
    if window is None:
        return False
    low, high = (full[0] - full[1] / 2, full[0] + full[1] / 2)
    overlap = min(window[0] + window[1] / 2, high) - max(window[0] - window[1] / 2, low)
    return overlap > BELIEVED * min(window[1], high - low or window[1])


def _six(value: float) -> float:
    """Return a number with six digits: values may be far below 1, as those of diffusion maps."""
    return float(f"{value:.6g}")


def _values(one: Slice, gray: NDArray[np.generic]) -> NDArray[np.float64]:
    return gray.astype(np.float64).ravel() * one.meaning.slope + one.meaning.intercept
