"""Which headers can be of one patient."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from triage.domain import StudyHeader
from triage.records.identity import agree

JANE = StudyHeader("1.2", "Doe^Jane", "M1", sex="F", birth_date=date(1970, 1, 1), issuer="HOSPITAL")
NOBODY = StudyHeader("1.2")


@pytest.mark.parametrize(
    "change",
    [
        {"mrn": "M2"},
        {"mrn": ""},
        {"issuer": "CLINIC"},
        {"patient_name": "Roe^Jane"},
        {"patient_name": "Doe^Jane^A"},
        {"patient_name": "Doe^Jane^A^Dr."},
        {"birth_date": date(1970, 1, 2)},
        {"sex": "M"},
        {"sex": "male"},
        {"sex": "O"},
    ],
)
def test_another_patient(change: dict[str, object]) -> None:
    other = replace(JANE, **change)  # type: ignore[arg-type]
    assert not agree(JANE, other)
    assert not agree(other, JANE)


@pytest.mark.parametrize(
    "change",
    [
        {"issuer": ""},
        {"patient_name": ""},
        {"patient_name": "DOE, JANE"},
        {"patient_name": "Doe^Jane^^=\u30c9\u30a6^\u30b8\u30a7\u30a4\u30f3"},
        {"birth_date": None},
        {"sex": ""},
        {"sex": "Female"},
        {"sex": "U"},
        {"patient_name": "Doe^Jane^^Dr.^PhD"},
        {"patient_name": "doe^jane^^^"},
        {"accession_number": "A2", "age": "050Y"},
    ],
)
def test_the_same_patient(change: dict[str, object]) -> None:
    other = replace(JANE, **change)  # type: ignore[arg-type]
    assert agree(JANE, other)
    assert agree(other, JANE)


def test_names_of_every_script_are_compared() -> None:
    one, other = (
        replace(JANE, patient_name=name)
        for name in (
            "\u0418\u0432\u0430\u043d\u043e\u0432\u0430^\u0410\u043d\u043d\u0430",
            "\u041f\u0435\u0442\u0440\u043e\u0432\u0430^\u0410\u043d\u043d\u0430",
        )
    )
    assert not agree(one, other)
    assert agree(one, replace(one, patient_name=one.patient_name.upper()))


def test_without_an_mrn_the_name_decides() -> None:
    assert agree(NOBODY, NOBODY)
    assert agree(replace(NOBODY, patient_name="A"), replace(NOBODY, patient_name="a"))
    assert not agree(NOBODY, replace(NOBODY, patient_name="A"))


def test_two_titles_or_a_title_without_an_mrn_are_two_patients() -> None:
    junior, senior = (replace(JANE, patient_name=f"Doe^John^^^{suffix}") for suffix in ("Jr.", "Sr."))
    assert not agree(junior, senior)
    nameless = replace(junior, mrn=""), replace(junior, mrn="", patient_name="Doe^John")
    assert not agree(*nameless)
