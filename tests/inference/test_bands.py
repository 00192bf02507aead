from __future__ import annotations

import pytest

from triage.domain import Band, Finding, OperatingPoints, Ranking
from triage.inference.bands import rank, rank_alone, rank_unusual

POINTS = OperatingPoints(glioma=0.2, tumour=0.5)


def probabilities(glioma: float, meningioma: float, pituitary: float, notumor: float) -> dict[Finding, float]:
    return dict(zip(Finding, (glioma, meningioma, pituitary, notumor), strict=True))


@pytest.mark.parametrize(
    ("values", "band", "words"),
    [
        ((0.20, 0.10, 0.10, 0.60), Band.STAT, "P(glioma) 0.20 ≥ 0.20"),  # at the point counts as above
        ((0.19, 0.30, 0.05, 0.46), Band.URGENT, "P(tumour) 0.54 ≥ 0.50"),
        ((0.10, 0.30, 0.10, 0.50), Band.URGENT, "P(tumour) 0.50 ≥ 0.50"),
        ((0.05, 0.05, 0.05, 0.85), Band.ROUTINE, "P(tumour) 0.15 < 0.50"),
    ],
)
def test_the_band_follows_the_operating_points(values: tuple[float, ...], band: Band, words: str) -> None:
    ranking = rank(probabilities(*values), POINTS, [Finding.GLIOMA])
    assert ranking.band is band
    assert words in ranking.reason


def test_a_glioma_that_is_not_ruled_out_is_urgent() -> None:
    calm = probabilities(0.1, 0.1, 0.1, 0.7)
    ranking = rank(calm, POINTS, [Finding.GLIOMA, Finding.PITUITARY, Finding.NOTUMOR])
    assert ranking == Ranking(Band.URGENT, "Uncertain: glioma, pituitary tumour and no tumour cannot be distinguished")
    assert rank(calm, POINTS, [Finding.PITUITARY, Finding.NOTUMOR]).band is Band.ROUTINE
    assert rank(calm, POINTS, [Finding.NOTUMOR]).band is Band.ROUTINE


def test_a_slice_that_the_network_is_sure_of_is_urgent_by_itself() -> None:
    assert rank_alone(0.93, "Slice 12 of 40") == Ranking(Band.URGENT, "Slice 12 of 40 alone: P(tumour) 0.93 ≥ 0.90")
    assert rank_alone(0.90, "Slice 1 of 3") is not None, "at the threshold counts as above"
    assert rank_alone(0.899, "Slice 1 of 3") is None


def test_what_is_unlike_the_training_data_is_urgent_unless_it_is_clear() -> None:
    assert rank_unusual(probabilities(0.02, 0.02, 0.02, 0.94)) == Ranking(
        Band.URGENT, "Uncertain: unlike the training data, and P(tumour) 0.06 ≥ 0.05"
    )
    assert rank_unusual(probabilities(0.05, 0.0, 0.0, 0.95)) is not None, "at the threshold counts as above"
    assert rank_unusual(probabilities(0.01, 0.01, 0.01, 0.97)) is None
