from __future__ import annotations

from collections import Counter

import pytest

from triage.learning.parts import Part, part_of

PINNED = ["test", "train", "test", "train", "test", "train"]


def test_the_part_of_a_patient_never_changes() -> None:
    """Whoever changes this test mixes training and test of every data set that was exported before."""
    assert [part_of(f"patient {number}").value for number in range(6)] == PINNED


def test_about_sixty_twenty_and_twenty_of_a_hundred() -> None:
    counts = Counter(part_of(f"{number:032x}") for number in range(10_000))
    assert [counts[part] / 10_000 for part in Part] == pytest.approx([0.6, 0.2, 0.2], abs=0.02)
