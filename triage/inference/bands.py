"""The urgency band of a scored study, and the reason for it.

Rank within a band, the priority of the referrer and waiting time are added by `triage.worklist`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from triage.domain import Band, Finding, OperatingPoints, Ranking

#: P(tumour) of a single slice from which on it makes a study urgent, though its neighbours are calm. Chosen in
#: docs/model-log.md, "A slice alone".
ALONE = 0.90


#: P(tumour) from which on a slice that is unlike the training data is not clearly without a tumour. Chosen in
#: docs/model-log.md, "Far from the training data".
CLEAR = 0.05
#: Said of the operating points of a model that has two pairs of them.
OF_A_SLICE, OF_A_WINDOW = " of a slice by itself", " of three slices together"


def rank(
    probabilities: Mapping[Finding, float], points: OperatingPoints, prediction_set: Sequence[Finding], of: str = ""
) -> Ranking:
    """Return the band of a scored study and the reason.

    Parameters
    ----------
    probabilities
        Calibrated, by class.
    points
        Operating points of the same model.
    prediction_set
        The classes that cannot be ruled out. If glioma is one of several, the study is urgent.
    of
        Whose points these are, `OF_A_SLICE` or `OF_A_WINDOW`; "" for a model that has one pair for both.
    """
    glioma, tumour = probabilities[Finding.GLIOMA], 1 - probabilities[Finding.NOTUMOR]
    if glioma >= points.glioma:
        return Ranking(Band.STAT, f"P(glioma) {glioma:.2f} ≥ {points.glioma:.2f}, the operating point{of}")
    if tumour >= points.tumour:
        return Ranking(Band.URGENT, f"P(tumour) {tumour:.2f} ≥ {points.tumour:.2f}, the operating point{of}")
    if Finding.GLIOMA in prediction_set and len(prediction_set) > 1:
        return Ranking(Band.URGENT, f"Uncertain: {_listed(prediction_set)} cannot be distinguished")
    return Ranking(Band.ROUTINE, f"P(tumour) {tumour:.2f} < {points.tumour:.2f}, the operating point{of}")


def rank_alone(tumour: float, place: str) -> Ranking | None:
    """Return the band of a study that one slice makes urgent by itself, or None.

    Parameters
    ----------
    tumour
        P(tumour) of the surest slice.
    place
        What that slice is called: "Slice 12 of 40".
    """
    return Ranking(Band.URGENT, f"{place} alone: P(tumour) {tumour:.2f} ≥ {ALONE:.2f}") if tumour >= ALONE else None


def rank_unusual(probabilities: Mapping[Finding, float]) -> Ranking | None:
    """Return the band of a study whose most suspicious slice is unlike the training data; None if it is clear.

    Parameters
    ----------
    probabilities
        Calibrated, by class.
    """
    tumour = 1 - probabilities[Finding.NOTUMOR]
    if tumour < CLEAR:
        return None
    return Ranking(Band.URGENT, f"Uncertain: unlike the training data, and P(tumour) {tumour:.2f} ≥ {CLEAR:.2f}")


def _listed(findings: Sequence[Finding]) -> str:
    *others, last = (finding.label.lower() for finding in findings)
    return f"{', '.join(others)} and {last}"
