"""What can be asked of a study without the database."""

from __future__ import annotations

from dataclasses import replace

from record_samples import NOW, instance, result

from triage.domain import Band, SeriesHeader, StudyHeader, StudyStatus
from triage.records.views import SeriesFiles, Study, contents_of


def study(*numbers: int) -> Study:
    series = tuple(SeriesFiles(SeriesHeader(number=number), (instance(number),)) for number in numbers)
    first, second = result(0.7, numbers=(1,)), result(0.3, numbers=(1, 2))
    results = (first, second, replace(first, model="newer"))
    return Study("id", "name", StudyStatus.RANKED, "", Band.ROUTINE, NOW, None, StudyHeader(), series, results, ())


def test_contents_do_not_depend_on_the_order_of_files() -> None:
    assert contents_of(["a", "b"]) == contents_of(["b", "a"])
    assert len({contents_of(digests) for digests in ([], ["a"], ["b"], ["a", "b"], ["ab"])}) == 5


def test_the_result_of_a_study_is_the_newest_for_its_present_files() -> None:
    one, two, three = study(1), study(1, 2), study(1, 2, 3)
    assert (one.result, two.result, three.result) == (one.results[2], two.results[1], None)
    assert two.instances == (instance(1), instance(2))
