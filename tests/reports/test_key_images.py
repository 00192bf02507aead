"""Which slices a report shows: those that readers chose, measured or outlined, else the one that the AI shows."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from marked_samples import length, marks, mask
from record_samples import NOW, instance, result

from triage.domain import Finding, Placement, Plane, ReadingState, Score, Series, SeriesHeader, Slice, SliceScores
from triage.records.marked import Marks
from triage.records.marks import SignedMarks
from triage.records.views import SeriesFiles, Study
from triage.reports.key_images import MOST, key_images, left_out

FILES = tuple(instance(number) for number in range(6))
SHAPE = (40, 50)


def name(at: int) -> str:
    return f"{FILES[at].sha256}/0"


def square(side: int) -> dict[str, Any]:
    pixels = np.zeros(SHAPE, bool)
    pixels[5 : 5 + side, 5 : 5 + side] = True
    return mask(pixels)


@pytest.fixture
def series() -> list[Series]:
    pictures = np.random.default_rng(1).integers(0, 900, (6, *SHAPE)).astype(np.uint16)
    slices = tuple(Slice(pixels, spacing=(1.0, 1.0), instance=at) for at, pixels in enumerate(pictures))
    return [Series(SeriesHeader(description="T1"), slices)]


@pytest.fixture
def study() -> Study:
    from reports.report_samples import report

    one = report().study
    judged = result(numbers=tuple(range(6)))
    table = ((tuple(judged.probabilities.values()),) * 6,)
    judged = replace(judged, slices=SliceScores(0, 4, 4, table))
    return replace(one, series=(SeriesFiles(SeriesHeader(), FILES),), results=(judged,))


class _Card:
    sha256 = "a" * 64


class _Runtime:
    """Says what the test wants: no network is needed to choose slices."""

    card = _Card()

    def score(self, _: np.ndarray) -> Score:
        probabilities = {finding: float(finding is Finding.GLIOMA) for finding in Finding}
        whole = Placement(0, 0, 50)
        return Score(probabilities, np.zeros((8, 8, 4)), whole, np.ones((8, 8), np.float32), whole, (), True)  # type: ignore[arg-type]


def shown(study: Study, series: list[Series], content: dict[str, Any]) -> list[Any]:
    signed = SignedMarks(Marks.model_validate(content), "Dr. A", 1, NOW)
    return key_images(study, series, (signed,), _Runtime())  # type: ignore[arg-type]


def test_the_slices_that_a_reader_marked_are_shown_in_their_order(study: Study, series: list[Series]) -> None:
    masks = {name(0): square(3), name(1): square(9), name(2): square(0)}
    found = shown(study, series, marks(length(name(5)), masks=masks, keys=(name(4),)))
    assert [one.place.split(" of")[0] for one in found] == [f"Series 1, slice {at}" for at in (1, 2, 5, 6)]
    assert [one.author for one in found] == ["Dr. A"] * 4
    assert [one.mask is not None for one in found] == [True, True, False, False]
    assert [len(one.measurements) for one in found] == [0, 0, 0, 1]
    assert [one.kind for one in found] == ["Outline", "Outline", "Key image", "Measurement"]
    assert not any(one.is_superseded for one in found)
    later = replace(study, readings=(*study.readings, replace(study.readings[0], state=ReadingState.AMENDED)))
    assert all(one.is_superseded for one in shown(later, series, marks(keys=(name(4),))))
    begun = shown(study, series, marks(masks={name(0): square(3) | {"origin": "0" * 16}, name(1): square(4)}))
    assert [one.begun_by_ai for one in begun] == [True, False]
    assert begun[0].edges is None, "no file says how the patient lies"
    lying = [replace(series[0], header=replace(series[0].header, plane=Plane.SAGITTAL))]
    (turned,) = shown(study, lying, marks(keys=(name(4),)))
    assert turned.edges == ("A", "P", "H", "F")


def numbers(found: Iterable[Any]) -> str:
    return "".join(one.place.split(" of")[0][-1] for one in found)


def test_what_was_chosen_comes_first_then_what_was_done_by_hand_then_what_is_most_suspicious(
    study: Study, series: list[Series]
) -> None:
    tumour = (0.1, 0.9, 0.2, 0.0, 0.8, 0.7)
    table = (tuple(tuple((1 - one) if part is Finding.NOTUMOR else one / 3 for part in Finding) for one in tumour),)
    judged = study.results[0]
    study = replace(study, results=(replace(judged, slices=SliceScores(0, 4, 4, table)),))
    taken = {name(at): square(9 - at) | {"origin": "0" * 16} for at in range(6)}
    taken[name(3)]["by_hand"] = True
    content = marks(masks=taken, keys=(name(0),))
    assert numbers(shown(study, series, content)) == "1245"
    signed = SignedMarks(Marks.model_validate(content), "Dr. A", 1, NOW)
    left = left_out(study, series, (signed,))
    assert numbers(left) == "63"
    assert all(one.is_outlined and not one.is_key for one in left)
    chosen = marks(masks=taken, keys=tuple(name(at) for at in (0, 1, 2, 4)))
    assert numbers(shown(study, series, chosen)) == "1235"
    unscored = replace(study, results=())
    assert numbers(shown(unscored, series, content)) == "1234"


def test_what_was_measured_on_slices_without_a_picture_is_left_out_and_named(
    study: Study, series: list[Series]
) -> None:
    measured = [length(name(at), name=f"a{at}") for at in range(MOST + 1)]
    signed = SignedMarks(Marks.model_validate(marks(*measured)), "Dr. A", 1, NOW)
    (one,) = left_out(study, series, (signed,))
    assert (one.place, [found.id for found in one.measurements]) == ("Series 1, slice 5 of 6 · T1", ["a4"])
    assert left_out(study, series, ()) == ()


def test_an_outline_of_another_size_is_not_drawn(study: Study, series: list[Series]) -> None:
    (one,) = shown(study, series, marks(masks={name(0): mask(np.ones((4, 4), bool))}))
    assert one.mask is None


def test_without_marks_the_slice_of_the_ai_is_shown_with_its_outline(
    study: Study, series: list[Series], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("triage.reports.key_images.not_analysable", lambda _: None)
    (one,) = key_images(study, series, (), _Runtime())  # type: ignore[arg-type]
    assert (one.place, one.author) == ("Series 1, slice 5 of 6 · T1", "AI")
    lying = [replace(series[0], header=replace(series[0].header, plane=Plane.AXIAL))]
    assert key_images(study, lying, (), _Runtime())[0].edges == ("R", "L", "A", "P")  # type: ignore[arg-type]
    assert one.mask is not None
    assert one.mask.all()
    judged = study.results[0]
    nothing = replace(judged, probabilities={finding: float(finding is Finding.NOTUMOR) for finding in Finding})
    (one,) = key_images(replace(study, results=(nothing,)), series, (), _Runtime())  # type: ignore[arg-type]
    assert one.mask is None
    (one,) = key_images(replace(study, results=(replace(judged, model_sha256="b" * 64),)), series, (), _Runtime())  # type: ignore[arg-type]
    assert one.mask is None
    assert key_images(replace(study, results=()), series, (), _Runtime()) == []  # type: ignore[arg-type]
