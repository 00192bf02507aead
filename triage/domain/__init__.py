"""The terms of the product as frozen types; this room imports no other room of ours."""

from triage.domain.findings import Beyond, Conclusion, Confidence, Finding, conclusion, likeliest
from triage.domain.readings import Decision, Reading, ReadingState, ReasonCode, Role
from triage.domain.results import AIResult, Band, Inputs, OperatingPoints, Ranking, Score, SliceScores
from triage.domain.studies import (
    Kind,
    Meaning,
    Origin,
    Outcome,
    Placement,
    Plane,
    Receipt,
    Resolution,
    Series,
    SeriesHeader,
    Slice,
    StudyHeader,
    StudyStatus,
)

__all__ = [
    "AIResult",
    "Band",
    "Beyond",
    "Conclusion",
    "Confidence",
    "Decision",
    "Finding",
    "Inputs",
    "Kind",
    "Meaning",
    "OperatingPoints",
    "Origin",
    "Outcome",
    "Placement",
    "Plane",
    "Ranking",
    "Reading",
    "ReadingState",
    "ReasonCode",
    "Receipt",
    "Resolution",
    "Role",
    "Score",
    "Series",
    "SeriesHeader",
    "Slice",
    "SliceScores",
    "StudyHeader",
    "StudyStatus",
    "conclusion",
    "likeliest",
]
