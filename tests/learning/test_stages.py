from __future__ import annotations

from dataclasses import replace

from record_samples import reading

from triage.domain import Finding, Reading, Role
from triage.learning.stages import agreeing, stage

GLIOMA, MENINGIOMA, _, NOTUMOR = Finding
FIRST, SECOND, ARBITRATION, AMENDMENT = Role


def signed(*said: tuple[str, Finding, Role]) -> list[Reading]:
    return [replace(reading(reader=reader), finding=finding, role=role) for reader, finding, role in said]


def test_a_second_reader_who_agrees_makes_two() -> None:
    readings = signed(("A", GLIOMA, FIRST), ("B", GLIOMA, SECOND))
    assert (agreeing(readings[:1]), agreeing(readings)) == (1, 2)
    assert stage(readings, SECOND) is readings[1]
    assert stage(readings, ARBITRATION) is None


def test_the_arbitration_counts_with_those_it_agrees_with() -> None:
    readings = signed(
        ("A", GLIOMA, FIRST),
        ("B", MENINGIOMA, SECOND),
        ("C", GLIOMA, ARBITRATION),
    )
    assert (agreeing(readings[:2]), agreeing(readings)) == (1, 2)


def test_a_reader_counts_once_with_their_latest_opinion() -> None:
    readings = signed(("A", GLIOMA, FIRST), ("A", NOTUMOR, AMENDMENT), ("B", GLIOMA, AMENDMENT))
    assert agreeing(readings) == 1
    assert agreeing(signed(*[(name, GLIOMA, AMENDMENT) for name in "ABC"])) == 2, "more is not more certain"


def test_what_was_signed_before_a_study_was_read_anew_counts_no_more() -> None:
    readings = signed(("A", GLIOMA, FIRST), ("B", GLIOMA, SECOND), ("C", GLIOMA, FIRST))
    assert agreeing(readings) == 1
    assert stage(readings, FIRST) is readings[2]
    assert stage(readings, SECOND) is None
