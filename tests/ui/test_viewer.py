"""Who the patient is, above the picture."""

from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

from triage.domain import StudyHeader
from triage.ui.viewer import banner


def study(**header: Any) -> Any:
    return SimpleNamespace(name="head.nii", header=StudyHeader(**header), merged=())


def test_the_banner_says_all_that_the_files_say() -> None:
    said = banner(
        study(
            patient_name="Doe^Jane",
            sex="F",
            age="054Y",
            birth_date=date(1972, 1, 2),
            mrn="M1",
            accession_number="A1",
            study_date=date(2026, 3, 4),
        )
    )
    assert said == "Doe, Jane · F · 54Y · born Jan 2, 1972 · MRN M1 · Accession A1 · Mar 4, 2026"


def test_a_picture_without_a_patient_has_its_name() -> None:
    assert banner(study()) == "head.nii"
    assert banner(study(patient_name="A\u202e\nB")) == "A B"


def test_images_that_came_under_another_patient_are_told() -> None:
    shown = study(patient_name="Doe^Jane", mrn="M1")
    shown.merged = ("Merged with images that came under MRN M2",)
    assert banner(shown) == "Doe, Jane · MRN M1 · Merged with images that came under MRN M2"
