"""What is made of a decoded study: which slices are scored, and what is kept of them."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from helpers import redrawn, take_in

from triage.domain import AIResult, Finding, Plane, Series, SeriesHeader, Slice
from triage.inference.runtime import Runtime
from triage.inference.study import LEAST
from triage.phantoms import VOLUME, volume
from triage.pipeline.installation import Installation
from triage.pipeline.process import judge
from triage.settings import Settings

COUNT = 2 * LEAST


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


def test_every_slice_has_its_row_and_those_between_say_nothing(result: AIResult) -> None:
    assert result.slices is not None
    (rows,) = result.slices.table
    looked_at = result.slices.looked_at(0)
    assert (len(rows), len(looked_at)) == (COUNT, LEAST)
    assert {at for at, row in enumerate(rows) if row is not None} <= set(looked_at)
    assert sum(rows[at] is not None for at in looked_at) > LEAST / 2, "the head is on most of them"


def test_slices_of_unknown_places_are_all_scored(thin: Series, runtime: Runtime) -> None:
    unplaced = replace(thin, slices=tuple(replace(one, height=None) for one in thin.slices))
    judged = judge((unplaced,), runtime)
    assert isinstance(judged, AIResult)
    assert judged.slices is not None
    assert judged.slices.steps == (1,)


def test_a_large_study_is_left_to_one_decoder(
    installation: Installation, study_files: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    decode = installation.door.decode
    monkeypatch.setattr(installation.door, "decode", lambda paths: asked.append(len(paths)) or decode(paths))
    (study_id,) = set(take_in(installation, study_files))
    assert sorted(asked) == [1, 5], "the localiser and the series"
    monkeypatch.setattr(sys.modules["triage.pipeline.process"], "SIDE_BY_SIDE", 1000)
    installation.series(study_id)
    assert asked[2:] == [6]


def test_two_decoders_make_of_a_study_what_one_makes_of_it(
    installation: Installation, study_files: dict[str, bytes]
) -> None:
    more = {
        f"{series}/{name}": redrawn(
            file,
            SeriesInstanceUID=f"1.2.3.{series}",
            SeriesNumber=series,
            SOPInstanceUID=f"1.2.3.{series}.{place}",
        )
        for series in (9, 4)
        for place, (name, file) in enumerate(study_files.items())
    }
    (study_id,) = set(take_in(installation, study_files | more))
    study = installation.store.study(study_id)
    assert len(study.series) > 3
    whole = installation.door.decode([installation.files.path(item.sha256) for item in study.instances])
    decoded = installation.series(study_id)
    assert [series.header for series in decoded] == [series.header for series in whole]
    for one, other in zip(decoded, whole, strict=True):
        assert [(slice_.instance, slice_.frame) for slice_ in one.slices] == [
            (slice_.instance, slice_.frame) for slice_ in other.slices
        ]
        assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(one.slices, other.slices, strict=True))
