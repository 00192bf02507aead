"""An open study as the viewer in the browser wants to know it, before it asks for pixels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
from numpy.typing import NDArray

from triage.domain import Finding, Series, Slice
from triage.records.same_patient import Other
from triage.scans import reformat
from triage.scans.formats.geometry import DISPLAY, Orientation, edges, orientation_of
from triage.text import one_line
from triage.web.opened import Opened

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


def described(opened: Opened, others: Sequence[Other], model: str) -> dict[str, Any]:
    """Return the study as JSON values.

    Parameters
    ----------
    opened
        The study.
    others
        Other studies of the patient.
    model
        Digest of the model that makes the layers, part of their addresses.
    """
    study, result = opened.study, opened.study.result
    address = f"/viewer/studies/{study.study_id}/{opened.version}"
    return {
        "id": study.study_id,
        "address": address,
        "layers": f"{address}/layers/{model[:16]}",
        "first": opened.first,
        "suspicious": opened.suspicious,
        "answer": result
        and {
            "finding": result.predicted.value,
            "label": result.predicted.label,
            "p": result.probabilities[result.predicted],
        },
        "findings": {finding.value: finding.label for finding in Finding},
        "date": _day(study.header.study_date),
        "others": [
            {"id": one.study_id, "date": _day(one.study_date), "label": one_line(one.description)} for one in others
        ],
        "set_aside": [
            f"{one_line(one.header.description) or f'Series {one.header.number}'}: {one_line(one.header.set_aside)}"
            for one in opened.series
            if one.header.set_aside and not one.slices
        ],
        "series": [_series(opened, number) for number in opened.shown],
    }


def _day(day: Any) -> str:
    return day.isoformat() if day else ""


def _series(opened: Opened, number: int) -> dict[str, Any]:
    series = opened.series[number]
    digests = [instance.sha256 for instance in opened.study.instances]
    windows = window_presets(series)
    return {
        "number": number,
        "label": opened.label(number),
        "plane": series.header.plane,
        "note": one_line(series.header.note),
        "frame": next((one.origin.frame_of_reference for one in series.slices if one.origin), ""),
        "step": opened.step(number),
        "scores": [[at, round(p, 4), finding.value] for at, (p, finding) in opened.tumour(number).items()],
        "presets": windows,
        "planes": {plane.value: asdict(cut) for plane, cut in reformat.cuts(series).items()}
        if reformat.is_volume(series)
        else None,
        "slices": [_slice(series, one, digests, windows) for one in series.slices],
    }


def _slice(series: Series, one: Slice, digests: Sequence[str], windows: dict[str, list[float]]) -> dict[str, Any]:
    rows, columns = one.pixels.shape
    meaning = one.meaning
    return {
        "rows": rows,
        "columns": columns,
        "bits": 8 * one.pixels.dtype.itemsize,
        "spacing": one.spacing,
        "height": one.height,
        "slope": meaning.slope,
        "intercept": meaning.intercept,
        "unit": meaning.unit,
        "window": meaning.window if _shows(meaning.window, windows["full"]) else None,
        "edges": _edges(series, one),
        "marker": f"{digests[one.instance]}/{one.frame}",
    }


def _edges(series: Series, one: Slice) -> tuple[str, str, str, str] | None:
    """Return the letters at the edges; None where no file says how the patient lies."""
    if one.origin is not None:
        orientation = orientation_of(one.origin.orientation) if one.origin.orientation else None
        return edges(orientation) if orientation else None
    return edges(Orientation(*DISPLAY[series.header.plane])) if series.header.plane else None


def _shows(window: tuple[float, float] | None, full: Sequence[float]) -> bool:
    """Return whether a window of the file lies over the values; some state one of another picture."""
    if window is None:
        return False
    low, high = (full[0] - full[1] / 2, full[0] + full[1] / 2)
    overlap = min(window[0] + window[1] / 2, high) - max(window[0] - window[1] / 2, low)
    return overlap > BELIEVED * min(window[1], high - low or window[1])


def window_presets(series: Series) -> dict[str, list[float]]:
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
        name: [_six(sign * (dark + bright) / 2), _six(max(bright - dark, narrowest))]
        for name, (dark, bright) in found.items()
    }


def _six(value: float) -> float:
    """Return a number with six digits: values may be far below 1, as those of diffusion maps."""
    return float(f"{value:.6g}")


def _values(one: Slice, gray: NDArray[np.generic]) -> NDArray[np.float64]:
    return gray.astype(np.float64).ravel() * one.meaning.slope + one.meaning.intercept
