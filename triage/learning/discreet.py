"""What a de-identified export leaves out: who read, what was written in free text, and when exactly."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: What series descriptions say about sequence, plane and contrast; every other word is left out.
KNOWN_WORD = re.compile(
    r"""(?<![^\W_])(?:
        2d|3d|t1|t1c|t1ce|t1w|t2|t2w|pd|flair|dwi|diff|adc|swi|ep2d|stir|fluid|dark|iso|head|brain|mr|mri|mrt
        |ax|axial|tra|trans|cor|coronal|sag|sagittal|pre|post|ce|contrast|gd|fat|fs|sat
        |se|fse|tse|turbo|fast|spin|ge|gre|space|cube|vista|mpr|mprage|mp2rage|spgr|tfe|ve|vibe
    )(?![^\W_])""",
    re.IGNORECASE | re.VERBOSE,
)

#: Columns of a study that name a reader.
STAGES = ("first_reader", "second_reader", "arbiter")


class Discretion:
    """Replaces what could identify a reader or a patient in the rows of an export; a reader has one number in all."""

    def __init__(self) -> None:
        self._readers: dict[str, str] = {}

    def reading(self, cells: Mapping[str, object]) -> dict[str, object]:
        """Return the cells of a reading with a number for its reader, the month of its signature and no free text."""
        month = str(cells["signed_at"])[:7]
        return {**cells, "reader": self._number(cells["reader"]), "signed_at": month, "comment": "", "lesion": ""}

    def study(self, cells: Mapping[str, object]) -> dict[str, object]:
        """Return the cells of a study with numbers for its readers."""
        return {**cells, **{stage: self._number(cells[stage]) for stage in STAGES}}

    def slice(self, cells: Mapping[str, object]) -> dict[str, object]:
        """Return the cells of a slice without what a series description says beside the sequence."""
        return {**cells, "sequence": known_words(str(cells["sequence"]))}

    def _number(self, reader: object) -> str:
        return self._readers.setdefault(str(reader), f"reader {len(self._readers) + 1}") if reader else ""


def known_words(description: str) -> str:
    """Return the words of a series description that name a sequence, a plane or contrast."""
    return " ".join(KNOWN_WORD.findall(description))
