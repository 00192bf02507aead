"""What an export says of a patient: sex and age, as coarse as a comparison of groups needs them."""

from __future__ import annotations

import re

from triage.domain import StudyHeader

#: Age in DICOM form (PS3.5 6.2): a number of days, weeks, months or years.
AGE = re.compile(r"(\d{1,3})([DWMY])", re.IGNORECASE)
#: Of each unit in a year.
PER_YEAR = {"D": 365.25, "W": 52.18, "M": 12.0, "Y": 1.0}
#: From this age on, few enough people are alive for the age to name one of them.
OLDEST = 90
DAYS_PER_YEAR = 365.25


def sex(header: StudyHeader) -> str:
    """Return "F", "M" or "O" (other), or "" if the files do not say."""
    said = header.sex.strip().upper()[:1]
    return said if said in ("F", "M", "O") else ""


def age_band(header: StudyHeader) -> str:
    """Return ten years such as "60-69", or "90+"; "" if the files do not say. Without an age the dates count."""
    years = _stated(header.age)
    if years is None and header.birth_date and header.study_date:
        years = (header.study_date - header.birth_date).days / DAYS_PER_YEAR
    if years is None or years < 0:
        return ""
    decade = int(years) // 10 * 10
    return f"{OLDEST}+" if decade >= OLDEST else f"{decade}-{decade + 9}"


def _stated(age: str) -> float | None:
    match = AGE.fullmatch(age.strip())
    return int(match[1]) / PER_YEAR[match[2].upper()] if match else None
