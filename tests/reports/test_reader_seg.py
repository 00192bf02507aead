"""The outline of a reader, held against the source images, dciodvfy and the pixels."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from helpers import complaints
from marked_samples import mask
from reports.test_seg import TURNED, series
from reports.test_sr import stored

from triage.domain import Slice
from triage.records.marked import Marks, Mask
from triage.records.marks import SignedMarks
from triage.reports.reader_seg import reader_segmentation

SIGNED_AT = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)


def signed(reader: str = "Dr. Ada Müller") -> SignedMarks:
    return SignedMarks(Marks(), reader, 2, SIGNED_AT)


def drawn(slices: list[Slice], *pixels: np.ndarray) -> list[tuple[Slice, Mask]]:
    return [(one, Mask.model_validate(mask(each))) for one, each in zip(slices, pixels, strict=True)]


def corner(slice_: Slice, row: int, column: int) -> np.ndarray:
    """A mask that is in a corner of its own: a turn or a flip would show."""
    pixels = np.zeros(slice_.pixels.shape, bool)
    pixels[row : row + 6, column : column + 3] = True
    return pixels


def test_the_masks_lie_on_their_images_under_the_name_of_the_reader(tmp_path: Path) -> None:
    datasets, slices = series(tmp_path, 3)
    masks = [corner(one, 20 + 5 * at, 40) for at, one in enumerate(slices)]
    masks[1][:] = False
    made = reader_segmentation(signed(), stored(tmp_path, *datasets), drawn(slices, *masks), 1)
    assert made is not None
    assert complaints(made, tmp_path) == []
    assert (made.SegmentationType, made.NumberOfFrames) == ("BINARY", 2)
    assert str(made.ContentCreatorName).rstrip("^") == "Dr. Ada Müller"
    assert (made.ContentDate, made.ContentTime, made.TimezoneOffsetFromUTC) == ("20260301", "233000", "+0000")
    assert made.SegmentSequence[0].SegmentAlgorithmType == "MANUAL"
    by_source = {
        str(frame.DerivationImageSequence[0].SourceImageSequence[0].ReferencedSOPInstanceUID): pixels
        for frame, pixels in zip(made.PerFrameFunctionalGroupsSequence, made.pixel_array, strict=True)
    }
    expected = {
        str(datasets[one.instance].SOPInstanceUID): pixels
        for one, pixels in zip(slices, masks, strict=True)
        if pixels.any()
    }
    assert by_source.keys() == expected.keys()
    assert all(np.array_equal(by_source[name], expected[name]) for name in expected)


def test_an_outline_that_began_as_that_of_the_ai_says_so(tmp_path: Path) -> None:
    datasets, slices = series(tmp_path, 2)
    alone, begun = (mask(corner(one, 9, 9)) for one in slices)
    both = [Mask.model_validate(one) for one in (alone, begun | {"origin": "0123456789abcdef"})]
    made = reader_segmentation(signed(), stored(tmp_path, *datasets), list(zip(slices, both, strict=True)), 1)
    assert made is not None
    assert complaints(made, tmp_path) == []
    (segment,) = made.SegmentSequence
    assert segment.SegmentAlgorithmType == "SEMIAUTOMATIC"
    assert segment.SegmentationAlgorithmIdentificationSequence[0].AlgorithmVersion == "0123456789abcdef"


def test_a_slice_that_was_turned_for_the_reader_is_turned_back(tmp_path: Path) -> None:
    datasets, slices = series(tmp_path, 1, ImageOrientationPatient=TURNED)
    bright = slices[0].pixels > np.quantile(slices[0].pixels, 0.9)
    made = reader_segmentation(signed(), stored(tmp_path, *datasets), drawn(slices, bright), 1)
    assert made is not None
    stored_bright = datasets[0].pixel_array > np.quantile(datasets[0].pixel_array, 0.9)
    assert np.mean((made.pixel_array > 0) == stored_bright) > 0.999


@pytest.mark.parametrize("reader", ["A^B=C\\D", "山田太郎", "x" * 80])
def test_any_name_is_a_name(tmp_path: Path, reader: str) -> None:
    datasets, slices = series(tmp_path, 1)
    made = reader_segmentation(signed(reader), stored(tmp_path, *datasets), drawn(slices, corner(slices[0], 9, 9)), 1)
    assert made is not None
    assert complaints(made, tmp_path) == []
    assert str(made.ContentCreatorName).count("^") == 1


def test_nothing_is_made_of_nothing(tmp_path: Path) -> None:
    datasets, slices = series(tmp_path, 1)
    empty = np.zeros(slices[0].pixels.shape, bool)
    assert reader_segmentation(signed(), stored(tmp_path, *datasets), drawn(slices, empty), 1) is None
    assert reader_segmentation(signed(), stored(tmp_path, *datasets), [], 1) is None
    del datasets[0].ImagePositionPatient
    there = drawn(slices, corner(slices[0], 9, 9))
    assert reader_segmentation(signed(), stored(tmp_path, *datasets), there, 1) is None


def test_the_same_outline_gives_the_same_object(tmp_path: Path) -> None:
    datasets, slices = series(tmp_path, 2)
    sources = stored(tmp_path, *datasets)
    there = drawn(slices, *(corner(one, 9, 9) for one in slices))
    made = [reader_segmentation(signed(), sources, there, 1) for _ in range(2)]
    assert made[0] == made[1]
