"""Confirm, override, amend and read twice as pure functions: complete readings out, or an error with the remedy.

With second reads, a glioma, called by a reader or by the AI, is read once two different readers are of one opinion. If
they disagree, a third one decides, or one of them amends.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from triage.domain import (
    AIResult,
    Beyond,
    Conclusion,
    Confidence,
    Decision,
    Finding,
    Reading,
    ReadingState,
    ReasonCode,
    Role,
    StudyStatus,
    conclusion,
)
from triage.errors import InputError, ReadingError

#: Longest comment: characters.
MAX_COMMENT = 10_000
#: Longest name of another lesion: characters.
MAX_LESION = 200
UNKEPT = "The text holds a character that cannot be kept. Type it anew, without what was pasted."
UNKNOWN_ENTRY = "The form sent an entry that is not known here. Load the page again."
#: Statuses of a study that has readings and still waits for one.
UNSETTLED = (StudyStatus.SECOND_READ, StudyStatus.ARBITRATION)
#: Readings from which on opinions count.
OPENING = (Role.FIRST, Role.ARBITRATION)


@dataclass(frozen=True, slots=True)
class Entries:
    """What a reader has entered so far.

    Attributes
    ----------
    finding
        None while nothing is chosen.
    lesion
        What the other lesion is.
    blind
        What the reader committed before the AI result was shown.
    """

    finding: Conclusion | None = None
    lesion: str = ""
    confidence: Confidence | None = None
    reason: ReasonCode | None = None
    comment: str = ""
    blind: Conclusion | None = None


def as_json(entries: Entries) -> dict[str, str]:
    """Return what the reader entered as plain text by field; `blind` is not among it, since it never changes."""
    return {
        "finding": entries.finding or "",
        "lesion": entries.lesion,
        "confidence": entries.confidence or "",
        "reason": entries.reason or "",
        "comment": entries.comment,
    }


def from_json(fields: Mapping[str, object], blind: Conclusion | None = None) -> Entries:
    """Return entries from plain text by field; what is missing is empty.

    Raises
    ------
    ReadingError
        If a field has a value that it cannot have.
    InputError
        If a text holds a zero byte or half of a character.
    """
    text = {name: fields.get(name, "") for name in ("finding", "lesion", "confidence", "reason", "comment")}
    if not all(isinstance(value, str) for value in text.values()):
        raise ReadingError(UNKNOWN_ENTRY)
    values = {name: str(value) for name, value in text.items()}
    if any(unicodedata.category(character) == "Cs" or character == "\0" for character in "".join(values.values())):
        raise InputError(UNKEPT)
    try:
        return Entries(
            finding=conclusion(values["finding"]) if values["finding"] else None,
            lesion=values["lesion"],
            confidence=Confidence(values["confidence"]) if values["confidence"] else None,
            reason=ReasonCode(values["reason"]) if values["reason"] else None,
            comment=values["comment"],
            blind=blind,
        )
    except ValueError as error:
        raise ReadingError(UNKNOWN_ENTRY) from error


def sign(
    *,
    reader: str,
    entries: Entries,
    result: AIResult | None,
    earlier: Sequence[Reading],
    status: StudyStatus,
    second_read: bool,
    now: datetime,
    contents: str | None = None,
) -> Reading:
    """Return the reading that a reader signs.

    Parameters
    ----------
    reader
        Name of the reader.
    entries
        What the reader entered.
    result
        The AI result, or None if the study was not analysable.
    earlier
        Signed readings of the study, oldest first.
    status
        Of the study as the reader saw it.
    second_read
        Whether a glioma needs a second reader.
    now
        Time of signing, aware.
    contents
        Digest of the study's files as the reader saw them, `Study.contents`.

    Raises
    ------
    ReadingError
        If something required is missing.
    """
    reader, comment, lesion = reader.strip(), entries.comment.strip(), entries.lesion.strip()
    if not reader:
        raise ReadingError("A reading needs a reader. Enter your name in the sidebar.")
    if entries.finding is None:
        raise ReadingError("A reading needs a conclusion. Choose one of the six.")
    if len(comment) > MAX_COMMENT:
        raise ReadingError(f"The comment has more than {MAX_COMMENT:,} characters. Shorten it.")
    if entries.finding is not Beyond.OTHER_LESION:
        lesion = ""
    elif not lesion:
        raise ReadingError("Another lesion needs a name. Enter what it is in a few words.")
    elif len(lesion) > MAX_LESION:
        raise ReadingError(f"The name of the lesion has more than {MAX_LESION} characters. Use the comment.")
    decision = _decision(entries.finding, result)
    reason = entries.reason if decision is Decision.OVERRIDE else None
    if decision is Decision.OVERRIDE and reason is None:
        raise ReadingError("An override needs a reason code. Choose why the AI result is wrong.")
    if reason is ReasonCode.OTHER and not comment:
        raise ReadingError('The reason "other" needs a comment. Enter the reason in a few words.')
    role = next_role(reader, earlier, status)
    if not comment and (role is Role.AMENDMENT or (role is Role.FIRST and earlier)):
        raise ReadingError("An amendment needs a comment. Enter what changed since the signed reading.")
    signed = Reading(
        reader=reader,
        decision=decision,
        finding=entries.finding,
        reason=reason,
        comment=comment,
        state=ReadingState.FINAL,
        signed_at=now,
        model_sha256=result.model_sha256 if result else None,
        contents=contents,
        role=role,
        lesion=lesion,
        confidence=entries.confidence,
        blind=entries.blind,
    )
    if second_read and status_after([*earlier, signed], result) is not StudyStatus.READ:
        return replace(signed, state=ReadingState.PRELIMINARY)
    settled = any(item.state is not ReadingState.PRELIMINARY for item in earlier)
    return replace(signed, state=ReadingState.AMENDED) if settled else signed


def next_role(reader: str, earlier: Sequence[Reading], status: StudyStatus) -> Role:
    """Return which reading of a study this reader would sign now.

    Parameters
    ----------
    reader
        Name of the reader.
    earlier
        Signed readings of the study, oldest first.
    status
        Of the study now.
    """
    if not earlier or status not in (*UNSETTLED, StudyStatus.READ):
        return Role.FIRST
    if status is StudyStatus.READ or reader in opinions(earlier):
        return Role.AMENDMENT
    return Role.SECOND if status is StudyStatus.SECOND_READ else Role.ARBITRATION


def meaning(reading: Reading) -> str:
    """Return what a signature means (21 CFR 11.50): read and confirmed, amended, second reading, arbitration, ..."""
    if reading.role is Role.FIRST:
        return _MEANINGS[reading.decision]
    return {Role.SECOND: "second reading", Role.ARBITRATION: "arbitration"}.get(reading.role, "amended")


def opinions(readings: Sequence[Reading]) -> dict[str, Reading]:
    """Return the opinion of each reader that counts now: their latest reading since the study was last read anew.

    An arbitration settles what came before it.
    """
    opened = next((len(readings) - at for at, item in enumerate(reversed(readings), 1) if item.role in OPENING), 0)
    return {item.reader: item for item in readings[opened:]}


def status_after(readings: Sequence[Reading], result: AIResult | None) -> StudyStatus:
    """Return the status that a study has once its last reading is signed, where gliomas are read twice.

    Parameters
    ----------
    readings
        Signed readings of the study, oldest first, the last one included.
    result
        The AI result that the last one answers, or None.
    """
    last, current = readings[-1], opinions(readings)
    said = {item.finding for item in current.values()}
    called = {*said, result.predicted if result else None}
    if last.role is Role.ARBITRATION or Finding.GLIOMA not in called:
        return StudyStatus.READ
    if len(said) > 1:
        return StudyStatus.ARBITRATION
    return StudyStatus.READ if len(current) > 1 else StudyStatus.SECOND_READ


def status_of(readings: Sequence[Reading], late: AIResult | None = None) -> StudyStatus:
    """Return the status of a study with signed readings that cover all of its files.

    Parameters
    ----------
    readings
        Signed readings of the study, oldest first.
    late
        Where gliomas are read twice: the AI result, which counts if the last one was signed before it was there.
    """
    if readings[-1].state is not ReadingState.PRELIMINARY:
        unanswered = late is not None and readings[-1].decision is Decision.UNAIDED
        return status_after(readings, late) if unanswered else StudyStatus.READ
    said = {item.finding for item in opinions(readings).values()}
    return StudyStatus.ARBITRATION if len(said) > 1 else StudyStatus.SECOND_READ


def superseded(readings: Sequence[Reading]) -> tuple[bool, ...]:
    """Tell of each reading of a study, oldest first, whether a later one took its place.

    The same reader signed again, the study was read anew, or somebody amended or arbitrated what was signed. A second
    reader who agrees supersedes nothing.
    """
    return tuple(
        any(
            later.reader == item.reader or later.role in OPENING or later.state is ReadingState.AMENDED
            for later in readings[at:]
        )
        for at, item in enumerate(readings, 1)
    )


def standing(item: Reading, readings: Sequence[Reading], status: StudyStatus) -> ReadingState:
    """Return the state of a reading now: what counts waits with its study, also where the AI called a glioma later."""
    waits = status in UNSETTLED and item in opinions(readings).values()
    return ReadingState.PRELIMINARY if waits else item.state


def was_preliminary(item: Reading, readings: Sequence[Reading], status: StudyStatus) -> bool:
    """Tell whether a reading was preliminary until another reader signed; otherwise it still is, or never was."""
    later = readings[readings.index(item) + 1 :]
    settled = status is StudyStatus.READ and any(other.reader != item.reader for other in later)
    return settled and item.state is ReadingState.PRELIMINARY


def hidden_from(reader: str, readings: Sequence[Reading], status: StudyStatus) -> bool:
    """Tell whether a reader must not see the readings of a study: as its second reader, before signing."""
    return status is StudyStatus.SECOND_READ and reader not in opinions(readings)


def _decision(finding: Conclusion, result: AIResult | None) -> Decision:
    if result is None:
        return Decision.UNAIDED
    return Decision.CONFIRM if finding is result.predicted else Decision.OVERRIDE


#: What the first signature under a study means, by decision.
_MEANINGS = {
    Decision.CONFIRM: "read and confirmed",
    Decision.OVERRIDE: "read and overridden",
    Decision.UNAIDED: "read without the AI",
}
