"""What two models say of the same studies, as arrays. Tested in tests/learning/test_checks.py."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from numpy.typing import NDArray

from triage.domain import Band, Finding

FINDINGS = tuple(Finding)
GLIOMA, NOTUMOR = FINDINGS.index(Finding.GLIOMA), FINDINGS.index(Finding.NOTUMOR)
#: Label of a picture that is no brain MRI.
STRANGER = "stranger"

Texts = NDArray[np.str_]
Mask = NDArray[np.bool_]


class _Arrays:
    """Arrays of one length, one entry a study."""

    __slots__ = ()

    def of(self, chosen: Mask) -> Self:
        """Return the studies selected by the mask ``(studies,)``."""
        return type(self)(*(getattr(self, one.name)[chosen] for one in fields(self)))  # type: ignore[arg-type]

    @classmethod
    def joined(cls, several: Sequence[Self]) -> Self:
        """Return the studies of several as one."""
        names = [one.name for one in fields(cls)]  # type: ignore[arg-type]
        return cls(*(np.concatenate([getattr(each, name) for each in several]) for name in names))


@dataclass(frozen=True, slots=True)
class Cases(_Arrays):
    """Studies, or pictures that count as a study each.

    Attributes
    ----------
    names
        Of the studies.
    labels
        A `Finding` or `STRANGER`.
    patients
        Key of the patient; where the patient is not recorded, of pictures that belong together.
    sequences, sources
        Sequence, and scanner or data set; empty where it is not stated.
    """

    names: Texts
    labels: Texts
    patients: Texts
    sequences: Texts
    sources: Texts

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True, slots=True)
class Answers(_Arrays):
    """What a model says of them, as it is served.

    Attributes
    ----------
    probabilities
        ``(studies, classes)``, in the order of `Finding`; nan where the study is refused.
    bands
        ``(studies,)``: the band; empty where the study is refused.
    possible
        ``(studies, classes)``: which classes cannot be ruled out.
    """

    probabilities: NDArray[np.float64]
    bands: Texts
    possible: Mask

    @property
    def refused(self) -> Mask:
        """``(studies,)``: whether the study is refused as no brain MRI."""
        return np.asarray(self.bands == "")

    @property
    def called(self) -> Texts:
        """``(studies,)``: the likeliest class; empty where the study is refused."""
        likeliest = np.nan_to_num(self.probabilities, nan=-1.0).argmax(axis=1)
        return np.where(self.refused, "", np.array(FINDINGS, np.str_)[likeliest])

    def in_band(self, band: Band) -> Mask:
        """``(studies,)``: whether the study stands in this band."""
        return np.asarray(self.bands == band.value)


@dataclass(frozen=True, slots=True)
class Pair:
    """Studies with the answers of both models."""

    cases: Cases
    serving: Answers
    candidate: Answers

    def of(self, chosen: Mask) -> Pair:
        """Return the studies selected by the mask ``(studies,)``."""
        return Pair(self.cases.of(chosen), self.serving.of(chosen), self.candidate.of(chosen))

    def labelled(self, *labels: str) -> Pair:
        """Return the studies with one of the labels."""
        return self.of(np.isin(self.cases.labels, labels))


def together(pairs: Sequence[Pair]) -> Pair:
    """Return the studies of several pairs as one."""
    return Pair(
        Cases.joined([pair.cases for pair in pairs]),
        Answers.joined([pair.serving for pair in pairs]),
        Answers.joined([pair.candidate for pair in pairs]),
    )
