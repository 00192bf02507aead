"""The cells of the tables of an export, by column: what each row says. Tested in tests/learning/test_export.py."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from triage.domain import AIResult, Finding, Reading, Role, Series, likeliest
from triage.learning.labels import LabelledStudy, answered, signed_label
from triage.learning.parts import part_of
from triage.learning.patients import age_band, sex
from triage.learning.stages import agreeing, stage
from triage.reading import standing
from triage.records.views import Study

#: State of a reading that a later one took the place of.
SUPERSEDED = "superseded"

Cells = dict[str, object]


def study_cells(study: Study, patient: str, scanner: str) -> Cells:
    """Return what an export says of a study as a whole, but for copies of its slices."""
    latest = study.readings[-1]
    first, second, arbitration = (stage(study.readings, role) for role in (Role.FIRST, Role.SECOND, Role.ARBITRATION))
    result = answered(study, latest) or study.result
    label, _ = signed_label(study)
    return {
        "study": study.study_id,
        "patient": patient,
        "split": part_of(patient),
        "label": label or "",
        "readers": agreeing(study.readings) if label else 0,
        "state": standing(latest, study.readings, study.status),
        "first_reader": first.reader if first else "",
        "first_label": first.finding if first else "",
        "second_reader": second.reader if second else "",
        "second_label": second.finding if second else "",
        "arbiter": arbitration.reader if arbitration else "",
        "arbitration_label": arbitration.finding if arbitration else "",
        "blind_label": latest.blind or "",
        "decision": latest.decision,
        "reason": latest.reason or "",
        **_scores(result.probabilities if result else None),
        "prediction_set": " ".join(result.prediction_set) if result else "",
        "model_sha256": result.model_sha256 if result else "",
        "card": result.card if result else "",
        "scanner": scanner,
        "sex": sex(study.header),
        "age_band": age_band(study.header),
    }


def reading_cells(study: Study, patient: str, reading: Reading, *, is_superseded: bool) -> Cells:
    """Return what an export says of one signed reading."""
    seen = answered(study, reading)
    in_class = isinstance(reading.finding, Finding)
    return {
        "study": study.study_id,
        "patient": patient,
        "current": int(reading is study.readings[-1]),
        "ai_label": seen.predicted if seen else "",
        "label": reading.finding if in_class else "",
        "beyond": "" if in_class else reading.finding,
        "lesion": reading.lesion,
        "blind_label": reading.blind or "",
        "confidence": reading.confidence or "",
        "decision": reading.decision,
        "reason": reading.reason or "",
        "comment": reading.comment,
        "role": reading.role,
        "reader": reading.reader,
        "signed_at": reading.signed_at.isoformat(timespec="seconds"),
        "state": SUPERSEDED if is_superseded else standing(reading, study.readings, study.status),
        "model_sha256": reading.model_sha256 or "",
    }


def slice_cells(
    study: Study, patient: str, series: Sequence[Series], labelled: LabelledStudy, place: tuple[int, int]
) -> Cells:
    """Return what an export says of one slice, but for its files and its copies."""
    number, at = place
    header, slice_ = series[number].header, series[number].slices[at]
    label, note = labelled.label(number, at)
    scores = labelled.scores(number, at)
    row_mm, column_mm = slice_.spacing or ("", "")
    rows, columns = slice_.pixels.shape
    return {
        "study": study.study_id,
        "patient": patient,
        "split": part_of(patient),
        "series": number + 1,
        "slice": at + 1,
        "label": label or "",
        "lesion": int(label not in (None, Finding.NOTUMOR)),
        "note": note,
        "plane": header.plane or "",
        "sequence": header.description,
        "scanner": header.scanner,
        "row_mm": row_mm,
        "column_mm": column_mm,
        "slice_mm": header.spacing[2] if header.spacing else "",
        "rows": rows,
        "columns": columns,
        "original_sha256": study.instances[slice_.instance].sha256,
        **_scores(scores),
        "model_sha256": _model_of(labelled.result) if scores else "",
    }


def scanner_of(series: Sequence[Series], places: Sequence[tuple[int, int]]) -> str:
    """Return the scanner of most of the exported slices; empty if the files do not say."""
    named = Counter(series[number].header.scanner for number, _ in places)
    return max(named, key=lambda name: (named[name], name), default="")


def _scores(probabilities: Mapping[Finding, float] | None) -> Cells:
    names = {finding: f"p_{finding}" for finding in Finding}
    if not probabilities:
        return {"ai_label": "", **dict.fromkeys(names.values(), "")}
    return {"ai_label": likeliest(probabilities), **{names[finding]: probabilities[finding] for finding in Finding}}


def _model_of(result: AIResult | None) -> str:
    return result.model_sha256 if result else ""
