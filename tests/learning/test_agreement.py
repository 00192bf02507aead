from __future__ import annotations

from datetime import date

import pytest

from triage.learning.agreement import age_band, groups, reliability
from triage.records.drift import Alike, Tally


@pytest.mark.parametrize(
    ("age", "band"),
    [("054Y", "40-64"), ("017Y", "0-17"), ("018Y", "18-39"), ("095Y", "65+"), ("030M", "0-17"), ("004W", "0-17")]
    + [(odd, "") for odd in ("", "Y", "54", "xxY", "-1Y", "²Y", "054X")],
)
def test_ages_of_dicom_have_a_band(age: str, band: str) -> None:
    assert age_band(age) == band


def alike(scanner: str, studies: int, agreed: int, *sequences: str) -> Alike:
    return Alike(date(2026, 1, 1), "", "Dr. A", scanner, "F", "054Y", sequences, studies, agreed)


def test_a_group_that_disagrees_more_stands_out() -> None:
    found = groups([alike("A", 200, 180, "T1", "T2"), alike("B", 100, 91, "T1"), alike("C", 60, 36, "T1")])
    assert [(one.name, one.stands_out) for one in found["scanner"]] == [("A", False), ("B", False), ("C", True)]
    assert [(one.name, one.agreed.count) for one in found["sequence"]] == [("T1", 360), ("T2", 200)]
    assert found["scanner"][2].agreed.value == pytest.approx(0.6)
    (only,) = found["reader"]
    assert not only.stands_out, "there is nobody to compare with"


def test_a_small_group_never_stands_out() -> None:
    small, _ = reversed(groups([alike("A", 300, 300), alike("B", 10, 0)])["scanner"])
    assert small.chance < 0.001
    assert not small.stands_out


def test_probabilities_are_beside_what_came_true() -> None:
    def tally(number: int, read: float, expected: float, gliomas: float) -> Tally:
        counts = {"read": read, "expected": expected, "gliomas": gliomas}
        return Tally(date(2026, 1, 1), "", "", counts, number)

    low, high = reliability([tally(1, 40, 0.8, 1), tally(9, 10, 6.5, 6), tally(1, 10, 0.2, 0)])
    assert (low.expected, low.true.part, low.true.count) == (pytest.approx(0.02), 1, 50)
    assert (high.expected, high.true.value) == (pytest.approx(0.65), 0.6)
