"""The key images of a study: slices that its readers chose, measured or outlined, else the one that the AI shows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from triage.domain import AIResult, Finding, Series, Slice, likeliest
from triage.inference.preprocess import place
from triage.inference.runtime import Runtime
from triage.inference.slice_selection import fits
from triage.inference.views import outlined
from triage.languages.speech import later
from triage.reading import superseded
from triage.records.marked import Marks, Measurement, marker
from triage.records.marks import SignedMarks
from triage.records.views import Study
from triage.scans.formats.geometry import Edges, edges_of
from triage.scans.quality.gate import not_analysable

#: Images that a page has room for.
MOST = 4
#: In the order of `SliceScores.table`.
CLASSES = tuple(Finding)
#: What slices are headed.
KEY, MEASUREMENT, OUTLINE = later("Key image"), later("Measurement"), later("Outline")
#: Percentiles of the gray values between which a slice is shown.
WINDOW = (0.5, 99.8)


@dataclass(frozen=True, slots=True)
class KeyImage:
    """One slice of a report.

    Attributes
    ----------
    place
        Which slice it is, in words.
    author
        Who marked it.
    gray
        ``(rows, columns)`` uint8.
    spacing
        Millimetres between rows and between columns; None if unknown.
    mask
        ``(rows, columns)``, true inside the outline; None without one.
    measurements
        On this slice.
    is_superseded
        Whether a later reading took the place of the one that it was marked for.
    kind
        What it is headed: a slice that was chosen, or only measured or outlined, or that the AI shows.
    begun_by_ai
        Whether the reader's outline began as that of the AI.
    edges
        The letters at its edges; None where no file says how the patient lies.
    """

    place: str
    author: str
    gray: NDArray[np.uint8]
    spacing: tuple[float, float] | None
    mask: NDArray[np.bool_] | None
    measurements: tuple[Measurement, ...] = ()
    begun_by_ai: bool = False
    is_superseded: bool = False
    kind: str = KEY
    edges: Edges | None = None


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A marked slice without a picture: which one it is, in words, and what was marked on it."""

    place: str
    measurements: tuple[Measurement, ...] = ()
    is_key: bool = False
    is_outlined: bool = False


def key_images(
    study: Study, series: Sequence[Series], signed: Sequence[SignedMarks], runtime: Runtime
) -> list[KeyImage]:
    """Return the key images of the latest signed marks, at most `MOST`, in their order in the study.

    Slices that the reader chose come first, then those measured or outlined by hand, then those whose outline was
    only taken over or filled in, the most suspicious first. Without marks, the slice that the AI result shows is taken,
    with the outline of the AI.

    Parameters
    ----------
    study
        The study.
    series
        Its decoded series.
    signed
        What was marked for the latest reading of each reader, in their order.
    runtime
        The model that made the AI result, for its outline.
    """
    if signed:
        return _of_reader(study, series, signed[-1])
    result = study.result
    if result is None or result.slices is None or not fits(result.slices, series):
        return []
    number, at = result.slices.series, result.slices.slice
    slice_ = series[number].slices[at]
    mask = _ai_mask(slice_, result, runtime)
    edges = edges_of(slice_, series[number].header.plane)
    return [KeyImage(_place(series, number, at), "AI", _gray(slice_), slice_.spacing, mask, edges=edges)]


def left_out(study: Study, series: Sequence[Series], signed: Sequence[SignedMarks]) -> tuple[LeftOut, ...]:
    """Return the slices with a mark that `key_images` has no room for, the most important first."""
    if not signed:
        return ()
    marks, found = signed[-1].marks, _found(study, series)
    return tuple(
        LeftOut(
            _place(series, *found[name]),
            _on(marks, name),
            is_key=name in marks.keys,
            is_outlined=_is_drawn(marks, name),
        )
        for name in _ranked(study, series, marks, found)[MOST:]
    )


def _of_reader(study: Study, series: Sequence[Series], signed: SignedMarks) -> list[KeyImage]:
    marks, found = signed.marks, _found(study, series)
    shown = []
    for name in sorted(_ranked(study, series, marks, found)[:MOST], key=found.__getitem__):
        number, at = found[name]
        slice_, mask = series[number].slices[at], marks.masks.get(name)
        is_shown = mask is not None and not mask.is_empty and (mask.rows, mask.columns) == slice_.pixels.shape
        shown.append(
            KeyImage(
                _place(series, number, at),
                signed.reader,
                _gray(slice_),
                slice_.spacing,
                mask.pixels if mask is not None and is_shown else None,
                _on(marks, name),
                begun_by_ai=mask is not None and is_shown and mask.origin is not None,
                is_superseded=superseded(study.readings)[signed.version - 1],
                kind=_kind(marks, name),
                edges=edges_of(slice_, series[number].header.plane),
            )
        )
    return shown


def _ranked(study: Study, series: Sequence[Series], marks: Marks, found: Mapping[str, tuple[int, int]]) -> list[str]:
    """Return the marked slices that were found, the most important first."""
    scores = study.result.slices if study.result else None
    table = scores.table if scores and fits(scores, series) else ()
    measured = {one.marker for one in marks.measurements}

    def importance(name: str) -> tuple[float, ...]:
        mask, (number, at) = marks.masks.get(name), found[name]
        scored = table[number][at] if number < len(table) and table[number] else None
        return (
            name in marks.keys,
            name in measured or (mask is not None and mask.by_hand),
            name in measured,
            mask is not None and mask.origin is None,
            1 - scored[CLASSES.index(Finding.NOTUMOR)] if scored else 0,
            sum(mask.runs[1::2]) if mask else 0,
        )

    drawn = [name for name in marks.masks if _is_drawn(marks, name)]
    wanted = dict.fromkeys([*marks.keys, *(one.marker for one in marks.measurements), *drawn])
    return sorted((name for name in wanted if name in found), key=importance, reverse=True)


def _is_drawn(marks: Marks, name: str) -> bool:
    return name in marks.masks and not marks.masks[name].is_empty


def _on(marks: Marks, name: str) -> tuple[Measurement, ...]:
    return tuple(one for one in marks.measurements if one.marker == name)


def _kind(marks: Marks, name: str) -> str:
    if name in marks.keys:
        return KEY
    return MEASUREMENT if any(one.marker == name for one in marks.measurements) else OUTLINE


def _found(study: Study, series: Sequence[Series]) -> dict[str, tuple[int, int]]:
    """Return where each slice is: its series, and its place there."""
    return {
        marker(study.instances[slice_.instance].sha256, slice_.frame): (number, at)
        for number, one in enumerate(series)
        for at, slice_ in enumerate(one.slices)
    }


def _place(series: Sequence[Series], number: int, at: int) -> str:
    one = series[number]
    described = " ".join(filter(None, (one.header.plane, one.header.description)))
    return f"Series {number + 1}, slice {at + 1} of {len(one.slices)}" + (f" · {described}" if described else "")


def _gray(slice_: Slice) -> NDArray[np.uint8]:
    values = slice_.pixels.astype(np.float32)
    low, high = np.percentile(values, WINDOW)
    shown: NDArray[np.uint8] = (np.clip((values - low) / max(float(high - low), 1e-6), 0, 1) * 255).astype(np.uint8)
    return shown


def _ai_mask(slice_: Slice, result: AIResult, runtime: Runtime) -> NDArray[np.bool_] | None:
    """Return the outline of the AI; None if it answers "no tumour", or its model is not in use any more."""
    if result.predicted is Finding.NOTUMOR or result.model_sha256 != runtime.card.sha256:
        return None
    if not_analysable(slice_) is not None:
        return None
    score = runtime.score(slice_.pixels)
    if likeliest(score.probabilities) is Finding.NOTUMOR:
        return None
    rows, columns = slice_.pixels.shape
    return outlined(place(score.mask, score.placement, (rows, columns)))
