from __future__ import annotations

from itertools import count, islice

from triage.domain import Finding
from triage.learning.lacking import FEWEST_GLIOMAS, lacking
from triage.learning.parts import Part, part_of

TESTED = (name for name in map(str, count()) if part_of(name) is Part.TEST)


def test_only_patients_of_the_test_part_count_and_each_once() -> None:
    assert lacking([]) == (FEWEST_GLIOMAS, 10)
    one, other = islice(TESTED, 2)
    learnt = next(name for name in map(str, count()) if part_of(name) is Part.TRAIN)
    said = [(one, Finding.GLIOMA), (one, Finding.GLIOMA), (other, Finding.NOTUMOR), (learnt, Finding.GLIOMA)]
    assert lacking(said) == (FEWEST_GLIOMAS - 1, 9)
    assert lacking([(one, "cyst")]) == (FEWEST_GLIOMAS, 10), "another lesion is in neither group"


def test_with_enough_patients_nothing_is_lacking() -> None:
    gliomas, others = islice(TESTED, FEWEST_GLIOMAS), islice(TESTED, 12)
    said = [*((name, Finding.GLIOMA) for name in gliomas), *((name, Finding.MENINGIOMA) for name in others)]
    assert lacking(said) == (0, 0)
