"""What a reader says of a study. Tested in tests/test_domain.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from triage.domain.findings import Conclusion, Confidence


class ReadingState(StrEnum):
    """State of a reading, as FHIR DiagnosticReport names it; a preliminary one waits for another reader."""

    PRELIMINARY = "preliminary"
    FINAL = "final"
    AMENDED = "amended"


class Role(StrEnum):
    """Which of the readings of a study one is."""

    FIRST = "first"
    SECOND = "second"
    ARBITRATION = "arbitration"
    AMENDMENT = "amendment"


class Decision(StrEnum):
    """How a reading relates to the AI result."""

    CONFIRM = "confirm"
    OVERRIDE = "override"
    UNAIDED = "unaided"


class ReasonCode(StrEnum):
    """Why a reader overrides the AI result."""

    WRONG_CLASS = "wrong class"
    MISSED_LESION = "missed lesion"
    NO_LESION = "no lesion there"
    ARTEFACT = "artefact or poor image"
    CLINICAL_CONTEXT = "clinical context"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Reading:
    """One signed reading; never changed, only followed by an amendment.

    Attributes
    ----------
    finding
        What the reader concludes.
    contents
        Digest of the files that the reader saw; None in readings signed before it was recorded.
    role
        Which reading of the study it is.
    lesion
        What the other lesion is, in the reader's words; empty for every other conclusion.
    confidence
        None if the reader did not say.
    blind
        What the reader had concluded before the AI result was shown; None if it was in sight from the start.
    account
        ID of the account that the reader signed with; None without accounts.
    """

    reader: str
    decision: Decision
    finding: Conclusion
    reason: ReasonCode | None
    comment: str
    state: ReadingState
    signed_at: datetime
    model_sha256: str | None = None
    contents: str | None = None
    role: Role = Role.FIRST
    lesion: str = ""
    confidence: Confidence | None = None
    blind: Conclusion | None = None
    account: str | None = None
