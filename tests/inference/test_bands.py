from __future__ import annotations

import pytest

from triage.domain import Band, Finding, OperatingPoints, Ranking
from triage.inference.bands import OF_A_SLICE, OF_A_WINDOW, rank, rank_alone, rank_unusual

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


def test_the_reason_names_whose_operating_point_it_was() -> None:
    """A model may have one pair for a slice by itself and another one for three neighbouring slices."""
    values = probabilities(0.46, 0.1, 0.04, 0.4)
    window = OperatingPoints(glioma=0.44, tumour=0.7)
    said = rank(values, window, [Finding.GLIOMA], OF_A_WINDOW).reason
    assert said == "P(glioma) 0.46 ≥ 0.44, the operating point of three slices together"
    said = rank(values, POINTS, [Finding.GLIOMA], OF_A_SLICE).reason
    assert said == "P(glioma) 0.46 ≥ 0.20, the operating point of a slice by itself"
    assert rank(values, POINTS, [Finding.GLIOMA]).reason == "P(glioma) 0.46 ≥ 0.20, the operating point"


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
