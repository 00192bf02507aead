"""One head, packed in every way that was met or thought of: the stacks are those of the plain series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from drawn_dicom import instance, write
from numpy.typing import NDArray
from pydicom import Dataset
from pydicom.dataelem import DataElement
from pydicom.uid import EnhancedMRImageStorage, generate_uid

from triage.domain import Finding
from triage.phantoms import volume
from triage.scans.formats.decode import decode_study
from triage.scans.formats.origin import without_numbering

COUNT, DISTANCE = 8, 5.0
FRAME = generate_uid()
Pack = Callable[[list[Dataset]], list[Dataset]]


@cache
def head() -> tuple[NDArray[np.uint16], ...]:
    return tuple(np.ascontiguousarray(pixels[::3, ::3]).astype(np.uint16) for pixels in volume(Finding.GLIOMA, COUNT))


def plain(**elements: Any) -> list[Dataset]:
    """The head as a scanner writes it; elements replace, None removes."""
    stated = {
        "SeriesDescription": "AX T1",
        "FrameOfReferenceUID": FRAME,
        "RepetitionTime": 552.5,
        "EchoTime": 12,
        "SliceThickness": DISTANCE,
        "AcquisitionNumber": 1,
        "TemporalPositionIdentifier": 1,
    }
    return [
        instance(
            pixels,
            **stated
            | {
                "InstanceNumber": at + 1,
                "ImagePositionPatient": [0, 0, at * DISTANCE],
                "SliceLocation": at * DISTANCE,
            }
            | elements,
        )
        for at, pixels in enumerate(head())
    ]


def stacks(folder: Path, made: Sequence[Dataset], seed: int = 0) -> list[list[int]]:
    """The slices of each stack by their place in the head, read by pydicom from files in an order that says nothing."""
    folder.mkdir(exist_ok=True)
    names = np.random.default_rng(seed).permutation(len(made))
    paths = sorted(write(folder / f"{name:03d}", one) for name, one in zip(names, made, strict=True))
    places = {pixels.tobytes(): at for at, pixels in enumerate(head())}

    def place(index: int, frame: int) -> int:
        pixels = pydicom.dcmread(paths[index]).pixel_array
        pixels = pixels if pixels.ndim == 2 else pixels[frame]
        return places.get(pixels.tobytes(), places.get((pixels // 2).tobytes(), -1))

    decoded = decode_study(paths)
    return [[place(one.instance, one.frame) for one in stack.slices] for stack in decoded if stack.slices]


def brighter(**elements: Any) -> list[Dataset]:
    """Another pass over the same places."""
    made = plain(**elements)
    for at, one in enumerate(made):
        one.PixelData = (2 * head()[at]).tobytes()
    return made


def put(keyword: str, value: Callable[[int], Any]) -> Pack:
    def pack(made: list[Dataset]) -> list[Dataset]:
        for at, one in enumerate(made):
            setattr(one, keyword, value(at))
        return made

    return pack


def without(*keywords: str, slices: Sequence[int] = range(COUNT)) -> Pack:
    def pack(made: list[Dataset]) -> list[Dataset]:
        for at in slices:
            for keyword in keywords:
                if keyword in made[at]:
                    delattr(made[at], keyword)
        return made

    return pack


def both(*packs: Pack) -> Pack:
    def pack(made: list[Dataset]) -> list[Dataset]:
        for one in packs:
            made = one(made)
        return made

    return pack


def own_series(made: list[Dataset]) -> list[Dataset]:
    for at, one in enumerate(made):
        one.SeriesInstanceUID, one.SeriesNumber = generate_uid(), 100 + at
    return made


def halves(made: list[Dataset]) -> list[Dataset]:
    uids = generate_uid(), generate_uid()
    for at, one in enumerate(made):
        one.SeriesInstanceUID, one.SeriesNumber = uids[at % 2], 7 + at % 2
    return made


def copies(made: list[Dataset]) -> list[Dataset]:
    again = deepcopy(made)
    for one in again:
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return made + both(put("SeriesInstanceUID", lambda _: "1.2.9"), put("SeriesDescription", lambda _: "KEY"))(again)


def rescaled_copies(made: list[Dataset]) -> list[Dataset]:
    again = copies(made)
    return both(put("RescaleSlope", lambda at: 1 + at // COUNT), put("RescaleIntercept", lambda _: 0))(again)


def rotated(degrees: Callable[[int], float]) -> Pack:
    """An oblique head whose orientations and positions differ a little."""

    def pack(made: list[Dataset]) -> list[Dataset]:
        for at, one in enumerate(made):
            angle = np.radians(degrees(at))
            column = [0.0, float(np.cos(angle)), float(np.sin(angle))]
            normal = np.cross([1, 0, 0], column)
            one.ImageOrientationPatient = [1, 0, 0, *(round(number, 6) for number in column)]
            one.ImagePositionPatient = [round(float(number), 4) for number in at * DISTANCE * normal]
        return made

    return pack


POSITION = ("ImagePositionPatient",)
PLACE = ("ImagePositionPatient", "SliceLocation")
ALL = ("ImagePositionPatient", "SliceLocation", "ImageOrientationPatient")
CONSTANT = put("ImagePositionPatient", lambda _: [0, 0, 0])
PACKS: dict[str, Pack] = {
    "plain": lambda made: made,
    "no position": without(*POSITION),
    "no position, no orientation": without("ImagePositionPatient", "ImageOrientationPatient"),
    "no place": without(*PLACE),
    "nothing of geometry": without(*ALL),
    "constant position": CONSTANT,
    "constant position, no location": both(CONSTANT, without("SliceLocation")),
    "constant position and location": both(CONSTANT, put("SliceLocation", lambda _: 0)),
    "constant position, no orientation": both(CONSTANT, without("SliceLocation", "ImageOrientationPatient")),
    "no place, no instance number": both(
        without(*PLACE, "InstanceNumber"), put("AcquisitionNumber", lambda at: at + 1)
    ),
    "no place, numbers by series": both(without(*PLACE), put("AcquisitionNumber", lambda at: at + 1)),
    "no place, phases": both(without(*PLACE), put("TemporalPositionIdentifier", lambda at: at + 1)),
    "constant position, acquisitions": both(
        CONSTANT, without("SliceLocation"), put("AcquisitionNumber", lambda at: at + 1)
    ),
    "frames of reference": put("FrameOfReferenceUID", lambda _: generate_uid()),
    "frames of reference, no place": both(put("FrameOfReferenceUID", lambda _: generate_uid()), without(*PLACE)),
    "frames of reference by halves": put("FrameOfReferenceUID", lambda at: f"1.2.{at % 2}"),
    "frames of reference by thirds": put("FrameOfReferenceUID", lambda at: f"1.2.{at % 3}"),
    "no frame of reference": without("FrameOfReferenceUID", slices=(2, 5)),
    "numbered": put("SeriesDescription", lambda at: f"AX T1 {at + 1}"),
    "slice of": put("SeriesDescription", lambda at: f"AX T1 slice {at + 1} of {COUNT}"),
    "glued": put("SeriesDescription", lambda at: f"AX_T1_slice{at + 1:03d}"),
    "numbered, nothing else": both(
        put("SeriesDescription", lambda at: f"AX T1 {at + 1}"), without(*ALL), put("InstanceNumber", lambda _: 1)
    ),
    "numbered protocol": put("ProtocolName", lambda at: f"AX T1 {at + 1}"),
    "no description": without("SeriesDescription", slices=(3,)),
    "acquisition numbers": put("AcquisitionNumber", lambda at: at + 1),
    "phase numbers": put("TemporalPositionIdentifier", lambda at: at + 1),
    "acquisition times": put("AcquisitionTime", lambda at: f"1200{at:02d}"),
    "repetition times around an edge": put("RepetitionTime", lambda at: (552.4, 552.6)[at % 2]),
    "no repetition time": without("RepetitionTime", slices=range(0, COUNT, 2)),
    "no repetition and no echo time": both(
        without("RepetitionTime", slices=range(0, COUNT, 2)), without("EchoTime", slices=range(1, COUNT, 2))
    ),
    "gated": put("RepetitionTime", lambda at: (810, 870, 840, 930, 900, 990, 960, 1020)[at]),
    "inversion time 0": put("InversionTime", lambda at: (0, 150)[at % 2]),
    "pixel size rounded": put("PixelSpacing", lambda at: ([0.46875, 0.46875], [0.469, 0.4688])[at % 2]),
    "copies": copies,
    "rescaled copies": rescaled_copies,
    "orientations rounded": rotated(lambda at: 20 + (0, 0.02)[at % 2]),
    "orientations that differ": rotated(lambda at: 20 + 0.4 * (at % 3)),
    "between two planes": rotated(lambda at: 45.286 + 0.2 * (at % 2)),
    "positions that jitter": put("ImagePositionPatient", lambda at: [0, 0, at * DISTANCE + (0, 0.6, -0.5)[at % 3]]),
    "no position for one": without(*POSITION, slices=(3,)),
    "no place for one": without(*PLACE, slices=(3,)),
    "no orientation for one": without("ImageOrientationPatient", slices=(3,)),
    "one localiser": lambda made: put("ImageType", lambda at: ["ORIGINAL", "PRIMARY", *["LOCALIZER"] * (at == 4)])(
        made
    ),
    "one derived": put("ImageType", lambda at: (["ORIGINAL", "PRIMARY"], ["DERIVED", "SECONDARY"])[at == 4]),
    "some derived": put("ImageType", lambda at: ["DERIVED" if at in (1, 4, 6) else "ORIGINAL", "PRIMARY"]),
    "one of another part": put("BodyPartExamined", lambda at: ("HEAD", "CSPINE")[at == 7]),
    "one echo number": put("EchoNumbers", lambda at: 1 + (at == 3)),
    "one echo number, no place": both(put("EchoNumbers", lambda at: 1 + (at == 3)), without(*PLACE)),
    "stations": put("StationName", lambda at: ("MR1", "")[at % 2]),
}


@pytest.mark.parametrize("deal", [lambda made: made, own_series, halves], ids=["one", "own", "halves"])
@pytest.mark.parametrize("name", PACKS)
def test_however_packed_it_is_one_stack(tmp_path: Path, name: str, deal: Pack) -> None:
    made = deal(plain()) if "copies" in name else plain()
    made = PACKS[name](made)
    if "copies" not in name:
        made = deal(made)
    found = stacks(tmp_path, made)
    assert [sorted(one) for one in found] == [list(range(COUNT))]
    assert found[0] in (list(range(COUNT)), list(range(COUNT))[::-1]), "in order, from either end"


@pytest.mark.parametrize("shift", [0.2, 0.04 * DISTANCE, 0.3 * DISTANCE, 0.5 * DISTANCE])
@pytest.mark.parametrize("deal", [lambda made: made, own_series, lambda made: made[:COUNT] + halves(made[COUNT:])])
def test_a_second_pass_a_little_further_on_is_a_stack_of_its_own(tmp_path: Path, deal: Pack, shift: float) -> None:
    again = put("ImagePositionPatient", lambda at: [0, 0, at * DISTANCE + shift])(brighter(AcquisitionNumber=2))
    assert stacks(tmp_path, deal(plain() + again)) == [list(range(COUNT))] * 2


def test_halves_with_numbers_of_their_own_fill_each_others_gaps(tmp_path: Path) -> None:
    made = both(halves, put("InstanceNumber", lambda at: 1 + at // 2), put("AcquisitionNumber", lambda at: at % 2))
    assert stacks(tmp_path, made(plain())) == [list(range(COUNT))]


@pytest.mark.parametrize("keyword", ["SequenceName", "StationName", "DeviceSerialNumber", "ProtocolName"])
@pytest.mark.parametrize("name", [lambda at: "ab"[at % 2], lambda at: "ab"[at > 4], lambda at: "abcdefgh"[at]])
def test_a_name_that_changes_within_a_series_does_not_divide_it(
    tmp_path: Path, keyword: str, name: Callable[[int], str]
) -> None:
    assert stacks(tmp_path, put(keyword, name)(plain())) == [list(range(COUNT))]


def test_sequences_that_repeat_the_places_of_a_series_are_stacks_of_their_own(tmp_path: Path) -> None:
    made = plain(SequenceName="*ep_b0") + brighter(SequenceName="*ep_b1000", AcquisitionNumber=1)
    assert stacks(tmp_path, made) == [list(range(COUNT))] * 2


@pytest.mark.parametrize("keyword", ["EchoTime", "RepetitionTime", "SeriesDescription"])
@pytest.mark.parametrize("deal", [lambda made: made, own_series])
def test_slices_that_leave_something_out_fill_the_gaps_of_one_of_two_passes(
    tmp_path: Path, keyword: str, deal: Pack
) -> None:
    again = brighter(EchoTime=100, RepetitionTime=4000, SeriesDescription="AX T2")
    made = without(keyword, slices=range(0, COUNT, 2))(plain()) + again
    assert stacks(tmp_path, deal(made)) == [list(range(COUNT))] * 2


@pytest.mark.parametrize("series", ["1.2.3", "1.2.4"])
@pytest.mark.parametrize("keyword", ["EchoTime", "RepetitionTime"])
def test_two_passes_that_both_leave_something_out_are_told_by_series_or_echo(
    tmp_path: Path, keyword: str, series: str
) -> None:
    first = plain(SeriesInstanceUID="1.2.3", EchoNumbers=1)
    second = brighter(SeriesInstanceUID=series, EchoNumbers=2, EchoTime=100, RepetitionTime=4000)
    leave_out = without(keyword, slices=range(0, COUNT, 2))
    assert stacks(tmp_path, leave_out(first) + leave_out(second)) == [list(range(COUNT))] * 2


@pytest.mark.parametrize("gaps", [(2, 5), (2, 6), (5, 2)])
@pytest.mark.parametrize("direction", [1, -1])
def test_uneven_gaps_are_of_one_stack_if_the_numbers_follow_the_places(
    tmp_path: Path, gaps: tuple[int, int], direction: int
) -> None:
    heights = [sum(gaps) * (at // 2) + gaps[0] * (at % 2) for at in range(COUNT)]
    uneven = both(
        put("ImagePositionPatient", lambda at: [0, 0, heights[at]]),
        put("InstanceNumber", lambda at: direction * at + COUNT),
        without("SliceLocation"),
    )
    assert stacks(tmp_path, uneven(plain(SliceThickness=4))) == [list(range(COUNT))]
    phases = put("TemporalPositionIdentifier", lambda at: 1 + at % 2)(uneven(plain(SliceThickness=4)))
    assert stacks(tmp_path / "phases", phases) == [list(range(0, COUNT, 2)), list(range(1, COUNT, 2))]


@pytest.mark.parametrize("shift", [2.5, 1.9, 0.0])
def test_a_patient_who_lies_anew_is_in_a_stack_of_its_own(tmp_path: Path, shift: float) -> None:
    """Even if the slices lie between those of before, and do not overlap."""
    again = put("ImagePositionPatient", lambda at: [1.5, -2, at * DISTANCE + shift])(
        brighter(FrameOfReferenceUID=generate_uid(), SliceThickness=2)
    )
    assert stacks(tmp_path, plain(SliceThickness=2) + again) == [list(range(COUNT))] * 2


@pytest.mark.parametrize("thickness", [0.2, 0.4, 5])
@pytest.mark.parametrize("deal", [lambda made: made, own_series, halves])
def test_a_thin_volume_is_one_stack(tmp_path: Path, deal: Pack, thickness: float) -> None:
    made = plain(SliceThickness=thickness)
    for at, one in enumerate(made):
        one.ImagePositionPatient = [0, 0, round(0.2 * at + 0.004 * (at % 2), 3)]
    assert stacks(tmp_path, deal(made)) == [list(range(COUNT))]


@pytest.mark.parametrize(
    "elements",
    [
        {"SeriesDescription": "AX T2"},
        {"RepetitionTime": 4000, "EchoTime": 100},
        {"EchoTime": 100},
        {"InversionTime": 2000, "RepetitionTime": 9000},
        {"FlipAngle": 90, "SeriesDescription": "DWI b=1000"},
        {"PixelSpacing": [1, 1]},
    ],
    ids=str,
)
@pytest.mark.parametrize("place", [(), PLACE, ALL])
def test_single_slices_of_different_acquisitions_are_not_one_stack(
    tmp_path: Path, elements: dict[str, Any], place: tuple[str, ...]
) -> None:
    made = without(*place, slices=range(2))([plain(FlipAngle=20)[2], plain(**{"FlipAngle": 20} | elements)[3]])
    assert sorted(stacks(tmp_path, own_series(made))) == [[2], [3]]


def test_three_localising_planes_are_not_one_stack(tmp_path: Path) -> None:
    planes = [[1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1]]
    made = put("ImageOrientationPatient", lambda at: planes[at])(plain()[:3])
    assert sorted(stacks(tmp_path, own_series(made))) == [[0], [1], [2]]


def test_series_that_state_nothing_are_one_stack_only_if_they_are_numbered_throughout(tmp_path: Path) -> None:
    nothing = (*ALL, "SeriesDescription", "RepetitionTime", "EchoTime", "FrameOfReferenceUID", "AcquisitionNumber")
    numbered = own_series(without(*nothing)(plain()))
    assert stacks(tmp_path / "numbered", numbered) == [list(range(COUNT))]
    alike = put("InstanceNumber", lambda _: 1)(own_series(without(*nothing)(plain())))[:3]
    assert sorted(stacks(tmp_path / "alike", alike)) == [[0], [1], [2]]


@pytest.mark.parametrize("place", [(), POSITION, PLACE])
@pytest.mark.parametrize(
    "tell", ["EchoTime", "DiffusionBValue", "EchoNumbers", "TemporalPositionIdentifier", "AcquisitionNumber"]
)
@pytest.mark.parametrize("deal", [lambda made: made, own_series])
def test_passes_without_positions_are_stacks_of_their_own(
    tmp_path: Path, tell: str, place: tuple[str, ...], deal: Pack
) -> None:
    again = put("InstanceNumber", lambda at: 101 + at)(brighter(**{tell: 50}))
    made = without(*place, slices=range(2 * COUNT))(plain(**{tell: 12}) + again)
    assert stacks(tmp_path, deal(made)) == [list(range(COUNT))] * 2


def test_other_sizes_in_one_series_are_stacks_of_their_own(tmp_path: Path) -> None:
    made = plain()
    for at in range(0, COUNT, 2):
        made[at].PixelData, made[at].Rows = head()[at][:40].tobytes(), 40
    assert [len(one) for one in stacks(tmp_path, made)] == [COUNT // 2] * 2


def test_a_series_of_localisers_and_one_of_derived_pictures_stay_aside(tmp_path: Path) -> None:
    made = put("ImageType", lambda at: ["ORIGINAL", "PRIMARY", *["LOCALIZER"] * (at > 0)])(plain())
    assert stacks(tmp_path / "a", made) == [[0]]
    again = brighter(ImageType=["DERIVED", "SECONDARY"])[:3]
    assert stacks(tmp_path / "b", plain() + again) == [list(range(COUNT))], "filtered copies are at places taken"


def test_a_slip_in_one_of_two_passes_is_mended(tmp_path: Path) -> None:
    second = brighter(EchoNumbers=2)
    second[4].ImageType = ["ORIGINAL", "PRIMARY", "LOCALIZER"]
    assert stacks(tmp_path, plain(EchoNumbers=1) + second) == [list(range(COUNT))] * 2


def test_one_slice_of_another_matrix_keeps_its_place(tmp_path: Path) -> None:
    made = plain()
    made[3].PixelData, made[3].Rows = head()[3][:40].tobytes(), 40
    made[3].PixelSpacing = [1, 0.6]
    assert stacks(tmp_path, made) == [[0, 1, 2, -1, 4, 5, 6, 7]]


@pytest.mark.parametrize("classic", [COUNT, COUNT // 2])
@pytest.mark.parametrize("description", ["AX T1", "KEY"])
def test_an_enhanced_copy_of_single_frames_counts_once(tmp_path: Path, classic: int, description: str) -> None:
    copy = instance(
        np.stack(head()),
        SOPClassUID=EnhancedMRImageStorage,
        ImagePositionPatient=None,
        SeriesInstanceUID=generate_uid(),
        SeriesDescription="AX T1",
    )
    copy.PerFrameFunctionalGroupsSequence = [Dataset() for _ in head()]
    for at, frame in enumerate(copy.PerFrameFunctionalGroupsSequence):
        frame.PlanePositionSequence = [Dataset()]
        frame.PlanePositionSequence[0].ImagePositionPatient = [0, 0, at * DISTANCE]
    assert stacks(tmp_path, [*plain(SeriesDescription=description)[:classic], copy]) == [list(range(COUNT))]


def test_a_copy_without_positions_does_not_take_them_away(tmp_path: Path) -> None:
    bare = without(*ALL)(own_series(plain(SeriesDescription="KEY", SeriesNumber=1)))
    made = bare + put("InstanceNumber", lambda _: 1)(plain())
    assert stacks(tmp_path, made) == [list(range(COUNT))]


def part_of_general_electric(made: Dataset, part: int) -> Dataset:
    made.add(DataElement((0x0043, 0x102F), "SS", part))
    return made


def test_magnitude_and_phase_of_general_electric_are_told_apart(tmp_path: Path) -> None:
    pairs = zip(plain(), brighter(), strict=True)
    made = [part_of_general_electric(one, part) for pair in pairs for part, one in enumerate(pair)]
    rng = np.random.default_rng(0)
    numbered = [int(number) for number in rng.permutation(len(made))]
    assert stacks(tmp_path, put("InstanceNumber", numbered.__getitem__)(made)) == [list(range(COUNT))] * 2


def test_before_and_after_contrast_in_one_series_follow_the_numbers(tmp_path: Path) -> None:
    after = put("InstanceNumber", lambda at: 1 + COUNT + at)(brighter())
    assert stacks(tmp_path, plain() + after) == [list(range(COUNT))] * 2


def test_two_stations_are_not_one_stack(tmp_path: Path) -> None:
    other = brighter(StationName="MR2", SeriesInstanceUID=generate_uid(), SeriesNumber=9)
    other = put("ImagePositionPatient", lambda at: [0, 0, (at + 0.5) * DISTANCE])(other)
    assert stacks(tmp_path, plain(StationName="MR1", SliceThickness=1) + other) == [list(range(COUNT))] * 2


@pytest.mark.parametrize("series", ["1.2.3", "1.2.4"])
def test_a_partial_echo_has_the_whole_one_as_its_base_in_one_series_and_in_two(tmp_path: Path, series: str) -> None:
    made = plain(SeriesInstanceUID="1.2.3") + brighter(EchoTime=80, SeriesInstanceUID=series)[2:4]
    paths = [write(tmp_path / f"{at:02d}", one) for at, one in enumerate(made)]
    assert [(len(one.slices), one.base) for one in decode_study(paths)] == [(COUNT, None), (2, 0)]


def enhanced(passes: int, *, dimensions: bool) -> Dataset:
    """The head as one object without positions, its frames in an order of their own."""
    order = [(again, at) for at in range(COUNT) for again in range(passes)]
    np.random.default_rng(1).shuffle(order)
    pixels = np.stack([head()[at] * (1 + again) for again, at in order])
    made = instance(pixels, SOPClassUID=EnhancedMRImageStorage, ImagePositionPatient=None, ImageOrientationPatient=None)
    made.PerFrameFunctionalGroupsSequence = []
    for again, at in order:
        content = Dataset()
        if dimensions:
            content.DimensionIndexValues = [1, again + 1, at + 1]
        else:
            content.StackID, content.InStackPositionNumber, content.TemporalPositionIndex = "1", at + 1, again + 1
        frame = Dataset()
        frame.FrameContentSequence = [content]
        made.PerFrameFunctionalGroupsSequence.append(frame)
    if dimensions:
        made.DimensionIndexSequence = [Dataset() for _ in range(3)]
        for item, tag in zip(made.DimensionIndexSequence, (0x00209056, 0x00209128, 0x00209057), strict=True):
            item.DimensionIndexPointer = tag
    return made


@pytest.mark.parametrize("dimensions", [False, True])
@pytest.mark.parametrize("passes", [1, 2])
def test_an_enhanced_object_without_positions_is_ordered_by_its_dimensions(
    tmp_path: Path, passes: int, dimensions: bool
) -> None:
    assert stacks(tmp_path, [enhanced(passes, dimensions=dimensions)]) == [list(range(COUNT))] * passes


@pytest.mark.parametrize("place", [(), POSITION, PLACE])
def test_several_objects_of_several_frames_follow_each_other(tmp_path: Path, place: tuple[str, ...]) -> None:
    """Their place is that of the first frame."""
    made = []
    for at, first in enumerate(range(0, COUNT, 3)):
        frames = np.stack(head()[first : first + 3])
        there = {"ImagePositionPatient": [0, 0, first * DISTANCE], "SliceLocation": first * DISTANCE}
        made.append(instance(frames, InstanceNumber=1 + at, NumberOfFrames=len(frames), **there))
    assert stacks(tmp_path, without(*place, slices=range(3))(made)) == [list(range(COUNT))]


@pytest.mark.parametrize(
    ("description", "rest"),
    [
        ("AX T1 1", "ax t1"),
        ("AX T1 slice 3 of 20", "ax t1"),
        ("AX_T1_003", "ax t1"),
        ("T1 3/20", "t1"),
        ("t1_mprage_1.0mm", "t1 mprage 1 0mm"),
        ("3D T2* b=1000", "3d t2* b=1000"),
        ("T1 +C", "t1 +c"),
        ("12", ""),
    ],
)
def test_numbers_of_slices_are_no_part_of_a_description(description: str, rest: str) -> None:
    assert without_numbering(description) == rest
