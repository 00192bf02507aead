from __future__ import annotations

from datetime import date

import pytest

from triage.domain import StudyHeader
from triage.learning.patients import age_band, sex


@pytest.mark.parametrize(
    ("age", "band"),
    [
        ("054Y", "50-59"),
        ("060Y", "60-69"),
        ("007Y", "0-9"),
        ("011M", "0-9"),
        ("130W", "0-9"),
        ("090Y", "90+"),
        ("104Y", "90+"),
        ("", ""),
        ("old", ""),
    ],
)
def test_an_age_becomes_ten_years(age: str, band: str) -> None:
    assert age_band(StudyHeader(age=age)) == band


def test_without_an_age_the_dates_count() -> None:
    born = StudyHeader(birth_date=date(1960, 5, 1), study_date=date(2026, 3, 2))
    assert age_band(born) == "60-69"
    assert age_band(StudyHeader(birth_date=date(2030, 5, 1), study_date=date(2026, 3, 2))) == ""


@pytest.mark.parametrize(("said", "kept"), [("f", "F"), ("M ", "M"), ("Other", "O"), ("unknown", ""), ("", "")])
def test_a_sex_is_one_of_three_or_not_stated(said: str, kept: str) -> None:
    assert sex(StudyHeader(sex=said)) == kept
