"""The little arithmetic of the terms of the product; the rest is tested where it is used."""

from __future__ import annotations

import pytest

from triage.domain import AIResult, Band, Finding, Ranking, likeliest


def test_bands_are_ordered_by_urgency() -> None:
    assert [band.order for band in (Band.STAT, Band.URGENT, Band.ROUTINE)] == [0, 1, 2]


def test_every_class_has_a_label() -> None:
    assert [finding.label for finding in Finding] == ["Glioma", "Meningioma", "Pituitary tumour", "No tumour"]


@pytest.mark.parametrize("finding", list(Finding))
def test_the_result_predicts_the_most_probable_class(finding: Finding) -> None:
    probabilities = {other: 0.7 if other is finding else 0.1 for other in Finding}
    result = AIResult("net", "a", probabilities, Ranking(Band.STAT, ""))
    assert likeliest(probabilities) is result.predicted is finding
    assert result.malignancy == (0.7 if finding is Finding.GLIOMA else 0.1)
