"""What readers outlined is exported beside the labels, and read back by training pixel for pixel."""

from __future__ import annotations

import csv
import io
import zipfile
from pathlib import Path

import numpy as np
import pytest
from helpers import sign_study, take_in
from marked_samples import marks, mask
from PIL import Image

from triage.domain import Finding, Slice
from triage.learning.dataset import read_dataset
from triage.learning.labels import NOT_THE_LESION
from triage.phantom_studies import phantom_study
from triage.pipeline.installation import Installation
from triage.records.marked import marker
from triage.training.layouts import load_mask, load_picture
from triage.training.layouts.readings import read_readings


def sign(installation: Installation, study_id: str, finding: Finding, content: object = None) -> None:
    """Sign a study, with marks if there are any."""
    if content is not None:
        seen = installation.store.marks.draft(study_id, "Dr. A").version
        assert installation.store.marks.save(study_id, "Dr. A", content, seen=seen)[0]
    sign_study(installation, study_id, finding)


def slices(installation: Installation, study_id: str) -> tuple[Slice, ...]:
    """The slices of the series that is scored."""
    (scored,) = (one.slices for one in installation.series(study_id) if one.slices)
    return scored


@pytest.fixture
def study_id(installation: Installation) -> str:
    return take_in(installation, dict(phantom_study(Finding.GLIOMA, 5)))[0]


@pytest.fixture
def outlines(installation: Installation, study_id: str) -> dict[int, np.ndarray]:
    """By number of the slice: two slices with a lesion, and one that has none, at the place that the AI marked."""
    result = installation.store.study(study_id).result
    assert result is not None
    assert result.slices is not None
    marked = result.slices.slice
    others = [at for at in range(5) if at != marked][:2]
    shape = slices(installation, study_id)[0].pixels.shape
    drawn = {marked: np.zeros(shape, bool)}
    for number, at in enumerate(others):
        drawn[at] = np.zeros(shape, bool)
        drawn[at][30 + number : 60, 40:90] = True
    return drawn


def content(installation: Installation, study_id: str, outlines: dict[int, np.ndarray]) -> dict[str, object]:
    study = installation.store.study(study_id)
    names = [marker(study.instances[one.instance].sha256, one.frame) for one in slices(installation, study_id)]
    return marks(masks={names[at]: mask(pixels) for at, pixels in outlines.items()})


@pytest.mark.parametrize("unpack", [False, True])
def test_outlines_are_read_back_pixel_for_pixel(
    installation: Installation, study_id: str, outlines: dict[int, np.ndarray], tmp_path: Path, unpack: bool
) -> None:
    drawn = content(installation, study_id, outlines)
    drawn["masks"][next(iter(drawn["masks"]))]["origin"] = "0123456789abcdef"
    sign(installation, study_id, Finding.GLIOMA, drawn)
    target = tmp_path / "readings.zip"
    installation.export_readings(target)
    if unpack:
        with zipfile.ZipFile(target) as archive:
            archive.extractall(tmp_path / "folder")
        target = tmp_path / "folder"
    data = read_readings(target)
    by_number = {int(item.path[-8:-4]) - 1: item for item in data.items}
    assert set(by_number) == {at for at, pixels in outlines.items() if pixels.any()}
    decoded = slices(installation, study_id)
    for at, item in by_number.items():
        assert item.label == Finding.GLIOMA
        assert np.array_equal(load_picture(target, item), decoded[at].pixels)
        assert np.array_equal(load_mask(target, item), outlines[at])
    with zipfile.ZipFile(tmp_path / "readings.zip") as archive:
        exported = list(csv.DictReader(io.StringIO(archive.read("slices.csv").decode())))
    begun = [row["outline_model"] for row in exported if row["outline"]]
    assert sorted(begun) == ["", "", "0123456789abcdef"]
    (study,) = read_dataset(target).studies
    without = [entry for entry in study.slices if entry.label is None and entry.outline]
    assert [entry.note for entry in without] == [NOT_THE_LESION]
    if unpack:
        assert not np.asarray(Image.open(target / without[0].outline)).any()


def test_only_outlines_of_the_finding_that_holds_are_exported(
    installation: Installation, study_id: str, outlines: dict[int, np.ndarray], tmp_path: Path
) -> None:
    def exported() -> list[str]:
        installation.export_readings(tmp_path / "readings.zip")
        (study,) = read_dataset(tmp_path / "readings.zip").studies
        return [entry.outline for entry in study.slices if entry.outline]

    sign(installation, study_id, Finding.GLIOMA, content(installation, study_id, outlines))
    sign(installation, study_id, Finding.GLIOMA)
    assert len(exported()) == 3
    sign_study(installation, study_id, Finding.MENINGIOMA, reader="Dr. B")  # who has outlined nothing
    assert exported() == []
    sign(installation, study_id, Finding.NOTUMOR)
    assert exported() == []
    sign(installation, study_id, Finding.GLIOMA)
    assert len(exported()) == 3
    sign(installation, study_id, Finding.GLIOMA, marks())
    assert exported() == [], "an amendment without outlines has none"


def test_an_outline_of_another_size_is_left_out(installation: Installation, study_id: str, tmp_path: Path) -> None:
    sign(installation, study_id, Finding.GLIOMA, content(installation, study_id, {0: np.ones((4, 4), bool)}))
    installation.export_readings(tmp_path / "readings.zip")
    (study,) = read_dataset(tmp_path / "readings.zip").studies
    assert not any(entry.outline for entry in study.slices)
