"""What another model made of the rank of a study. Tested in tests/records/test_reranks.py."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from triage.domain import Band, Finding


@dataclass(frozen=True, slots=True)
class Rank:
    """A rank, and the model that it comes from; `model` is "" where no model could judge the study."""

    model: str
    band: Band
    malignancy: float | None
    predicted: Finding | None


@dataclass(frozen=True, slots=True)
class Reranked:
    """What another model made of the rank of a study.

    Attributes
    ----------
    refusal
        Why the model refused the study, which kept its rank; otherwise empty.
    """

    study_id: str
    at: datetime
    before: Rank
    after: Rank
    refusal: str = ""

    @property
    def moved(self) -> bool:
        """Whether band or P(glioma), as it is shown, changed."""
        before, after = self.before, self.after
        same = before.band is after.band and shown(before.malignancy) == shown(after.malignancy)
        return not self.refusal and not same

    def said(self) -> str:
        """Return the change in a sentence; nothing if there is none that a reader would see."""
        if not self.moved:
            return ""
        before, after = self.before, self.after
        if before.malignancy is None:
            return f"Ranked anew as {after.band} by {after.model}, not analysable before"
        if before.band is not after.band:
            return f"Ranked anew as {after.band} by {after.model}, as {before.band} by {before.model} before"
        return (
            f"P(glioma) anew {shown(after.malignancy)} by {after.model}, "
            f"{shown(before.malignancy)} by {before.model} before"
        )


def shown(malignancy: float | None) -> str:
    """Return P(glioma) with as many digits as the worklist has."""
    return "" if malignancy is None else f"{malignancy:.2f}"
