"""An open study as the viewer in the browser wants to know it, before it asks for pixels.

Tested in tests/web/test_slices.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from triage.domain import Finding, Series, Slice
from triage.languages.speech import retold, t
from triage.records.glances import Windows
from triage.records.same_patient import Other
from triage.scans import reformat
from triage.scans.formats.geometry import edges_of
from triage.scans.windows import shows
from triage.text import one_line
from triage.web.opened import Opened


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
        "model": model[:16],
        "first": opened.first,
        "suspicious": opened.suspicious,
        "answer": result
        and {
            "finding": result.predicted.value,
            "label": t(result.predicted.label),
            "p": result.probabilities[result.predicted],
        },
        "findings": {finding.value: t(finding.label) for finding in Finding},
        "date": _day(study.header.study_date),
        "others": [
            {"id": one.study_id, "date": _day(one.study_date), "label": one_line(one.description)} for one in others
        ],
        "set_aside": [
            f"{one_line(one.header.description) or t('Series {number}', number=str(one.header.number))}: "
            f"{one_line(retold(one.header.set_aside))}"
            for one in opened.series
            if one.header.set_aside and not one.slices
        ],
        "aside": any(one.header.set_aside and not one.slices for one in opened.series),
        "series": [_series(opened, number) for number in opened.shown],
    }


def described_aside(opened: Opened, first: int) -> dict[str, Any]:
    """Return the series of a study that are not scored as JSON values.

    Parameters
    ----------
    opened
        The study with these series, and without results.
    first
        Number under which the first of them is asked for.
    """
    return {"series": [_series(opened, number) | {"number": first + number} for number in opened.shown]}


def _day(day: Any) -> str:
    return day.isoformat() if day else ""


def _series(opened: Opened, number: int) -> dict[str, Any]:
    series = opened.series[number]
    digests = [instance.sha256 for instance in opened.study.instances]
    windows = opened.windows[number]
    aside = one_line(retold(series.header.set_aside))
    without_planes = reformat.why_no_volume(series)
    return {
        "number": number,
        "label": opened.label(number),
        "plane": series.header.plane,
        "note": t("Not scored: {reason}", reason=aside) if aside else one_line(retold(series.header.note)),
        "aside": aside,
        "frame": next((one.origin.frame_of_reference for one in series.slices if one.origin), ""),
        "step": opened.step(number),
        "scores": [[at, p, finding.value] for at, (p, finding) in opened.tumour(number).items()],
        "presets": windows,
        "planes": None
        if without_planes
        else {plane.value: asdict(cut) for plane, cut in reformat.cuts(series).items()},
        "without_planes": retold(without_planes),
        "slices": [_slice(series, one, digests, windows) for one in series.slices],
    }


def _slice(series: Series, one: Slice, digests: Sequence[str], windows: Windows) -> dict[str, Any]:
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
        "window": meaning.window if shows(meaning.window, windows["full"]) else None,
        "edges": edges_of(one, series.header.plane),
        "marker": f"{digests[one.instance]}/{one.frame}",
    }
