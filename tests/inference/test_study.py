"""Slices decide together; and a decoded study becomes an AI result."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from triage.domain import AIResult, Band, Finding, OperatingPoints, Plane, Series, SeriesHeader, Slice, likeliest
from triage.inference.bands import CLEAR, OF_A_SLICE, OF_A_WINDOW
from triage.inference.calibration import Conformal
from triage.inference.runtime import Answer, Runtime
from triage.inference.slice_selection import MIN_SCORED, scored_slices
from triage.inference.study import judge, judge_study
from triage.phantoms import VOLUME, volume
from triage.settings import Settings

EMPTY = (0.05, 0.03, 0.02, 0.90)
GLIOMA = (0.80, 0.10, 0.05, 0.05)
FAINT = (0.60, 0.05, 0.05, 0.30)
PITUITARY = (0.02, 0.02, 0.95, 0.01)
POINT = OperatingPoints(glioma=0.4, tumour=0.5)
COUNT = 2 * MIN_SCORED
#: Slices of a volume without those through the skull base, where phantoms look least like heads.
ABOVE = slice(3, 13)
#: One of these in the phantom with a glioma, of which the network is sure.
LESION = 5


def test_a_lesion_on_a_few_slices_is_not_drowned() -> None:
    verdict = judge_study([[EMPTY] * 30 + [GLIOMA] * 3 + [EMPTY] * 30], POINT)
    assert verdict.probabilities[Finding.GLIOMA] == pytest.approx(0.8)
    assert 30 <= verdict.slice <= 32


def test_one_slice_among_others_is_no_lesion() -> None:
    verdict = judge_study([[EMPTY] * 10 + [GLIOMA] + [EMPTY] * 10], POINT)
    assert likeliest(verdict.probabilities) is Finding.NOTUMOR
    assert verdict.slice == 10, "and yet the most suspicious one is shown"


def test_a_slice_by_itself_speaks() -> None:
    assert judge_study([[GLIOMA]], POINT).probabilities[Finding.GLIOMA] == pytest.approx(0.8)


def test_a_glioma_speaks_before_what_is_surer() -> None:
    verdict = judge_study([[EMPTY] * 5 + [PITUITARY] * 3 + [EMPTY] * 5, [EMPTY] * 4 + [FAINT] * 3], POINT)
    assert likeliest(verdict.probabilities) is Finding.GLIOMA
    assert (verdict.series, verdict.slice) == (1, 4)


def test_a_glioma_speaks_from_the_operating_point_on_and_below_it_the_surest_tumour() -> None:
    at, below = (0.40, 0.03, 0.02, 0.55), (0.39, 0.03, 0.02, 0.56)
    sure = [EMPTY] * 5 + [PITUITARY] * 3
    verdict = judge_study([sure, [EMPTY, EMPTY, *[at] * 3]], POINT)
    assert verdict.probabilities[Finding.GLIOMA] == pytest.approx(0.40)
    assert (verdict.series, verdict.slice) == (1, 2)
    assert likeliest(judge_study([sure, [below] * 3], POINT).probabilities) is Finding.PITUITARY


def test_a_window_has_points_of_its_own_and_fewer_slices_those_of_a_slice() -> None:
    window = OperatingPoints(glioma=0.7, tumour=0.6)
    assert judge_study([[FAINT]], POINT, window).points == POINT
    assert judge_study([[FAINT, FAINT]], POINT, window).points == POINT
    assert judge_study([[FAINT]], POINT, window).of == OF_A_SLICE
    whole = judge_study([[EMPTY] * 3 + [FAINT] * 3, [PITUITARY] * 3], POINT, window)
    assert (whole.points, whole.of) == (window, OF_A_WINDOW)
    assert likeliest(whole.probabilities) is Finding.PITUITARY, "0.60 does not reach the point of a window"
    one_pair = judge_study([[FAINT] * 3], POINT)
    assert (one_pair.points, one_pair.of) == (POINT, ""), "a model may have one pair for both"


def test_a_slice_that_lost_its_neighbours_does_not_decide_like_three() -> None:
    calm = [EMPTY] * 7
    assert likeliest(judge_study([calm, [GLIOMA]], POINT).probabilities) is Finding.NOTUMOR
    assert likeliest(judge_study([calm, [GLIOMA] * 3], POINT).probabilities) is Finding.GLIOMA
    assert likeliest(judge_study([[EMPTY], [GLIOMA]], POINT).probabilities) is Finding.GLIOMA, "no series is longer"


def test_a_series_that_is_set_aside_is_passed_over() -> None:
    assert judge_study([[], [GLIOMA, EMPTY]], POINT).series == 1
    with pytest.raises(ValueError, match="at least one"):
        judge_study([[], []], POINT)


@pytest.fixture(scope="module")
def runtime() -> Runtime:
    settings = Settings()
    return Runtime(settings.model, settings.threads)


@pytest.fixture(scope="module")
def thin() -> Series:
    """A head in slices of 1 mm."""
    heights = np.linspace(*VOLUME, COUNT)
    slices = [
        Slice(pixels, instance=place, height=float(height))
        for place, (pixels, height) in enumerate(zip(volume(Finding.GLIOMA, COUNT, 0), heights, strict=True))
    ]
    return Series(SeriesHeader(plane=Plane.AXIAL), tuple(slices))


@pytest.fixture(scope="module")
def result(thin: Series, runtime: Runtime) -> AIResult:
    judged = judge((thin,), runtime)
    assert isinstance(judged, AIResult)
    return judged


def test_thin_slices_are_judged_as_thick_ones_in_their_places(thin: Series, result: AIResult, runtime: Runtime) -> None:
    thick = judge((replace(thin, slices=thin.slices[::2]),), runtime)
    assert isinstance(thick, AIResult)
    assert thick.slices is not None
    assert result.slices is not None
    assert (thick.slices.steps, result.slices.steps) == ((1,), (2,))
    assert result.probabilities == thick.probabilities
    assert (result.slices.slice, result.slices.instance) == (2 * thick.slices.slice, thick.slices.instance)


def test_a_result_keeps_what_its_slices_looked_like(result: AIResult, thin: Series, runtime: Runtime) -> None:
    assert result.slices is not None
    seen = result.slices.inputs
    assert seen is not None
    answers = [runtime.answer(thin.slices[at]) for at in scored_slices(result.slices, 0)]
    known = [answer for answer in answers if isinstance(answer, Answer)]
    assert (seen.scored, seen.unusual) == (len(known), sum(answer.unusual for answer in known))
    assert seen.distance == pytest.approx(np.median([answer.distance for answer in known]), abs=1e-3)
    assert 0 < seen.contrast < seen.brightness < 255


def test_every_slice_has_its_row_and_those_between_say_nothing(result: AIResult) -> None:
    assert result.slices is not None
    (rows,) = result.slices.table
    scored = scored_slices(result.slices, 0)
    assert (len(rows), len(scored)) == (COUNT, MIN_SCORED)
    assert {at for at, row in enumerate(rows) if row is not None} <= set(scored)
    assert sum(rows[at] is not None for at in scored) > MIN_SCORED / 2, "the head is on most of them"


def test_a_note_of_a_series_stands_in_the_reason(thin: Series, result: AIResult, runtime: Runtime) -> None:
    noted = Series(replace(thin.header, note="Only derived series"), thin.slices)
    judged = judge((noted,), runtime)
    assert isinstance(judged, AIResult)
    assert judged.ranking.reason == f"{result.ranking.reason}. Only derived series"


def test_an_inverted_series_is_scored_as_what_it_is_and_says_so(
    thin: Series, result: AIResult, runtime: Runtime
) -> None:
    inverted = replace(thin, slices=tuple(replace(one, pixels=255 - one.pixels) for one in thin.slices))
    found = judged((inverted,), runtime)
    assert found.ranking.band is result.ranking.band
    assert found.probabilities[Finding.GLIOMA] == pytest.approx(result.probabilities[Finding.GLIOMA], abs=0.05)
    assert found.ranking.reason.endswith("Read inverted: white background")
    assert "inverted" not in result.ranking.reason


def test_a_study_that_is_set_aside_as_a_whole_says_what_to_send(runtime: Runtime) -> None:
    judged = judge((Series(SeriesHeader(set_aside="Localiser"), ()),), runtime)
    assert judged == "Localiser. Send the scanner's own MR series of the head, as DICOM from the PACS."


def test_slices_of_unknown_places_are_all_scored(thin: Series, runtime: Runtime) -> None:
    unplaced = replace(thin, slices=tuple(replace(one, height=None) for one in thin.slices))
    judged = judge((unplaced,), runtime)
    assert isinstance(judged, AIResult)
    assert judged.slices is not None
    assert judged.slices.steps == (1,)


def calm_and_lone() -> tuple[Series, Series]:
    """A head without a lesion; and the same but for one slice, which a phantom with a glioma lends it."""
    calm, ill = (list(volume(finding, 13, 1))[ABOVE] for finding in (Finding.NOTUMOR, Finding.GLIOMA))
    slices = [Slice(pixels, instance=place, height=5.0 * place) for place, pixels in enumerate(calm)]
    head = Series(SeriesHeader(number=4, plane=Plane.AXIAL), tuple(slices))
    slices[LESION] = replace(slices[LESION], pixels=ill[LESION])
    return head, replace(head, slices=tuple(slices))


def judged(series: tuple[Series, ...], runtime: Runtime) -> AIResult:
    result = judge(series, runtime)
    assert isinstance(result, AIResult)
    return result


def test_a_lesion_on_a_single_slice_is_urgent_and_shown() -> None:
    _, series = calm_and_lone()
    runtime = Runtime(Settings().model)
    calm = {
        "window_points": OperatingPoints(0.9, 0.5),
        "conformal": Conformal(coverage=0.95, least=dict.fromkeys(Finding, 1)),
    }
    runtime.card = runtime.card.model_copy(update=calm)  # no window says anything
    result = judged((series,), runtime)
    assert result.ranking.band is Band.URGENT
    assert re.match(f"Slice {LESION + 1} of 10 alone: P\\(tumour\\) (1.00|0.9)", result.ranking.reason)
    assert result.slices is not None
    assert (result.slices.slice, result.slices.instance) == (LESION, LESION)
    two = judged((Series(SeriesHeader(), ()), series, replace(series, slices=series.slices[:3])), runtime)
    assert f"Slice {LESION + 1} of 10 in series 4 alone" in two.ranking.reason


def test_one_slice_more_has_the_neighbours_of_the_pass_that_it_repeats(runtime: Runtime) -> None:
    calm, whole = calm_and_lone()
    more = replace(whole, slices=(whole.slices[LESION],))
    assert judged((more, calm), runtime).ranking.band is Band.URGENT, "without neighbours it does not decide alone"
    result = judged((replace(more, base=1), calm), runtime)
    assert result.probabilities == judged((whole, calm), runtime).probabilities
    assert result.slices is not None
    assert (result.slices.series, result.slices.slice) == (0, 0)


def test_a_study_unlike_the_training_data_is_routine_only_if_it_is_clear() -> None:
    strict = Runtime(Settings().model)
    strict.card = strict.card.model_copy(update={"familiar_within": 0.0})  # nothing is like the training data
    bands = set()
    for seed in range(6):
        pictures = tuple(Slice(pixels, height=5.0 * at) for at, pixels in enumerate(volume(Finding.NOTUMOR, 5, seed)))
        series = (Series(SeriesHeader(plane=Plane.AXIAL), pictures),)
        before, after = judged(series, Runtime(Settings().model)).ranking, judged(series, strict)
        clear = 1 - after.probabilities[Finding.NOTUMOR] < CLEAR
        if before.band is Band.ROUTINE:
            assert after.ranking.band is (Band.ROUTINE if clear else Band.URGENT)
            assert clear or after.ranking.reason.startswith("Uncertain: unlike the training data")
            bands.add(after.ranking.band)
    assert Band.URGENT in bands
