from __future__ import annotations

from datetime import date

import pytest
from dicoms import item
from pydicom import Dataset
from pydicom.dataelem import RawDataElement
from pydicom.multival import MultiValue
from pydicom.tag import Tag

from triage.errors import RefusedError
from triage.scans.formats.elements import day, functional, integer, numbers, person, quietly, text


def test_a_text_is_one_visible_line() -> None:
    header = item(StudyDescription="T1\u2028ax\u2029 \u202epost\u200b\x1b[0m ")
    assert text(header, "StudyDescription") == "T1ax post[0m"
    assert text(header, "StudyDescription", 4) == "T1ax"
    assert text(header, "SeriesDescription") == ""


def test_several_values_are_one_text() -> None:
    assert text(item(ImageType=["ORIGINAL", "PRIMARY"]), "ImageType") == "ORIGINAL\\PRIMARY"


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ([1, 2], [1.0, 2.0]),
        (["0,5", "1,25"], [0.5, 1.25]),
        ([1, 2, 3], None),
        ([1, float("nan")], None),
        (["a", "b"], None),
    ],
)
def test_only_the_right_count_of_finite_numbers_is_accepted(value: list[object], found: list[float] | None) -> None:
    header = Dataset()
    header.add_new(0x00280030, "UN", b"")
    header["PixelSpacing"]._value = MultiValue(lambda one: one, value)
    assert numbers(header, "PixelSpacing", 2) == found


def test_missing_and_invalid_elements_have_a_default() -> None:
    header = item(StudyDate="20240230"[:6] + "31")
    assert integer(header, "Rows", 7) == 7
    assert day(header, "StudyDate") is None
    assert day(item(StudyDate="20240229"), "StudyDate") == date(2024, 2, 29)


@pytest.mark.parametrize(
    ("stated", "found"),
    [
        (b"3 ", 3),
        (b"-2147483647 ", -2147483647),
        (b"2147483648", 7),
        (b"9" * 20, 7),
        (b"9" * 5000, 7),
        (b"1e400 ", 7),
        (b"3.5 ", 3),
        (b"first ", 7),
        (b"1\\2 ", 7),
    ],
)
def test_a_number_out_of_range_counts_as_unknown(stated: bytes, found: int) -> None:
    header = Dataset()
    header[0x00200011] = RawDataElement(Tag(0x00200011), "IS", len(stated), stated, 0, False, True)
    assert quietly(integer)(header, "SeriesNumber", 7) == found


def test_a_name_keeps_all_components_and_representations() -> None:
    name = "Doe^Jane^M^Dr=ドウ^ジェーン"
    assert person(item(PatientName=name)) == name
    assert person(item(PatientName="")) == ""


def test_a_functional_group_is_that_of_the_frame_or_the_shared_one() -> None:
    own, shared = item(SliceThickness=2), item(SliceThickness=5)
    header = item(
        PerFrameFunctionalGroupsSequence=[item(PixelMeasuresSequence=[own]), Dataset()],
        SharedFunctionalGroupsSequence=[item(PixelMeasuresSequence=[shared])],
    )
    assert functional(header, 0, "PixelMeasuresSequence").SliceThickness == 2
    assert functional(header, 1, "PixelMeasuresSequence").SliceThickness == 5
    assert functional(header, 0, "PlanePositionSequence") is header


def test_an_element_that_cannot_be_read_is_named() -> None:
    @quietly
    def rows(header: Dataset) -> int:
        return int(header.Rows)

    header = item(SliceThickness=2)
    header[0x00280010] = RawDataElement(Tag("Rows"), "US", 1, b"\1", 0, False, True)
    with pytest.raises(RefusedError, match=r"^Rows \(0028,0010\) cannot be read.*Correct or remove it"):
        rows(header)
    with pytest.raises(RefusedError, match=r"^Rows \(0028,0010\)"):
        quietly(lambda outer: outer.ReferencedImageSequence[0].Rows)(item(ReferencedImageSequence=[header]))


def test_any_error_while_reading_elements_is_a_refusal() -> None:
    @quietly
    def fail(error: Exception) -> None:
        raise error

    with pytest.raises(RefusedError, match="damaged"):
        fail(ZeroDivisionError("patient name"))
    with pytest.raises(RefusedError, match="too large"):
        fail(RefusedError("too large"))
    with pytest.raises(MemoryError):
        fail(MemoryError())
