from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from dicoms import head, item, mr
from helpers import complaints
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.uid import EnhancedMRImageStorage, generate_uid
from reports.test_sr import RESULT, stored

from triage.domain import Placement, Score, Slice
from triage.reports.seg import on_slice, segmentation
from triage.scans.formats.decode import decode_study
from triage.scans.formats.inspect import inspect

#: Rows run to the back, columns run up: the stored slice lies on its side.
TURNED = [0, 0, 1, 0, 1, 0]


def scored(slices: list[Slice], *masks: NDArray[np.float32] | None) -> list[tuple[Slice, Score]]:
    """The slices that have a mask, each over a frame that is the slice itself."""
    side = max(slices[0].pixels.shape)
    empty, whole = np.zeros((2, 2, 4), np.float32), Placement(0, 0, side)
    return [
        (one, Score({}, empty, whole, mask, whole, (), True))
        for one, mask in zip(slices, masks, strict=True)
        if mask is not None
    ]


def spot(row: int, column: int, side: int = 128) -> NDArray[np.float32]:
    mask = np.zeros((side, side), np.float32)
    mask[row - 4 : row + 5, column - 4 : column + 5] = 0.8
    return mask


def series(folder: Path, count: int = 3, **elements: object) -> tuple[list[Dataset], list[Slice]]:
    """Write a series and decode it as the pipeline does."""
    shared = {keyword: generate_uid() for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "FrameOfReferenceUID")}
    datasets = [mr(head(number), number=number + 1, **shared | elements) for number in range(count)]
    stored(folder, *datasets)
    (decoded,) = decode_study([folder / f"{number}.dcm" for number in range(count)])
    return datasets, list(decoded.slices)


def test_a_mask_lies_on_its_slices(tmp_path: Path) -> None:
    datasets, slices = series(tmp_path)
    made = segmentation(RESULT, stored(tmp_path, *datasets), scored(slices, None, spot(30, 50), spot(40, 60)), 1)
    assert made is not None
    assert complaints(made, tmp_path) == []
    assert made.NumberOfFrames == 2
    assert made.SegmentationFractionalType == "PROBABILITY"
    for frame, pixels in zip(made.PerFrameFunctionalGroupsSequence, made.pixel_array, strict=True):
        source = frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID
        (number,) = (place for place, one in enumerate(datasets) if one.SOPInstanceUID == source)
        assert frame.PlanePositionSequence[0].ImagePositionPatient == datasets[number].ImagePositionPatient
        row, column = {1: (30, 50), 2: (40, 60)}[number]
        assert pixels[row, column] == round(0.8 * 255)
        assert pixels[column, row] == 0
    assert made.FrameOfReferenceUID == datasets[0].FrameOfReferenceUID


def test_a_slice_that_was_turned_for_the_reader_is_turned_back(tmp_path: Path) -> None:
    datasets, slices = series(tmp_path, 1, ImageOrientationPatient=TURNED)
    upright = slices[0].pixels
    assert not np.array_equal(upright > 1500, datasets[0].pixel_array > 1500)
    bright = (upright > np.median(upright[upright > upright.max() // 4])).astype(np.float32)
    made = segmentation(RESULT, stored(tmp_path, *datasets), scored(slices, bright), 1)
    assert made is not None
    stored_bright = datasets[0].pixel_array > np.median(datasets[0].pixel_array[datasets[0].pixel_array > 600])
    assert np.mean((made.pixel_array > 127) == stored_bright) > 0.97


def test_frames_of_an_enhanced_object_keep_their_numbers(tmp_path: Path) -> None:
    def frame(number: int) -> Dataset:
        return item(
            PlanePositionSequence=[item(ImagePositionPatient=[0, 0, 5 * number])],
            FrameContentSequence=[item(DimensionIndexValues=[number + 1])],
        )

    shared = item(
        PlaneOrientationSequence=[item(ImageOrientationPatient=[1, 0, 0, 0, 1, 0])],
        PixelMeasuresSequence=[item(PixelSpacing=[1, 1], SliceThickness=5)],
    )
    enhanced = mr(
        np.stack([head(number) for number in range(3)]),
        SOPClassUID=EnhancedMRImageStorage,
        SharedFunctionalGroupsSequence=[shared],
        PerFrameFunctionalGroupsSequence=[frame(number) for number in range(3)],
    )
    for keyword in ("ImageOrientationPatient", "ImagePositionPatient", "PixelSpacing", "SliceThickness"):
        delattr(enhanced, keyword)
    sources = stored(tmp_path, enhanced)
    assert inspect(tmp_path / "0.dcm").frames == 3
    (decoded,) = decode_study([tmp_path / "0.dcm"])
    made = segmentation(RESULT, sources, scored(list(decoded.slices), None, None, spot(20, 20)), 1)
    assert made is not None
    (only,) = made.PerFrameFunctionalGroupsSequence
    assert only.DerivationImageSequence[0].SourceImageSequence[0].ReferencedFrameNumber == 3
    assert complaints(made, tmp_path) == []


def test_nothing_is_drawn_where_there_is_nothing_to_lay_it_on(tmp_path: Path) -> None:
    datasets, slices = series(tmp_path, 1)
    sources = stored(tmp_path, *datasets)
    assert segmentation(RESULT, sources, scored(slices, None), 1) is None
    assert segmentation(RESULT, sources, scored(slices, np.zeros((8, 8), np.float32)), 1) is None
    del datasets[0].ImagePositionPatient
    assert segmentation(RESULT, stored(tmp_path, *datasets), scored(slices, spot(9, 9)), 1) is None


def test_the_same_masks_give_the_same_object(tmp_path: Path) -> None:
    datasets, slices = series(tmp_path, 2)
    sources = stored(tmp_path, *datasets)
    made = [segmentation(RESULT, sources, scored(slices, spot(9, 9), None), 1) for _ in range(2)]
    assert made[0] == made[1]


@pytest.mark.parametrize("placement", [Placement(0, 0, 64), Placement(-20, -10, 90), Placement(12, -8, 40)])
def test_a_frame_is_laid_where_it_was_cut(placement: Placement) -> None:
    mask = np.zeros((32, 32), np.float32)
    mask[12:20, 8:16] = 1
    laid = on_slice(mask, placement, (64, 80))
    y, x = np.nonzero(laid > 0.5)
    scale = placement.side / 32
    assert laid.shape == (64, 80)
    assert abs(x.mean() + 0.5 - (placement.left + 12 * scale)) < 1
    assert abs(y.mean() + 0.5 - (placement.top + 16 * scale)) < 1
