"""The band of a scored study: how soon it is to be read, and the sentence that says why.

The place within a band, the referrer's priority and the waiting time come later, see `triage.worklist`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from triage.domain import Band, Finding, OperatingPoints, Ranking


def rank(probabilities: Mapping[Finding, float], points: OperatingPoints, prediction_set: Sequence[Finding]) -> Ranking:
    """Return the band of a scored study and why.

    Parameters
    ----------
    probabilities
        Calibrated, by class.
    points
        Operating points of the model that gave them.
    prediction_set
        The classes that cannot be ruled out. Where glioma is one of several, the study is urgent.
    """
    glioma, tumour = probabilities[Finding.GLIOMA], 1 - probabilities[Finding.NOTUMOR]
    if glioma >= points.glioma:
        return Ranking(Band.STAT, f"P(glioma) {glioma:.2f} ≥ {points.glioma:.2f}, the operating point")
    if tumour >= points.tumour:
        return Ranking(Band.URGENT, f"P(tumour) {tumour:.2f} ≥ {points.tumour:.2f}, the operating point")
    if Finding.GLIOMA in prediction_set and len(prediction_set) > 1:
        return Ranking(Band.URGENT, f"Uncertain: {_listed(prediction_set)} cannot be told apart")
    return Ranking(Band.ROUTINE, f"P(tumour) {tumour:.2f} < {points.tumour:.2f}, the operating point")


def _listed(findings: Sequence[Finding]) -> str:
    *others, last = (finding.label.lower() for finding in findings)
    return f"{', '.join(others)} and {last}"
