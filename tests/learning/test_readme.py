from __future__ import annotations

from triage.learning.readme import readme


def test_it_lists_what_is_missing() -> None:
    assert readme([("s1", "No slices."), ("s2", "No label.")], "d1").endswith("\n  s1  No slices.\n  s2  No label.\n")
    assert "Research use only" in readme([], "d1")


def test_it_says_whether_it_is_de_identified() -> None:
    assert "Not de-identified: studies.csv and readings.csv name the readers" in readme([], "d1")
    assert "De-identified: readers have numbers" in readme([], "d1", deidentified=True)
