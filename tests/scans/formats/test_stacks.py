"""The same pictures make the same stacks, however they are packed into files and series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from drawn_dicom import AXIAL, drawn, instance, write
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.uid import RLELossless, generate_uid

from triage.domain import Plane, Series
from triage.scans.formats.decode import decode_study
from triage.scans.formats.stacks import COPIES, arrange

CORONAL = [1, 0, 0, 0, 0, -1]
FRAME = generate_uid()
PLACES = range(6)


def picture(height: float, mark: int = 0, **elements: Any) -> Dataset:
    """An axial slice at a height; its pixels differ from those of every other height and mark."""
    pixels = drawn()
    pixels[0, 0], pixels[0, 1] = round(height * 10) + 500, mark
    stated = {"FrameOfReferenceUID": FRAME, "EchoTime": 10, "RepetitionTime": 500}
    return instance(pixels, **{"ImagePositionPatient": [0, 0, height], **stated, **elements})


def written(folder: Path, made: Sequence[Dataset], seed: int = 0) -> list[Path]:
    """Write the files in an order that says nothing."""
    names = np.random.default_rng(seed).permutation(len(made))
    folder.mkdir(exist_ok=True)
    return sorted(write(folder / f"{name:03d}", one) for name, one in zip(names, made, strict=True))


def contents(series: Sequence[Series], paths: Sequence[Path]) -> list[list[tuple[float, int]]]:
    """Height and mark of the slices of each stack, as pydicom reads the files."""
    headers = [pydicom.dcmread(path) for path in paths]
    return [
        [
            (float(headers[one.instance].ImagePositionPatient[2]), int(headers[one.instance].pixel_array[0, 1]))
            for one in stack.slices
        ]
        for stack in series
    ]


def test_a_copy_of_a_picture_counts_once(tmp_path: Path) -> None:
    """Whatever its UID, its series, its transfer syntax and its place among the files."""
    made = [picture(height) for height in PLACES]
    made += [picture(height, syntax=RLELossless) for height in PLACES]
    made += [picture(height, SeriesInstanceUID=generate_uid(), SeriesNumber=1) for height in PLACES]
    paths = written(tmp_path, made)
    assert contents(decode_study(paths), paths) == [[(height, 0) for height in PLACES]]


def test_a_copy_among_key_images_does_not_stand_alone(tmp_path: Path) -> None:
    key = picture(3, SeriesInstanceUID=generate_uid(), SeriesNumber=1, SeriesDescription="Key images")
    paths = written(tmp_path, [*map(picture, PLACES), key])
    first, stack = decode_study(paths)
    assert (first.header.description, first.header.set_aside, first.slices) == ("Key images", COPIES, ())
    assert contents([stack], paths) == [[(height, 0) for height in PLACES]]


def test_alike_pictures_of_other_places_are_no_copies(tmp_path: Path) -> None:
    paths = written(tmp_path, [instance(ImagePositionPatient=[0, 0, height]) for height in PLACES])
    (stack,) = decode_study(paths)
    assert [one.height for one in stack.slices] == list(PLACES)


def siemens_b_value(header: Dataset, mark: int) -> None:
    header.add(DataElement((0x0019, 0x0010), "LO", "SIEMENS MR HEADER"))
    header.add(DataElement((0x0019, 0x100C), "IS", str(mark * 500)))


def element(keyword: str, values: Sequence[Any]) -> Callable[[Dataset, int], None]:
    return lambda header, mark: setattr(header, keyword, values[mark])


@pytest.mark.parametrize(
    "tell",
    [
        element("AcquisitionNumber", (9, 10, 11)),
        element("TemporalPositionIdentifier", (1, 2, 10)),
        element("EchoTime", (9.5, 30, 100)),
        element("InversionTime", (150, 600, 2500)),
        element("DiffusionBValue", (0.0, 500.0, 1000.0)),
        element("TriggerTime", (0, 50, 100)),
        siemens_b_value,
        element("ImageType", [["ORIGINAL", "PRIMARY", kind] for kind in ("I", "M", "P")]),
        element("SeriesInstanceUID", ("1.2.1", "1.2.2", "1.2.3")),
    ],
    ids=["acquisition", "phase", "echo", "inversion", "b", "trigger", "siemens", "part", "series"],
)
@pytest.mark.parametrize("missing", [None, (0, 2), (2, 5)])
def test_passes_over_the_same_places_are_stacks_of_their_own(
    tmp_path: Path, tell: Callable[[Dataset, int], None], missing: tuple[int, int] | None
) -> None:
    wanted = [(height, mark) for mark in range(3) for height in PLACES if (mark, height) != missing]
    made = [picture(height, mark) for height, mark in wanted]
    for header, (_, mark) in zip(made, wanted, strict=True):
        tell(header, mark)
    paths = written(tmp_path, made)
    stacks = decode_study(paths)
    assert contents(stacks, paths) == [[one for one in wanted if one[1] == mark] for mark in range(3)]
    most = next(mark for mark in range(3) if missing is None or mark != missing[0])
    assert [stack.base for stack in stacks] == [
        most if missing is not None and mark == missing[0] else None for mark in range(3)
    ]


@pytest.mark.parametrize("by_place", [False, True])
def test_passes_that_nothing_names_follow_the_instance_numbers(tmp_path: Path, by_place: bool) -> None:
    made = [
        picture(height, mark, InstanceNumber=1 + (3 * height + mark if by_place else 6 * mark + height))
        for mark in range(3)
        for height in PLACES
    ]
    paths = written(tmp_path, made)
    assert contents(decode_study(paths), paths) == [[(height, mark) for height in PLACES] for mark in range(3)]


def test_one_more_slice_over_a_stack_refers_to_it_for_its_neighbours(tmp_path: Path) -> None:
    more = picture(2, 1, SeriesInstanceUID=generate_uid(), SeriesNumber=1)
    paths = written(tmp_path, [*map(picture, PLACES), more])
    first, stack = decode_study(paths)
    assert contents([first, stack], paths) == [[(2, 1)], [(height, 0) for height in PLACES]]
    assert (first.base, stack.base) == (1, None)


@pytest.mark.parametrize("series", [6, 2])
def test_a_stack_in_several_series_is_one(tmp_path: Path, series: int) -> None:
    uids = [generate_uid() for _ in range(series)]
    made = [picture(height, SeriesInstanceUID=uids[height % series], SeriesNumber=height) for height in PLACES]
    paths = written(tmp_path, made)
    (stack,) = decode_study(paths)
    assert contents([stack], paths) == [[(height, 0) for height in PLACES]]
    assert stack.header.spacing == (0.5, 0.6, 1.0)
    (whole,) = decode_study(written(tmp_path / "whole", [picture(height) for height in PLACES]))
    assert all(np.array_equal(a.pixels, b.pixels) for a, b in zip(stack.slices, whole.slices, strict=True))


def test_passes_with_a_series_for_every_slice_are_found(tmp_path: Path) -> None:
    made = [
        picture(height, mark, SeriesInstanceUID=generate_uid(), SeriesNumber=6 * mark + height)
        for mark in range(2)
        for height in PLACES
    ]
    paths = written(tmp_path, made)
    assert contents(decode_study(paths), paths) == [[(height, mark) for height in PLACES] for mark in range(2)]


@pytest.mark.parametrize(
    "other",
    [
        {"SeriesDescription": "T2"},
        {"EchoTime": 100},
        {"RepetitionTime": 5000},
        {"FrameOfReferenceUID": generate_uid()},
        {"PixelSpacing": [1, 1]},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_acquisition_between_the_slices_stays_apart(tmp_path: Path, other: dict[str, Any]) -> None:
    uid = generate_uid()
    made = [picture(height) for height in PLACES]
    made += [picture(height + 0.5, 1, SeriesInstanceUID=uid, SeriesNumber=4, **other) for height in PLACES]
    paths = written(tmp_path, made)
    assert contents(decode_study(paths), paths) == [
        [(height, 0) for height in PLACES],
        [(height + 0.5, 1) for height in PLACES],
    ]


def test_a_stray_picture_neither_labels_nor_reorders_a_series(tmp_path: Path) -> None:
    stray = picture(2.2, 1, ImageOrientationPatient=CORONAL, InstanceNumber=0)
    paths = [write(tmp_path / "000", stray), *written(tmp_path / "others", [picture(height) for height in PLACES])]
    axial, coronal = decode_study(paths)
    assert (axial.header.plane, coronal.header.plane) == (Plane.AXIAL, Plane.CORONAL)
    assert contents([axial, coronal], paths) == [[(height, 0) for height in PLACES], [(2.2, 1)]]


def test_positions_without_orientation_order_the_slices(tmp_path: Path) -> None:
    made = [
        picture(
            0, ImageOrientationPatient=None, InstanceNumber=None, ImagePositionPatient=[-9, 5 * height, 0.5 * height]
        )
        for height in PLACES
    ]
    for height, header in enumerate(made):
        header.PixelData = (drawn() + height).tobytes()
    paths = written(tmp_path, made)
    (stack,) = decode_study(paths)
    assert [float(pydicom.dcmread(paths[one.instance]).ImagePositionPatient[1]) for one in stack.slices] == [
        5 * height for height in PLACES
    ]
    assert (stack.header.plane, stack.header.spacing) == (None, (0.5, 0.6, 5.0))


def test_a_position_that_is_the_same_for_all_is_not_believed(tmp_path: Path) -> None:
    made = [picture(0, mark, InstanceNumber=mark) for mark in PLACES]
    paths = written(tmp_path, made)
    assert contents(decode_study(paths), paths) == [[(0, mark) for mark in PLACES]]
    located = [picture(0, mark, SliceLocation=-mark) for mark in PLACES]
    paths = written(tmp_path / "located", located)
    assert contents(decode_study(paths), paths) == [[(0, mark) for mark in reversed(PLACES)]]


def test_the_order_of_the_files_says_nothing_and_arranging_again_changes_nothing(tmp_path: Path) -> None:
    made = [picture(height, mark) for mark in range(2) for height in PLACES if mark == 0 or height > 1]
    made += [picture(height, 2, ImageOrientationPatient=CORONAL, SeriesInstanceUID="1.2.5") for height in (1, 2)]
    made += [picture(2, 3, SeriesDescription="other"), picture(height=2)]
    seen = []
    for seed in range(4):
        paths = written(tmp_path / str(seed), made, seed)
        stacks = decode_study(paths)
        again = arrange(reversed(stacks))
        assert contents(again, paths) == contents(stacks, paths)
        assert [(one.header, one.base) for one in again] == [(one.header, one.base) for one in stacks]
        seen.append((contents(stacks, paths), [(one.header, one.base) for one in stacks]))
    assert all(one == seen[0] for one in seen)


def test_axial_slices_tilted_a_little_are_one_stack(tmp_path: Path) -> None:
    made = [
        picture(height, ImageOrientationPatient=AXIAL if height % 2 else [1, 0, 0, 0, 0.99999, 0.004])
        for height in PLACES
    ]
    paths = written(tmp_path, made)
    assert contents(decode_study(paths), paths) == [[(height, 0) for height in PLACES]]
