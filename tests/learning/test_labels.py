"""The label of each slice: what the reading says, and no more."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from triage.domain import (
    AIResult,
    Band,
    Decision,
    Finding,
    Ranking,
    Reading,
    ReadingState,
    Series,
    SeriesHeader,
    Slice,
    SliceScores,
    StudyHeader,
    StudyStatus,
)
from triage.learning import labels
from triage.learning.labels import LabelledStudy
from triage.phantoms import volume
from triage.records.views import Instance, SeriesFiles, Study

NOW = datetime(2026, 1, 10, 8, 30, tzinfo=UTC)
SCORES = (0.7, 0.1, 0.1, 0.1)
MODEL = "a" * 64


def decoded(count: int) -> Series:
    return Series(SeriesHeader(), tuple(Slice(pixels) for pixels in volume(Finding.GLIOMA, count, 0)))


def study(finding: Finding, series: Series, *, scored: bool = True, shown: int = 0) -> Study:
    """A study of one file with a reading, and with the AI result that the reader saw."""
    unread = Study(
        study_id="s1",
        name="head.nii",
        status=StudyStatus.READ,
        reason="",
        site_band=Band.ROUTINE,
        arrived_at=NOW,
        opened_at=NOW,
        header=StudyHeader(),
        series=(SeriesFiles(SeriesHeader(), (Instance("f" * 64, "head.nii", "NIFTI", 10),)),),
        results=(),
        readings=(),
    )
    result = AIResult(
        model="net",
        model_sha256=MODEL,
        probabilities=dict(zip(Finding, SCORES, strict=True)),
        ranking=Ranking(Band.STAT, "because"),
        contents=unread.contents,
        slices=SliceScores(0, shown, 0, ((SCORES,) * len(series.slices),), (1,)),
    )
    reading = Reading(
        reader="Dr. A",
        decision=Decision.CONFIRM if scored else Decision.UNAIDED,
        finding=finding,
        reason=None,
        comment="",
        state=ReadingState.FINAL,
        signed_at=NOW,
        model_sha256=MODEL if scored else None,
        contents=unread.contents,
    )
    return replace(unread, results=(result,) if scored else (), readings=(reading,))


def labels_of(labelled: LabelledStudy) -> list[Finding | None]:
    return [labelled.label(*place)[0] for place in labelled.places]


def test_a_tumour_labels_the_marked_slice_only() -> None:
    series = decoded(4)
    labelled = LabelledStudy(study(Finding.PITUITARY, series, shown=2), [series])
    assert labels_of(labelled) == [None, None, Finding.PITUITARY, None]
    assert labelled.label(0, 1)[1] == labels.NOT_THE_LESION
    assert labelled.scores(0, 1) == dict(zip(Finding, SCORES, strict=True))
    assert labelled.note == ""


def test_no_tumour_labels_every_slice() -> None:
    series = decoded(3)
    assert labels_of(LabelledStudy(study(Finding.NOTUMOR, series), [series])) == [Finding.NOTUMOR] * 3


@pytest.mark.parametrize("count", [1, 3])
def test_a_tumour_without_an_ai_result_labels_an_only_slice(count: int) -> None:
    series = decoded(count)
    labelled = LabelledStudy(study(Finding.GLIOMA, series, scored=False), [series])
    assert labels_of(labelled) == ([Finding.GLIOMA] if count == 1 else [None] * count)
    assert labelled.note == ("" if count == 1 else labels.NOT_MARKED)
    assert labelled.scores(0, 0) is None


def test_a_result_that_came_after_the_reading_marks_nothing() -> None:
    series = decoded(3)
    seen = study(Finding.GLIOMA, series)
    unaided = replace(seen.readings[-1], model_sha256=None, decision=Decision.UNAIDED)
    labelled = LabelledStudy(replace(seen, readings=(unaided,)), [series])
    assert labels_of(labelled) == [None] * 3
    assert labelled.scores(0, 0) is not None, "its scores are exported all the same"


def test_the_mark_is_of_the_model_that_the_reader_saw() -> None:
    series = decoded(3)
    signed = study(Finding.GLIOMA, series, shown=1)
    newer = replace(signed.results[0], model_sha256="b" * 64, slices=SliceScores(0, 2, 0, ((SCORES,) * 3,), (1,)))
    labelled = LabelledStudy(replace(signed, results=(*signed.results, newer)), [series])
    assert labels_of(labelled) == [None, Finding.GLIOMA, None]


@pytest.mark.parametrize("finding", [Finding.GLIOMA, Finding.NOTUMOR])
def test_files_that_the_reader_has_not_seen_take_the_labels_away(finding: Finding) -> None:
    series = decoded(2)
    signed = study(finding, series)
    before = replace(signed.readings[-1], contents="0" * 64)
    labelled = LabelledStudy(replace(signed, readings=(before,)), [series])
    assert labels_of(labelled) == [None, None]
    assert labelled.note == labels.CHANGED


def test_the_latest_reading_counts() -> None:
    series = decoded(2)
    signed = study(Finding.GLIOMA, series)
    amended = replace(signed.readings[-1], finding=Finding.NOTUMOR, state=ReadingState.AMENDED)
    labelled = LabelledStudy(replace(signed, readings=(*signed.readings, amended)), [series])
    assert labels_of(labelled) == [Finding.NOTUMOR] * 2


def test_a_slice_that_the_gate_refuses_has_no_label() -> None:
    whole = decoded(2)
    blank = Slice(np.zeros_like(whole.slices[0].pixels))
    series = replace(whole, slices=(blank, whole.slices[1]))
    labelled = LabelledStudy(study(Finding.NOTUMOR, series), [series])
    assert labels_of(labelled) == [None, Finding.NOTUMOR]
    assert labelled.label(0, 0)[1].startswith("Not analysable: Blank")


def test_of_thin_slices_those_that_were_scored() -> None:
    series = decoded(9)
    signed = study(Finding.NOTUMOR, series)
    table = tuple(SCORES if at % 3 == 1 else None for at in range(9))
    scored = replace(signed.results[0], slices=SliceScores(0, 4, 0, (table,), (3,)))
    labelled = LabelledStudy(replace(signed, results=(scored,)), [series])
    assert labelled.places == [(0, 1), (0, 4), (0, 7)]
    unscored = replace(signed, results=(), readings=(replace(signed.readings[-1], model_sha256=None),))
    assert len(LabelledStudy(unscored, [series]).places) == 9


def test_scores_of_other_slices_than_those_decoded_are_not_used() -> None:
    series = decoded(3)
    labelled = LabelledStudy(study(Finding.GLIOMA, decoded(5), shown=4), [series])
    assert len(labelled.places) == 3
    assert labels_of(labelled) == [None] * 3


def test_a_study_of_series_that_are_set_aside_has_no_slices() -> None:
    series = Series(SeriesHeader(set_aside="A localiser"), ())
    labelled = LabelledStudy(study(Finding.NOTUMOR, series, scored=False), [series])
    assert labelled.places == []
    assert labelled.note == labels.NOTHING_SCORED
