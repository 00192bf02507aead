"""What a study can show: four classes, and what a reader can conclude beside them. Tested in tests/test_domain.py."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum


class Finding(StrEnum):
    """The four classes, in the order of the network's outputs."""

    GLIOMA = "glioma"
    MENINGIOMA = "meningioma"
    PITUITARY = "pituitary"
    NOTUMOR = "notumor"

    @property
    def label(self) -> str:
        """The class as it is shown to a reader."""
        return _LABELS[self]


def likeliest(probabilities: Mapping[Finding, float]) -> Finding:
    """Return the most probable class."""
    return max(probabilities, key=probabilities.__getitem__)


_LABELS = {
    Finding.GLIOMA: "Glioma",
    Finding.MENINGIOMA: "Meningioma",
    Finding.PITUITARY: "Pituitary tumour",
    Finding.NOTUMOR: "No tumour",
}


class Beyond(StrEnum):
    """What a reader can conclude that is none of the four classes; never a class of the network or of its training."""

    OTHER_LESION = "other lesion"
    NOT_ANALYSABLE = "not analysable"

    @property
    def label(self) -> str:
        """The conclusion as it is shown to a reader."""
        return "Other lesion" if self is Beyond.OTHER_LESION else "Not analysable / repeat"


#: What a reading says.
Conclusion = Finding | Beyond


def conclusion(value: str) -> Conclusion:
    """Return the conclusion with this value; ValueError if there is none."""
    return Beyond(value) if value in set(Beyond) else Finding(value)


class Confidence(StrEnum):
    """How sure a reader is."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"
