"""Which studies would teach the model most if somebody read them next: the order for second reads, as pure functions.

A study teaches by what is not settled about it: two readers disagree, a reader disagrees with the AI, the AI cannot
rule out several classes, or its pictures are unlike those that the model was trained on. A study on which two readers
agree teaches nothing more by another reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from triage.domain import Conclusion, Finding, StudyStatus
from triage.records.unsettled import Said

#: Distance from which on pictures count as wholly unlike those of the training: twice that of most of these.
FAR = 2.0


class Why(StrEnum):
    """What a study would teach by."""

    READERS = "two readers disagree"
    READER_AND_AI = "reader and AI disagree"
    SEVERAL = "several classes cannot be ruled out"
    UNLIKE = "unlike the training data"


#: How much each counts when it is as strong as it can be. A label that two people dispute teaches wrongly until it is
#: settled, so it comes first; a surprise is worth more than a doubt, and a doubt more than a strange scanner.
WEIGHTS: Mapping[Why, float] = {Why.READERS: 4.0, Why.READER_AND_AI: 3.0, Why.SEVERAL: 2.0, Why.UNLIKE: 1.0}


@dataclass(frozen=True, slots=True)
class SecondRead:
    """A study to read next: what it would teach, from 0 to the sum of `WEIGHTS`, and why, the strongest reason first.

    Attributes
    ----------
    readers
        Number of readers whose opinion counts.
    """

    study_id: str
    status: StudyStatus
    readers: int
    value: float
    why: tuple[Why, ...]


def by_what_they_teach(studies: Iterable[Said], reader: str = "") -> list[SecondRead]:
    """Return the studies that would teach something, those that would teach most first.

    Parameters
    ----------
    studies
        What was said of each so far.
    reader
        Who asks: a study that they have read is for somebody else. Empty for nobody in particular.
    """
    found = [_judged(study) for study in studies if not _settled(study) and reader not in study.readers]
    return sorted((one for one in found if one.value > 0), key=lambda one: (-one.value, one.study_id))


def _settled(study: Said) -> bool:
    return len(study.opinions) > 1 and len(set(study.opinions.values())) == 1


def _judged(study: Said) -> SecondRead:
    said = study.opinions.values()
    strength = {
        Why.READERS: float(len(set(said)) > 1),
        Why.READER_AND_AI: max((_surprise(study, opinion) for opinion in said), default=0.0),
        Why.SEVERAL: max(len(study.prediction_set) - 1, 0) / (len(Finding) - 1),
        Why.UNLIKE: min(max((study.distance or 0.0) - 1, 0.0) / (FAR - 1), 1.0),
    }
    parts = {why: WEIGHTS[why] * share for why, share in strength.items() if share > 0}
    why = tuple(sorted(parts, key=lambda one: -parts[one]))
    return SecondRead(study.study_id, study.status, len(study.opinions), sum(parts.values()), why)


def _surprise(study: Said, opinion: Conclusion) -> float:
    """Return how improbable the AI found what a reader concluded, if it is another class than its own."""
    if not isinstance(opinion, Finding):
        return 0.0
    said = study.probabilities[opinion]
    return 1 - said if said < max(study.probabilities.values()) else 0.0
