"""Two models on the same signed studies: what the second gained, and what it lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from triage.domain import Finding
from triage.records.answers import Answer


@dataclass(frozen=True, slots=True)
class Pair:
    """What two models said of one study."""

    before: Answer
    after: Answer


@dataclass(frozen=True, slots=True)
class Changes:
    """Two models on the studies that both judged.

    Attributes
    ----------
    pairs
        All of them.
    gained, lost
        Those that only the second, and only the first, got right; gliomas first.
    """

    pairs: tuple[Pair, ...]
    gained: tuple[Pair, ...]
    lost: tuple[Pair, ...]

    @property
    def both_right(self) -> int:
        """Number of studies that both got right."""
        return sum(one.before.is_right and one.after.is_right for one in self.pairs)

    @property
    def both_wrong(self) -> int:
        """Number of studies that both got wrong."""
        return sum(not one.before.is_right and not one.after.is_right for one in self.pairs)


def changes(answers: Iterable[Answer], before: str, after: str) -> Changes:
    """Compare two models by the digests of their cards."""
    found = {(one.study_id, one.card): one for one in answers}
    pairs = tuple(
        Pair(one, found[study_id, after])
        for (study_id, card), one in found.items()
        if card == before and (study_id, after) in found
    )
    gained = [one for one in pairs if one.after.is_right and not one.before.is_right]
    lost = [one for one in pairs if one.before.is_right and not one.after.is_right]
    return Changes(pairs, tuple(sorted(gained, key=_gliomas_first)), tuple(sorted(lost, key=_gliomas_first)))


def failures(answers: Sequence[Answer], card: str) -> list[Answer]:
    """Return the studies that a model got wrong: missed gliomas first, then what it was surest of."""
    wrong = [one for one in answers if one.card == card and not one.is_right]
    return sorted(wrong, key=lambda one: (one.called is not Finding.GLIOMA, -one.probabilities[one.predicted]))


def _gliomas_first(pair: Pair) -> bool:
    return pair.before.called is not Finding.GLIOMA
