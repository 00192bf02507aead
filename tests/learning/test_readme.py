from __future__ import annotations

from triage.learning.readme import TEXT, readme


def test_it_lists_what_is_missing() -> None:
    assert readme([]) == TEXT
    assert readme([("s1", "No slices."), ("s2", "No label.")]).endswith("\n  s1  No slices.\n  s2  No label.\n")
    assert "Research use only" in TEXT
