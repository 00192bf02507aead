from __future__ import annotations

from dataclasses import replace

from record_samples import reading

from triage.domain import Beyond, Finding, Reading, Role
from triage.learning.stages import agreeing, stage


def signed(*said: tuple[str, Finding | Beyond, Role]) -> list[Reading]:
    return [replace(reading(reader=reader), finding=finding, role=role) for reader, finding, role in said]


def test_a_second_reader_who_agrees_makes_two() -> None:
    readings = signed(("A", Finding.GLIOMA, Role.FIRST), ("B", Finding.GLIOMA, Role.SECOND))
    assert (agreeing(readings[:1]), agreeing(readings)) == (1, 2)
    assert stage(readings, Role.SECOND) is readings[1]
    assert stage(readings, Role.ARBITRATION) is None


def test_the_arbitration_counts_with_those_it_agrees_with() -> None:
    readings = signed(
        ("A", Finding.GLIOMA, Role.FIRST),
        ("B", Finding.MENINGIOMA, Role.SECOND),
        ("C", Finding.GLIOMA, Role.ARBITRATION),
    )
    assert (agreeing(readings[:2]), agreeing(readings)) == (1, 2)


def test_a_reader_counts_once_with_their_latest_opinion() -> None:
    readings = signed(
        ("A", Finding.GLIOMA, Role.FIRST), ("A", Finding.NOTUMOR, Role.AMENDMENT), ("B", Finding.GLIOMA, Role.AMENDMENT)
    )
    assert agreeing(readings) == 1
    assert agreeing(signed(*[(name, Finding.GLIOMA, Role.AMENDMENT) for name in "ABC"])) == 2, (
        "more is not more certain"
    )


def test_what_was_signed_before_a_study_was_read_anew_counts_no_more() -> None:
    readings = signed(
        ("A", Finding.GLIOMA, Role.FIRST), ("B", Finding.GLIOMA, Role.SECOND), ("C", Finding.GLIOMA, Role.FIRST)
    )
    assert agreeing(readings) == 1
    assert stage(readings, Role.FIRST) is readings[2]
    assert stage(readings, Role.SECOND) is None
