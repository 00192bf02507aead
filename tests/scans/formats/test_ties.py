"""Which files without a Study Instance UID are of one study."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from drawn_dicom import instance

from triage.scans.formats.ties import tied, ties


def groups(*files: dict[str, Any]) -> list[int]:
    """The group of each file, in the order of their first files."""
    found = tied([ties(instance(**({"StudyInstanceUID": ""} | elements))) for elements in files])
    names = {group: at for at, group in enumerate(dict.fromkeys(found))}
    return [names[group] for group in found]


def test_series_and_frame_of_reference_tie_files_together_if_only_by_others() -> None:
    one, other, between = (
        {"SeriesInstanceUID": "1.1", "FrameOfReferenceUID": "1.8"},
        {"SeriesInstanceUID": "1.2", "FrameOfReferenceUID": "1.9"},
        {"SeriesInstanceUID": "1.2", "FrameOfReferenceUID": "1.8"},
    )
    assert groups(one, other) == [0, 1]
    assert groups(one, other, between) == groups(between, one, other) == [0, 0, 0]


@pytest.mark.parametrize("keyword", ["PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"])
def test_another_patient_is_another_study(keyword: str) -> None:
    values = ("19500101", "19600101") if keyword == "PatientBirthDate" else ("A", "B")
    assert groups({keyword: values[0]}, {keyword: values[1]}, {keyword: values[0]}) == [0, 1, 0]


@pytest.mark.parametrize("frame", [None, "1.2.840.10008.1.4.1.1"])
def test_what_states_nothing_of_its_own_is_alone(frame: str | None) -> None:
    nothing = {"SeriesInstanceUID": None} | ({"FrameOfReferenceUID": frame} if frame else {})
    assert groups(nothing, nothing) == [0, 1]


def test_a_file_that_states_its_study_has_no_ties() -> None:
    assert ties(instance()) == ()
    assert tied([(), (), ()]) == [0, 1, 2]


def test_the_order_of_many_files_says_nothing() -> None:
    chain = [(f"{at}", f"{at + 1}") for at in range(3000)]
    shuffled = np.random.default_rng(0).permutation(len(chain))
    assert len(set(tied([chain[at] for at in shuffled]))) == 1
