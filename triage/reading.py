"""Confirm, override and amend as pure functions: complete readings out, or an error that names what is missing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from triage.domain import AIResult, Decision, Finding, Reading, ReadingState, ReasonCode
from triage.errors import ReadingError

#: Longest comment: characters.
MAX_COMMENT = 10_000


def sign(
    *,
    reader: str,
    finding: Finding,
    result: AIResult | None,
    earlier: Sequence[Reading],
    reason: ReasonCode | None,
    comment: str,
    now: datetime,
    contents: str | None = None,
) -> Reading:
    """Return the reading that a reader signs.

    Parameters
    ----------
    reader
        Name of the reader.
    finding
        The class that the reader signs.
    result
        The AI result, or None if the study was not analysable.
    earlier
        Signed readings of the study, oldest first; if there are any, this one is an amendment.
    reason
        Required when `finding` differs from the AI result.
    comment
        Required for `ReasonCode.OTHER` and for an amendment.
    now
        Time of signing, aware.
    contents
        Digest of the study's files as the reader saw them, `Study.contents`.

    Raises
    ------
    ReadingError
        If something required is missing.
    """
    reader, comment = reader.strip(), comment.strip()
    if len(comment) > MAX_COMMENT:
        raise ReadingError(f"The comment has more than {MAX_COMMENT:,} characters. Shorten it.")
    if not reader:
        raise ReadingError("A reading needs a reader. Enter your name in the sidebar.")
    decision = _decision(finding, result)
    if decision is Decision.OVERRIDE and reason is None:
        raise ReadingError("An override needs a reason code. Choose why the AI result is wrong.")
    if decision is not Decision.OVERRIDE:
        reason = None
    if reason is ReasonCode.OTHER and not comment:
        raise ReadingError('The reason "other" needs a comment. Enter the reason in a few words.')
    if earlier and not comment:
        raise ReadingError("An amendment needs a comment. Enter what changed since the signed reading.")
    return Reading(
        reader=reader,
        decision=decision,
        finding=finding,
        reason=reason,
        comment=comment,
        state=ReadingState.AMENDED if earlier else ReadingState.FINAL,
        signed_at=now,
        model_sha256=result.model_sha256 if result else None,
        contents=contents,
    )


def _decision(finding: Finding, result: AIResult | None) -> Decision:
    if result is None:
        return Decision.UNAIDED
    return Decision.CONFIRM if finding is result.predicted else Decision.OVERRIDE
