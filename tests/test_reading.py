from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest

from triage.domain import (
    AIResult,
    Band,
    Beyond,
    Confidence,
    Decision,
    Finding,
    Ranking,
    Reading,
    ReadingState,
    ReasonCode,
    Role,
    StudyStatus,
)
from triage.errors import ReadingError
from triage.reading import (
    MAX_COMMENT,
    MAX_LESION,
    Entries,
    as_json,
    from_json,
    hidden_from,
    next_role,
    sign,
    standing,
    status_after,
    status_of,
    was_preliminary,
)

NOW = datetime(2026, 1, 10, 8, 30, tzinfo=UTC)
RESULT = AIResult(
    "m", "a" * 64, dict(zip(Finding, (0.7, 0.1, 0.1, 0.1), strict=True)), Ranking(Band.STAT, "P(glioma) 0.70")
)
EMPTY = AIResult("m", "a" * 64, dict(zip(Finding, (0.1, 0.1, 0.1, 0.7), strict=True)), Ranking(Band.ROUTINE, ""))
GLIOMA, MENINGIOMA, NOTUMOR = Finding.GLIOMA, Finding.MENINGIOMA, Finding.NOTUMOR


def signed(**changes: Any) -> Reading:
    entered: dict[str, Any] = {"finding": GLIOMA}
    called: dict[str, Any] = {
        "reader": "Dr. A",
        "result": RESULT,
        "earlier": (),
        "status": StudyStatus.RANKED,
        "second_read": False,
        "now": NOW,
    }
    names = {field.name for field in fields(Entries)}
    for name, value in changes.items():
        (entered if name in names else called)[name] = value
    return sign(entries=Entries(**entered), **called)


def test_agreeing_confirms() -> None:
    reading = signed(reader="  Dr. A ")
    assert reading.decision is Decision.CONFIRM
    assert reading.reader == "Dr. A"
    assert (reading.state, reading.role) == (ReadingState.FINAL, Role.FIRST)
    assert reading.model_sha256 == RESULT.model_sha256
    assert reading.signed_at == NOW


def test_another_class_overrides_and_keeps_its_reason() -> None:
    reading = signed(finding=MENINGIOMA, reason=ReasonCode.WRONG_CLASS)
    assert (reading.decision, reading.reason) == (Decision.OVERRIDE, ReasonCode.WRONG_CLASS)


def test_a_confirmation_has_no_reason_code() -> None:
    assert signed(reason=ReasonCode.ARTEFACT).reason is None


def test_without_an_ai_result_the_reading_is_unaided() -> None:
    reading = signed(result=None, finding=NOTUMOR)
    assert (reading.decision, reading.model_sha256) == (Decision.UNAIDED, None)


def test_another_lesion_overrides_and_keeps_its_name() -> None:
    reading = signed(finding=Beyond.OTHER_LESION, lesion=" metastasis ", reason=ReasonCode.WRONG_CLASS)
    assert (reading.finding, reading.lesion, reading.decision) == (
        Beyond.OTHER_LESION,
        "metastasis",
        Decision.OVERRIDE,
    )
    assert signed(lesion="typed before the class was chosen").lesion == ""


def test_what_was_committed_blind_and_the_confidence_are_kept() -> None:
    reading = signed(blind=NOTUMOR, confidence=Confidence.LOW)
    assert (reading.blind, reading.confidence) == (NOTUMOR, Confidence.LOW)


def test_a_reading_after_a_settled_one_amends() -> None:
    first = signed()
    amended = signed(
        finding=NOTUMOR, reason=ReasonCode.NO_LESION, earlier=[first], comment="Old images", status=StudyStatus.READ
    )
    assert (amended.state, amended.role) == (ReadingState.AMENDED, Role.AMENDMENT)


@pytest.mark.parametrize(
    ("changes", "remedy"),
    [
        ({"reader": "  "}, "Enter your name"),
        ({"finding": None}, "Choose one"),
        ({"finding": Beyond.OTHER_LESION, "lesion": " "}, "Enter what it is"),
        ({"finding": Beyond.OTHER_LESION, "lesion": "x" * (MAX_LESION + 1)}, "Use the comment"),
        ({"finding": MENINGIOMA}, "Choose why"),
        ({"finding": Beyond.NOT_ANALYSABLE}, "Choose why"),
        ({"finding": MENINGIOMA, "reason": ReasonCode.OTHER, "comment": " "}, "Enter the reason in a few words"),
        ({"earlier": [signed()], "status": StudyStatus.READ}, "Enter what changed"),
        ({"earlier": [signed()], "status": StudyStatus.RANKED}, "Enter what changed"),
        ({"comment": "x" * (MAX_COMMENT + 1)}, "Shorten it"),
    ],
)
def test_what_is_missing_is_named(changes: dict[str, Any], remedy: str) -> None:
    with pytest.raises(ReadingError, match=remedy):
        signed(**changes)


def readings(*said: tuple[str, Finding | Beyond], result: AIResult | None = RESULT) -> list[Reading]:
    """Sign one after the other, with second reads."""
    done: list[Reading] = []
    for reader, finding in said:
        status = status_of(done) if done else StudyStatus.RANKED
        entered = {"finding": finding, "reason": ReasonCode.WRONG_CLASS, "comment": "seen", "lesion": "cyst"}
        done.append(
            signed(reader=reader, earlier=tuple(done), status=status, second_read=True, result=result, **entered)
        )
    return done


@pytest.mark.parametrize(
    ("said", "result", "status", "last"),
    [
        # A glioma by the reader or by the AI waits for another reader; nothing else does.
        ([("A", GLIOMA)], EMPTY, StudyStatus.SECOND_READ, (Role.FIRST, ReadingState.PRELIMINARY)),
        ([("A", GLIOMA)], None, StudyStatus.SECOND_READ, (Role.FIRST, ReadingState.PRELIMINARY)),
        ([("A", NOTUMOR)], RESULT, StudyStatus.SECOND_READ, (Role.FIRST, ReadingState.PRELIMINARY)),
        ([("A", Beyond.OTHER_LESION)], RESULT, StudyStatus.SECOND_READ, (Role.FIRST, ReadingState.PRELIMINARY)),
        ([("A", MENINGIOMA)], EMPTY, StudyStatus.READ, (Role.FIRST, ReadingState.FINAL)),
        ([("A", Beyond.NOT_ANALYSABLE)], None, StudyStatus.READ, (Role.FIRST, ReadingState.FINAL)),
        # The first reader cannot be the second one.
        ([("A", GLIOMA)] * 2, RESULT, StudyStatus.SECOND_READ, (Role.AMENDMENT, ReadingState.PRELIMINARY)),
        ([("A", GLIOMA), ("B", GLIOMA)], RESULT, StudyStatus.READ, (Role.SECOND, ReadingState.FINAL)),
        ([("A", GLIOMA), ("B", NOTUMOR)], RESULT, StudyStatus.ARBITRATION, (Role.SECOND, ReadingState.PRELIMINARY)),
        ([("A", NOTUMOR), ("B", NOTUMOR)], RESULT, StudyStatus.READ, (Role.SECOND, ReadingState.FINAL)),
        # A third reader decides, or one of the two comes round.
        (
            [("A", GLIOMA), ("B", NOTUMOR), ("C", MENINGIOMA)],
            RESULT,
            StudyStatus.READ,
            (Role.ARBITRATION, ReadingState.FINAL),
        ),
        (
            [("A", GLIOMA), ("B", NOTUMOR), ("B", GLIOMA)],
            RESULT,
            StudyStatus.READ,
            (Role.AMENDMENT, ReadingState.FINAL),
        ),
        (
            [("A", GLIOMA), ("B", NOTUMOR), ("A", GLIOMA)],
            RESULT,
            StudyStatus.ARBITRATION,
            (Role.AMENDMENT, ReadingState.PRELIMINARY),
        ),
        # A settled study that somebody now calls a glioma waits again.
        (
            [("A", MENINGIOMA), ("A", GLIOMA)],
            EMPTY,
            StudyStatus.SECOND_READ,
            (Role.AMENDMENT, ReadingState.PRELIMINARY),
        ),
        (
            [("A", MENINGIOMA), ("B", GLIOMA)],
            EMPTY,
            StudyStatus.ARBITRATION,
            (Role.AMENDMENT, ReadingState.PRELIMINARY),
        ),
        # What an arbitration settled stays settled while nobody disagrees with it.
        (
            [("A", GLIOMA), ("B", NOTUMOR), ("C", NOTUMOR), ("A", NOTUMOR)],
            RESULT,
            StudyStatus.READ,
            (Role.AMENDMENT, ReadingState.AMENDED),
        ),
    ],
)
def test_a_glioma_needs_two_readers_of_one_opinion(
    said: list[tuple[str, Finding | Beyond]],
    result: AIResult | None,
    status: StudyStatus,
    last: tuple[Role, ReadingState],
) -> None:
    done = readings(*said, result=result)
    assert status_of(done) is status
    assert status_after(done, result) is status
    assert (done[-1].role, done[-1].state) == last


def test_a_final_reading_is_preliminary_while_its_study_waits() -> None:
    unaided = signed(finding=NOTUMOR, result=None)
    assert standing(unaided, (unaided,), status_of([unaided], RESULT)) is ReadingState.PRELIMINARY
    assert standing(unaided, (unaided,), status_of([unaided], EMPTY)) is ReadingState.FINAL
    other = replace(unaided, reader="Dr. B", role=Role.AMENDMENT)
    assert status_of([unaided, other], RESULT) is StudyStatus.READ, "two readers are of one opinion"


def test_only_another_reader_ends_what_was_preliminary() -> None:
    first, second = readings(("A", GLIOMA), ("B", GLIOMA))
    assert was_preliminary(first, (first, second), StudyStatus.READ)
    assert not was_preliminary(second, (first, second), StudyStatus.READ)
    assert not was_preliminary(first, (first,), StudyStatus.SECOND_READ), "it still is"
    _, amended = readings(("A", GLIOMA), ("A", GLIOMA))
    assert not was_preliminary(amended, (first, amended), StudyStatus.SECOND_READ), "it still is"
    assert not was_preliminary(first, (first, amended), StudyStatus.READ), "nobody else has signed"


def test_late_slices_begin_anew() -> None:
    """The readings of before say nothing about slices that nobody has seen."""
    before = readings(("A", GLIOMA), ("B", GLIOMA))
    entered = {"finding": GLIOMA, "comment": "new slices seen"}
    again = signed(reader="A", earlier=before, status=StudyStatus.RANKED, second_read=True, **entered)
    assert (again.role, again.state) == (Role.FIRST, ReadingState.PRELIMINARY)
    assert next_role("B", [*before, again], StudyStatus.SECOND_READ) is Role.SECOND


def test_the_second_reader_does_not_see_the_first() -> None:
    done = readings(("A", GLIOMA))
    assert hidden_from("B", done, StudyStatus.SECOND_READ)
    assert not hidden_from("A", done, StudyStatus.SECOND_READ)
    both = readings(("A", GLIOMA), ("B", NOTUMOR))
    assert not hidden_from("C", both, StudyStatus.ARBITRATION)


def test_entries_survive_as_json() -> None:
    entries = Entries(Beyond.OTHER_LESION, "cyst", Confidence.HIGH, ReasonCode.ARTEFACT, "x\ny", Finding.GLIOMA)
    assert from_json(as_json(entries), Finding.GLIOMA) == entries
    assert from_json({}) == Entries()


@pytest.mark.parametrize("fields", [{"finding": "cat"}, {"confidence": "very"}, {"comment": 3}, {"reason": None}])
def test_what_a_form_cannot_send_is_refused(fields: dict[str, object]) -> None:
    with pytest.raises(ReadingError, match="Load the page again"):
        from_json(fields)
