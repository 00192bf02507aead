from __future__ import annotations

from triage.learning.readme import readme


def test_it_lists_what_is_missing() -> None:
    assert readme([("s1", "No slices."), ("s2", "No label.")]).endswith("\n  s1  No slices.\n  s2  No label.\n")
    assert "Research use only" in readme([])


def test_it_says_whether_it_is_de_identified() -> None:
    assert "Not de-identified: readings.csv names the readers" in readme([])
    assert "De-identified: readers have numbers" in readme([], deidentified=True)
