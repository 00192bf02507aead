from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from triage.domain import AIResult, Band, Decision, Finding, Ranking, Reading, ReadingState, ReasonCode
from triage.errors import ReadingError
from triage.reading import MAX_COMMENT, sign

NOW = datetime(2026, 1, 10, 8, 30, tzinfo=UTC)
RESULT = AIResult(
    "m", "a" * 64, dict(zip(Finding, (0.7, 0.1, 0.1, 0.1), strict=True)), Ranking(Band.STAT, "P(glioma) 0.70")
)


def signed(**changes: Any) -> Reading:
    entered: dict[str, Any] = {
        "reader": "Dr. A",
        "finding": Finding.GLIOMA,
        "result": RESULT,
        "earlier": (),
        "reason": None,
        "comment": "",
        "now": NOW,
    }
    return sign(**entered | changes)


def test_agreeing_confirms() -> None:
    reading = signed(reader="  Dr. A ")
    assert reading.decision is Decision.CONFIRM
    assert reading.reader == "Dr. A"
    assert reading.state is ReadingState.FINAL
    assert reading.model_sha256 == RESULT.model_sha256
    assert reading.signed_at == NOW


def test_another_class_overrides_and_keeps_its_reason() -> None:
    reading = signed(finding=Finding.MENINGIOMA, reason=ReasonCode.WRONG_CLASS)
    assert (reading.decision, reading.reason) == (Decision.OVERRIDE, ReasonCode.WRONG_CLASS)


def test_a_confirmation_has_no_reason_code() -> None:
    assert signed(reason=ReasonCode.ARTEFACT).reason is None


def test_without_an_ai_result_the_reading_is_unaided() -> None:
    reading = signed(result=None, finding=Finding.NOTUMOR)
    assert (reading.decision, reading.model_sha256) == (Decision.UNAIDED, None)


def test_a_second_reading_amends() -> None:
    first = signed()
    amended = signed(finding=Finding.NOTUMOR, reason=ReasonCode.NO_LESION, earlier=[first], comment="Old images seen")
    assert amended.state is ReadingState.AMENDED


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"reader": "  "}, "Enter your name"),
        ({"finding": Finding.MENINGIOMA}, "Choose why"),
        (
            {"finding": Finding.MENINGIOMA, "reason": ReasonCode.OTHER, "comment": " "},
            "Enter the reason in a few words",
        ),
        ({"earlier": [signed()]}, "Enter what changed"),
        ({"comment": "x" * (MAX_COMMENT + 1)}, "Shorten it"),
    ],
)
def test_what_is_missing_is_named(changes: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ReadingError, match=remedy):
        signed(**changes)
